//! Which events come from outside the engine.

use super::Body;

impl Body {
    /// Whether the event comes from outside the engine (an outcome, a person, a clock, a host) rather than following
    /// from the state. A replay reads inputs and re-derives the rest.
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Body::ExecutionCreated(_)
                | Body::HostStarted { .. }
                | Body::HostLeaving { .. }
                | Body::HostStopped { .. }
                | Body::ExecutionStarted { .. }
                | Body::StartHeld { .. }
                | Body::TimerFired { .. }
                | Body::CallRequested { .. }
                | Body::FinishRequested { .. }
                | Body::CallRefused { .. }
                | Body::RefusalsCounted { .. }
                | Body::Thawed { .. }
                | Body::StepResolved { .. }
                | Body::ChildWaiting { .. }
                | Body::RequestAnswered(_)
                | Body::AnswerCounted(_)
                | Body::RequestExpired { .. }
                | Body::ChoiceRecorded { .. }
                | Body::RevisionProposed { .. }
                | Body::TokenIssued { .. }
                | Body::UsageRecorded { .. }
                | Body::ExecutionPaused { .. }
                | Body::ExecutionResumed { .. }
                | Body::CancelRequested { .. }
                | Body::ApprovalRevoked { .. }
                | Body::OverrideGranted { .. }
                | Body::PolicyChanged { .. }
                | Body::AgentTold { .. }
                | Body::FindingRecorded { .. }
        )
    }
}
