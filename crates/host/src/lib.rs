//! Driving it: the owner process that carries out what the engine asks.
//!
//! Holds the reactor ([`host`]), what surfaces ask of it ([`ask`]), recovery from the journal, and the rows that lists
//! read. Decides nothing about plans (that is `mandate-engine`) or permission (`mandate-policy`), and touches neither disk
//! nor clock but through [`Journal`](mandate_store::Journal), [`Tools`](mandate_tools::Tools), [`Clock`] and [`Spawn`].
//!
//! Start reading at [`host`]; [`local`] is what a process uses, [`server`] lets others use it, and [`client`] is how they do.

mod admission;
mod agenda;
mod agent;
mod answering;
mod approved_before;
pub mod ask;
mod asking;
mod backlog;
pub mod backtest;
mod calls;
pub mod client;
mod clock;
mod connection;
mod drive;
mod following;
mod freezing;
mod gate;
mod gateway;
mod handle;
pub mod host;
mod input;
mod intake;
mod jobs;
mod judging;
pub mod keys;
mod kind;
mod known_plans;
mod leaving;
pub mod local;
mod log_lines;
mod look_up;
mod looking_on;
pub mod made_keys;
mod nested;
pub mod notify;
mod observed;
mod overriding;
mod packed;
mod parking;
mod peer;
mod policies;
pub mod projection;
mod queue;
pub mod record;
pub mod recovery;
mod refusals;
mod refused;
mod remedies;
mod reserving;
pub mod retention;
mod revising;
mod revoking;
pub mod server;
mod sessions;
pub mod shadow;
mod socket;
mod spawn;
pub mod standing;
mod store_failed;
mod submit;
mod supported;
pub mod switch;
mod system_rows;
mod taking_up;
mod tokens;
pub mod tool_acts;
mod unplanned;
mod verify;
mod wire;
mod witness;

pub use agent::{
    AgentAnswer, AgentAsk, AgentReply, AgentWish, CallableStep, Claims, Reading, Shown, TakenCall,
};
pub use approved_before::{Compared, compared};
pub use ask::{Ask, HostError, Rerun, Rest, Revises, Submission, Submitted, Update};
pub use asking::Local;
pub use backtest::{BacktestReport, backtest};
pub use client::Client;
pub use clock::{Clock, SystemClock};
pub use connection::Connection;
pub use drive::Place;
pub use following::{Follower, Notice, Resting};
pub use gateway::{Gateway, REFUSALS_PER_MINUTE, Unplanned};
pub use handle::Handle;
pub use host::{Host, Ids, Input, Parts, Post, Report};
pub use intake::{Intake, Looked, Proposal};
pub use jobs::{Analysis, Job, JobMode, JobState, Jobs, NoResult, Repeatable};
pub use keys::{ApiKey, KeyAct, KeyActed, KeyRing, Keys, KnownKey};
pub use kind::{Exit, Kind};
pub use leaving::Doings;
pub use local::{LocalHost, RandomIds, Terms};
pub use look_up::StatusAnswer;
pub use observed::{Committed, Observed};
pub use overriding::Overriding;
pub use policies::{OnChange, POLICY_ACTIVATED, PolicyTerms, Restore, activate};
pub use queue::MAX_ACTIVE;
pub use reserving::set_aside;
pub use server::Server;
pub use sessions::{IDLE_MS as SESSION_IDLE_MS, call_row};
pub use shadow::{Shadowed, shadowed};
pub use spawn::{OnTokio, Spawn, Task};
pub use standing::{Ledger, StandingAct, StandingApproval, StandingTerms};
pub use submit::APPROVAL_EXPIRES_MS;
pub use switch::{Freeze, Switch};
pub use tokens::{Issued, TokenSource, TokenText};
pub use tool_acts::{ToolAct, ToolActed};
pub use verify::Rebuilder;
pub use wire::{Answered, Farewell, PROTOCOL};
pub use witness::{Judgement, Witness};
