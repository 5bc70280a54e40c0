//! What happens next: the pure state machine, events in, commands out.
//!
//! Holds the events of an execution, the state that they fold into, the rules about what follows, and how a result's
//! status comes about. Holds no clock, no disk, no tool and no policy: time and outcomes come in as events, calls go
//! out as commands, permits come from `mandate-policy`.
//!
//! Start reading at [`life`], then [`event`], then `apply.rs` and `decide.rs`; [`turn`] is how a host drives it all and
//! [`replay`] how a journal is checked against it.

pub mod agent;
mod answer;
mod apply;
mod apply_step;
mod ask;
mod assent;
mod behaviour;
mod budget;
mod call;
mod carry;
mod compensate;
mod confirm;
mod decide;
mod doubt;
pub mod event;
mod failure;
mod fallback;
mod finally;
mod follow_up;
mod held;
mod invariant;
mod items;
mod labels;
pub mod life;
mod narrowed;
mod nested;
mod outside;
mod overriding;
mod progress;
mod question;
mod readiness;
pub mod replay;
mod repolicied;
pub mod retry;
mod revision;
mod scope;
mod sensitive;
mod settle;
mod sleep;
mod state;
mod status;
pub mod turn;
mod undo;
mod units;
mod waiting;
mod wind_down;

pub use agent::{AGENT_IDLE_MS, AgentData, AskedCall};
pub use answer::NotAnAnswer;
pub use apply::{Applied, SLEEP, is_counted};
pub use ask::REQUEST_EXPIRES_MS;
pub use assent::{Said, Weighed};
pub use behaviour::{BEHAVIOUR, Flag, NewerBehaviour};
pub use budget::Start;
pub use call::idempotency_key;
pub use carry::{CannotCarry, carry};
pub use compensate::Undo;
pub use decide::{Command, decide};
pub use event::{
    ApprovedBefore, Body, Created, Event, FailureKind, Fault, Parent, Status, WaitingFor,
};
pub use labels::StepLabels;
pub use life::{Phase, PhaseChange, StepChange, StepState};
pub use narrowed::{Basis, StandsOn};
pub use nested::{OpenChild, RUN, child_execution_id};
pub use outside::{CallEnd, OutsideCall, OverCall, call_id, parse_call_id};
pub use overriding::Override;
pub use question::ASK;
pub use replay::{Difference, Replayed, fold, replay};
pub use revision::{NotARevision, Proposed};
pub use settle::{CallOutcome, settle};
pub use state::{
    BadStart, Conclusion, Confirmed, Ending, Fallback, GRACE_MS, Hold, InvariantData, OpenRequest,
    State, StepData, Stop, Unit,
};
pub use turn::{Abort, Gate, Started, Turned, begin, turn};
