//! Whether it may happen, and why: evaluate, admit, enforce.
//!
//! Three questions, asked in this order. [`evaluate()`]: what would this plan do, how risky is it, what do the rules say?
//! [`admit`]: may this execution of it start? [`enforce()`]: may this one call be made now?
//!
//! Pure: no clock, no I/O, no randomness, no threads. Time and counters come in as arguments, decisions go out as
//! values for the journal. It does not know how tools are called, how approvals are asked for, or what happens next.
//!
//! Start reading at `evaluate.rs`, then `approved.rs`, then `enforce.rs`.

pub mod approved;
pub mod approver;
pub mod argument_rules;
pub mod assent;
mod assess;
pub mod call;
pub mod classification;
pub mod classify;
pub mod command;
pub mod dataflow;
pub mod decision;
mod delta;
pub mod enforce;
pub mod evaluate;
mod examine;
pub mod explain;
pub mod flow;
pub mod guard;
pub mod judged;
mod known_args;
pub mod labels;
mod lately;
pub mod narrowed;
mod nested;
pub mod normalise;
pub mod past;
pub mod patterns;
mod planned;
mod planned_call;
pub mod principal;
mod ready_calls;
pub mod refusal;
pub mod resources;
pub mod risk;
pub mod rules;
pub mod session;
pub mod suspicious;
pub mod tag;
pub mod token;
pub mod tool_table;
pub mod turn;

pub use approved::{ApprovedPlan, admit, admit_like, admit_with};
pub use approver::{Approval, Approver, Grant};
pub use assent::Assent;
pub use call::{Purpose, ResolvedCall, SecretSlot};
pub use classification::Classification;
pub use decision::{CallForecast, Decision, Outcome, Reason, StepAssessment};
pub use delta::{ChangedCall, Delta, delta};
pub use enforce::{Permit, counts_as_call, enforce};
pub use evaluate::{EvaluateRequest, evaluate, evaluate_examined, evaluate_with, evaluate_within};
pub use examine::{Examination, KnownExaminations};
pub use explain::{CallSeen, Explaining, RuleSeen};
pub use flow::{CallFlow, FlowCode, FlowPath, SinkFlow, SinkKind};
pub use guard::ResourceGuard;
pub use judged::{CallToJudge, JudgedCall, Reached, judge_call, limit_reached};
pub use labels::{Label, Labels};
pub use narrowed::{Stands, admit_narrowed, stands_for};
pub use nested::nested_facts;
pub use past::{PastTools, past_flow};
pub use principal::{Principal, Right};
pub use ready_calls::KnownCalls;
pub use refusal::Refusal;
pub use rules::{FirstPolicy, Rules};
pub use session::{Limits, RECENT, SessionView};
pub use suspicious::suspicions;
pub use tool_table::ToolTable;
pub use turn::Turn;
