//! Answers to requests: who may give one, whether it fits, and where it goes in. The one place for all surfaces.

use crate::ask::HostError;
use crate::host::Host;
use crate::recovery::load;
use crate::refused::note_answer;
use mandate_engine::event::Answer;
use mandate_engine::{Body, State, Weighed};
use std::sync::mpsc::Sender;

/// The channels over which somebody speaks as the user of their process, and as nobody else.
const OWN_CHANNELS: [&str; 9] = [
    "terminal",
    "flag",
    "cli",
    "socket",
    "http",
    "console",
    "link",
    "elicitation",
    "input_required",
];

/// The input that an answer is: it fits the request, and whoever gives it may. One that others must join is counted.
///
/// # Errors
/// What does not fit, or who may answer instead.
pub(crate) fn input_of(state: &State, answer: Answer, now_ms: i64) -> Result<Body, HostError> {
    let open = state.requests.get(&answer.request_id);
    let request = open.map(|open| open.request.clone());
    let weighed = state.weigh(&answer);
    let (by, known) = (answer.by.clone(), is_known(&answer));
    let choice = answer.choice.clone();
    let body = state.given(answer, now_ms)?;
    let Some(request) = request else {
        return Ok(body);
    };
    match (weighed, body) {
        (Weighed::Holds, body) if known => Ok(body),
        (Weighed::Counts(_), Body::RequestAnswered(answer)) if known => {
            Ok(Body::AnswerCounted(answer))
        }
        (Weighed::Again, _) => {
            let still = open.map(|open| state.still_wanted(open, &choice));
            let still = still.unwrap_or_default();
            Err(HostError::Again { by, still })
        }
        _ => Err(HostError::NotTheApprover {
            by,
            asked_by: state.created.principal.clone(),
            approvers: request.approvers.clone(),
        }),
    }
}

/// People answer over channels that are known: what a standing approval says, for one, comes from the host alone.
fn is_known(answer: &Answer) -> bool {
    OWN_CHANNELS.contains(&answer.channel.as_str())
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
        let fits = match self.unfold(execution_id) {
            Ok(undriven) => self.drive(execution_id).map(|drive| {
                let fits = input_of(&drive.state, answer.clone(), now_ms);
                (undriven, fits)
            }),
            // It has ended: what became of the request says more.
            Err(error @ HostError::NotNow(_)) => {
                let state = load(self.parts.journal.as_ref(), execution_id).ok();
                let why = state.and_then(|state| input_of(&state, answer.clone(), now_ms).err());
                Err(why.unwrap_or(error))
            }
            Err(error) => Err(error),
        };
        if let Ok((_, Err(error))) | Err(error) = &fits {
            note_answer(
                self.parts.journal.as_ref(),
                now_ms,
                execution_id,
                &answer,
                error,
            );
        }
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
