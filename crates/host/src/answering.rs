//! Answers to requests: who may give one, whether it fits, and where it goes in. The one place for all surfaces.

use crate::ask::HostError;
use crate::host::Host;
use mandate_engine::event::{Answer, Request};
use mandate_engine::{Body, State};
use mandate_policy::approver::Approver;
use std::sync::mpsc::Sender;

/// The channels over which somebody speaks as the user of their process, and as nobody else.
const OWN_CHANNELS: [&str; 4] = ["terminal", "flag", "cli", "socket"];

/// The input that an answer is: it fits the request, and whoever gives it may.
///
/// # Errors
/// What does not fit, or who may answer instead.
pub(crate) fn input_of(state: &State, answer: Answer, now_ms: i64) -> Result<Body, HostError> {
    let open = state.requests.get(&answer.request_id);
    let request = open.map(|open| open.request.clone());
    let (by, channel) = (answer.by.clone(), answer.channel.clone());
    let body = state.given(answer, now_ms)?;
    if let Some(request) = request {
        may_answer(state, &request, &by, &channel)?;
    }
    Ok(body)
}

/// Over the channels that there are, an answer counts as the requester's if it is theirs, and as nobody else's: others
/// need a channel that says who is there.
fn may_answer(state: &State, request: &Request, by: &str, channel: &str) -> Result<(), HostError> {
    let known = OWN_CHANNELS.contains(&channel) && *by == state.created.principal;
    let counts = |approver: &String| match approver.parse() {
        Ok(Approver::Requester) => known,
        Ok(Approver::Other | Approver::Role(_)) | Err(_) => false,
    };
    if !request.approvers.is_empty() && request.approvers.iter().all(counts) {
        return Ok(());
    }
    Err(HostError::NotTheApprover {
        by: by.to_owned(),
        asked_by: state.created.principal.clone(),
        approvers: request.approvers.clone(),
    })
}

impl Host {
    /// Somebody answers a request.
    pub(crate) fn take_answer(
        &mut self,
        execution_id: &str,
        answer: Answer,
        reply: Sender<Result<(), HostError>>,
    ) {
        let now_ms = self.parts.clock.now_ms();
        let fits = self.unfold(execution_id).and_then(|undriven| {
            let drive = self.drive(execution_id)?;
            Ok((undriven, input_of(&drive.state, answer, now_ms)))
        });
        match fits {
            Ok((undriven, Ok(body))) => {
                let otherwise = "the execution cannot take this answer now";
                self.put(execution_id, body, reply, otherwise);
                if undriven {
                    self.start_driving(execution_id);
                }
            }
            Ok((undriven, Err(error))) => {
                let _ = reply.send(Err(error));
                if undriven {
                    self.start_driving(execution_id);
                }
            }
            Err(error) => {
                let _ = reply.send(Err(error));
            }
        }
    }
}
