//! Revoking: the approval of an execution that runs is taken back. No call of it is permitted any more, nor of the
//! plans that it holds, and it stops.

use crate::ask::HostError;
use crate::host::Host;
use mandate_engine::Body;
use std::sync::mpsc::Sender;

/// What is said where there is nothing to take back.
const NOT_APPROVED: &str = "nobody approved this execution, or it is ending already; \
    a request that is open is rejected, and an execution that policy allows is cancelled";

impl Host {
    /// Takes the approval back.
    pub(crate) fn revoke(
        &mut self,
        execution_id: &str,
        body: Body,
        reply: Sender<Result<(), HostError>>,
    ) {
        self.input(execution_id, body.clone(), reply, NOT_APPROVED);
        self.pass_down(execution_id, &body);
    }
}
