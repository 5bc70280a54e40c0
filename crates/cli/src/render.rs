//! What people and programs are shown.

pub(crate) mod approved_before;
pub(crate) mod decision;
pub(crate) mod delta;
pub(crate) mod event;
pub(crate) mod execution;
pub(crate) mod policy;
pub(crate) mod request;
pub(crate) mod step;
pub(crate) mod table;
pub(crate) mod undo;
pub(crate) mod violations;

pub(crate) use mandate_server::shown;
