//! The two lives: of a step (or one item of it) and of an execution. Each is one table of legal changes; everything
//! that is not in the table changes nothing.

use serde::{Deserialize, Serialize};

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// A call is under way.
    Running,
    /// Waits for a timer, a back-off or a human.
    Waiting,
    /// Called, outcome unknown.
    InDoubt,
    /// Done.
    Completed,
    /// Failed, and a fallback took its place.
    Recovered,
    /// Will not be tried again.
    Failed,
    /// Will not run, by its `if` or because of a step that it needs.
    Skipped,
    /// Its call was refused.
    Blocked,
    /// The execution ended before it could.
    Cancelled,
}

impl StepState {
    /// Every state, in the order of the documentation.
    pub const ALL: [StepState; 10] = [
        StepState::Pending,
        StepState::Running,
        StepState::Waiting,
        StepState::InDoubt,
        StepState::Completed,
        StepState::Recovered,
        StepState::Failed,
        StepState::Skipped,
        StepState::Blocked,
        StepState::Cancelled,
    ];

    /// The state as it is written outside.
    pub fn as_str(self) -> &'static str {
        match self {
            StepState::Pending => "pending",
            StepState::Running => "running",
            StepState::Waiting => "waiting",
            StepState::InDoubt => "in_doubt",
            StepState::Completed => "completed",
            StepState::Recovered => "recovered",
            StepState::Failed => "failed",
            StepState::Skipped => "skipped",
            StepState::Blocked => "blocked",
            StepState::Cancelled => "cancelled",
        }
    }

    /// It will not change again by itself: what failed may still recover, or be tried again because a human says so.
    pub fn settled(self) -> bool {
        match self {
            StepState::Pending | StepState::Running | StepState::Waiting | StepState::InDoubt => {
                false
            }
            StepState::Completed
            | StepState::Recovered
            | StepState::Failed
            | StepState::Skipped
            | StepState::Blocked
            | StepState::Cancelled => true,
        }
    }

    /// Steps that need it may use its output.
    pub fn usable(self) -> bool {
        matches!(self, StepState::Completed | StepState::Recovered)
    }
}

/// What can happen to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StepChange {
    /// An attempt begins.
    Start,
    /// It waits for a timer of its own, or for the answer to its question.
    Sleep,
    /// Its first call waits: for a human, a rate, or the end of a freeze.
    Hold,
    /// What its first call waited for is there.
    Release,
    /// It is done.
    Complete,
    /// An attempt failed, and another follows; by itself, or because a human says so.
    Retry,
    /// It failed for good.
    Fail,
    /// The host that ran the attempt is gone.
    Interrupt,
    /// Nobody knows whether the effect happened.
    Doubt,
    /// A fallback took its place.
    Recover,
    /// It will not run.
    Skip,
    /// Its call was refused.
    Block,
    /// The execution ends before it could.
    Cancel,
}

impl StepChange {
    /// Every change, in the order of the documentation.
    pub const ALL: [StepChange; 13] = [
        StepChange::Start,
        StepChange::Sleep,
        StepChange::Hold,
        StepChange::Release,
        StepChange::Complete,
        StepChange::Retry,
        StepChange::Fail,
        StepChange::Interrupt,
        StepChange::Doubt,
        StepChange::Recover,
        StepChange::Skip,
        StepChange::Block,
        StepChange::Cancel,
    ];
}

/// The change is not one of the state's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this cannot happen here")]
pub struct Illegal;

