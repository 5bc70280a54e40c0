//! Driving it: the owner process that carries out what the engine asks.
//!
//! Holds the reactor ([`host`]), what surfaces ask of it ([`ask`]), recovery from the journal, and the rows that lists
//! read. Decides nothing about plans (that is `mandate-engine`) or permission (`mandate-policy`), and touches neither disk
//! nor clock but through [`Journal`](mandate_store::Journal), [`Tools`](mandate_tools::Tools), [`Clock`] and [`Spawn`].
//!
//! Start reading at [`host`]; [`local`] is what a process uses.

mod admission;
mod agenda;
pub mod ask;
mod calls;
mod clock;
mod drive;
mod gate;
pub mod host;
mod known_plans;
pub mod local;
mod nested;
pub mod projection;
pub mod record;
pub mod recovery;
mod spawn;
mod submit;
mod supported;
mod verify;

pub use ask::{Ask, HostError, Rest, Submission, Submitted, Update};
pub use clock::{Clock, SystemClock};
pub use drive::Place;
pub use host::{Host, Ids, Input, Parts, Post};
pub use local::{LocalHost, RandomIds};
pub use spawn::{OnTokio, Spawn, Task};
pub use submit::APPROVAL_EXPIRES_MS;
pub use verify::Rebuilder;
