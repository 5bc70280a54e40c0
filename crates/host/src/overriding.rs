//! Overrides: the operator lets one call of a step pass a policy deny.

use crate::ask::HostError;
use crate::host::Host;
use mandate_engine::{Body, State};
use std::sync::mpsc::Sender;

/// Which step is let pass, by whom and why.
#[derive(Debug, Clone)]
pub struct Overriding {
    /// The step.
    pub step: String,
    /// The item.
    pub item: Option<u32>,
    /// Who lets it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// The input that an override is: bound to the arguments that the step has as things stand.
///
/// # Errors
/// There is no such step, it has begun, or its arguments are not known yet.
pub(crate) fn input_of(state: &State, overriding: Overriding) -> Result<Body, HostError> {
    let call = state
        .first_call(&overriding.step, overriding.item)
        .map_err(|fault| HostError::NotNow(fault.message))?;
    Ok(Body::OverrideGranted {
        step: overriding.step,
        by: overriding.by,
        reason: overriding.reason,
        args_digest: call.args_digest(),
        item: overriding.item,
    })
}

impl Host {
    /// Somebody lets a step pass.
    pub(crate) fn override_step(
        &mut self,
        execution_id: &str,
        overriding: Overriding,
        reply: Sender<Result<(), HostError>>,
    ) {
        let body = self.unfold(execution_id).and_then(|undriven| {
            let drive = self.drive(execution_id)?;
            Ok((undriven, input_of(&drive.state, overriding)))
        });
        let undriven = match body {
            Err(error) => {
                let _ = reply.send(Err(error));
                return;
            }
            Ok((undriven, Err(error))) => {
                let _ = reply.send(Err(error));
                undriven
            }
            Ok((undriven, Ok(body))) => {
                let otherwise = "the execution is ending, or the step has begun";
                self.put(execution_id, body, reply, otherwise);
                undriven
            }
        };
        if undriven {
            self.start_driving(execution_id);
        }
    }
}
