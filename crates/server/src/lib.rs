//! Surfaces: the HTTP API, live events and the web console.
//!
//! Translates requests to what the host is asked, and what it answers back. Decides nothing: who may do what is for the
//! host and the table of rights, what a plan may do for policy, what happens next for the engine.
//!
//! Start reading at [`serving`], which accepts connections; `routes` is the table of everything that is answered, each
//! row with the right that it needs. [`view`] holds the shapes, which commands print too.

mod access;
mod asked;
mod assets;
mod beside;
mod body;
mod examined;
mod export;
mod forms;
mod head;
mod idempotency;
mod lanes;
mod listener;
pub mod live;
mod openapi;
mod problem;
mod quiet;
mod request_id;
mod routes;
pub mod serving;
mod settings;
pub mod shown;
mod site;
mod sse;
pub mod step_path;
pub mod telemetry;
mod verb;
pub mod view;
pub mod when;

pub use beside::Beside;
pub use live::Live;
pub use openapi::text as openapi_text;
pub use serving::{Parts, Serving};
pub use settings::ServerSettings;
pub use telemetry::Telemetry;
