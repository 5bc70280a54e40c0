//! What people and programs are shown.

pub(crate) mod decision;
pub(crate) mod delta;
pub(crate) mod event;
pub(crate) mod execution;
pub(crate) mod policy;
pub(crate) mod request;
pub(crate) mod shown;
pub(crate) mod step;
pub(crate) mod table;
pub(crate) mod undo;
pub(crate) mod violations;