/// The life of a step.
///
/// # Errors
/// [`Illegal`] for every pair that is not in the table.
pub fn next_step_state(state: StepState, change: StepChange) -> Result<StepState, Illegal> {
    use StepChange as C;
    use StepState as S;
    match (state, change) {
        (S::Pending, C::Start) => Ok(S::Running),
        (S::Pending, C::Complete) => Ok(S::Completed), // `for_each` over nothing
        (S::Pending, C::Fail) => Ok(S::Failed),        // an expression erred; nothing was called
        (S::Pending, C::Hold) => Ok(S::Waiting),
        (S::Pending, C::Skip) => Ok(S::Skipped),
        (S::Pending, C::Block) => Ok(S::Blocked),
        (S::Pending, C::Cancel) => Ok(S::Cancelled),

        (S::Running, C::Sleep) => Ok(S::Waiting),
        (S::Running, C::Complete) => Ok(S::Completed),
        (S::Running, C::Retry) => Ok(S::Waiting),
        (S::Running, C::Fail) => Ok(S::Failed),
        (S::Running, C::Interrupt) => Ok(S::Waiting),
        (S::Running, C::Doubt) => Ok(S::InDoubt),
        (S::Running, C::Cancel) => Ok(S::Cancelled), // a read that was stopped with the execution

        (S::Waiting, C::Start) => Ok(S::Running),
        (S::Waiting, C::Release) => Ok(S::Pending),
        (S::Waiting, C::Complete) => Ok(S::Completed), // a sleep is over, a question answered
        (S::Waiting, C::Fail) => Ok(S::Failed),
        (S::Waiting, C::Doubt) => Ok(S::InDoubt), // interrupted, and not to be repeated
        (S::Waiting, C::Block) => Ok(S::Blocked),
        (S::Waiting, C::Cancel) => Ok(S::Cancelled),

        (S::InDoubt, C::Complete) => Ok(S::Completed),
        (S::InDoubt, C::Retry) => Ok(S::Waiting),
        (S::InDoubt, C::Fail) => Ok(S::Failed),

        (S::Failed, C::Recover) => Ok(S::Recovered),
        (S::Failed, C::Retry) => Ok(S::Waiting), // a human was asked

        (S::Pending, C::Sleep | C::Release | C::Retry | C::Interrupt | C::Doubt | C::Recover)
        | (S::Running, C::Start | C::Hold | C::Release | C::Recover | C::Skip | C::Block)
        | (S::Waiting, C::Sleep | C::Hold | C::Retry | C::Interrupt | C::Recover | C::Skip)
        | (S::InDoubt, C::Start | C::Sleep | C::Hold | C::Release | C::Interrupt | C::Doubt)
        | (S::InDoubt, C::Recover | C::Skip | C::Block | C::Cancel)
        | (S::Failed, C::Start | C::Sleep | C::Hold | C::Release | C::Complete | C::Fail)
        | (S::Failed, C::Interrupt | C::Doubt | C::Skip | C::Block | C::Cancel)
        | (S::Completed | S::Recovered | S::Skipped | S::Blocked | S::Cancelled, _) => Err(Illegal),
    }
}

/// Where an execution is in its life. What people see ([`crate::State::shown_state`]) follows from this and from what
/// its steps wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It exists; its plan is not admitted yet.
    Created,
    /// Its steps may start.
    Active,
    /// No step starts any more; running calls come to an end, doubts are resolved.
    Stopping,
    /// What the steps did is undone.
    Compensating,
    /// How it ends stands; the steps under `finally` run.
    Closing,
    /// It has ended.
    Ended,
}

impl Phase {
    /// Every phase, in the order of the documentation.
    pub const ALL: [Phase; 6] = [
        Phase::Created,
        Phase::Active,
        Phase::Stopping,
        Phase::Compensating,
        Phase::Closing,
        Phase::Ended,
    ];
}

/// What can happen to an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PhaseChange {
    /// Its plan was admitted.
    Start,
    /// Something ends it before its plan does.
    Stop,
    /// The first undo call begins.
    Undo,
    /// How it ends stands, and `finally` begins.
    Close,
    /// It ends.
    Finish,
}

impl PhaseChange {
    /// Every change, in the order of the documentation.
    pub const ALL: [PhaseChange; 5] = [
        PhaseChange::Start,
        PhaseChange::Stop,
        PhaseChange::Undo,
        PhaseChange::Close,
        PhaseChange::Finish,
    ];
}

/// The life of an execution.
///
/// # Errors
/// [`Illegal`] for every pair that is not in the table.
pub fn next_phase(phase: Phase, change: PhaseChange) -> Result<Phase, Illegal> {
    use Phase as P;
    use PhaseChange as C;
    match (phase, change) {
        (P::Created, C::Start) => Ok(P::Active),
        (P::Created, C::Stop) => Ok(P::Stopping),
        (P::Active, C::Stop) => Ok(P::Stopping),
        (P::Active, C::Undo) => Ok(P::Compensating), // the plan ran to its end and achieved nothing
        (P::Active, C::Close) => Ok(P::Closing),
        (P::Active, C::Finish) => Ok(P::Ended),
        (P::Stopping, C::Undo) => Ok(P::Compensating),
        (P::Stopping, C::Close) => Ok(P::Closing),
        (P::Stopping, C::Finish) => Ok(P::Ended),
        (P::Compensating, C::Close) => Ok(P::Closing),
        (P::Compensating, C::Finish) => Ok(P::Ended),
        (P::Closing, C::Finish) => Ok(P::Ended),

        (P::Created, C::Undo | C::Close | C::Finish)
        | (P::Active, C::Start)
        | (P::Stopping, C::Start | C::Stop)
        | (P::Compensating, C::Start | C::Stop | C::Undo)
        | (P::Closing, C::Start | C::Stop | C::Undo | C::Close)
        | (P::Ended, _) => Err(Illegal),
    }
}
