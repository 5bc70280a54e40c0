//! Whoever makes calls outside: takes turns, makes the call, reports what came of it; or dies in between. It outlives every
//! host, and a host that ends takes nothing away from it.

use super::World;
use crate::outside::Effect;
use mandate_host::{AgentWish, Clock as _, TakenCall};
use mandate_tools::{CallReport, ReportedError};
use serde_json::json;

/// A call whose turn was taken.
pub(super) struct Taken {
    call: TakenCall,
    /// What was reported of it, once it was.
    said: Option<CallReport>,
}

impl World<'_> {
    /// A turn was taken.
    pub(super) fn takes(&mut self, execution_id: &str, call: TakenCall) {
        let open = self
            .outside_calls
            .entry(execution_id.to_owned())
            .or_default();
        open.push(Taken { call, said: None });
    }

    /// Whether there is a call that was not reported on, as far as its caller knows.
    pub(super) fn has_taken(&self, execution_id: &str) -> bool {
        let open = self.outside_calls.get(execution_id);
        open.is_some_and(|open| !open.is_empty())
    }

    /// A report was answered, or refused for good: nothing more comes of the call.
    pub(super) fn is_over(&mut self, execution_id: &str, call_id: &str) {
        if let Some(open) = self.outside_calls.get_mut(execution_id) {
            open.retain(|taken| taken.call.call_id != call_id);
        }
    }

    /// What the caller does with one of its calls; none where it does nothing that a host is told of.
    pub(super) fn reports(&mut self, execution_id: &str) -> Option<(String, AgentWish)> {
        let mut open = self.outside_calls.remove(execution_id).unwrap_or_default();
        let place = usize::try_from(self.random.below(open.len() as u64)).unwrap_or(0);
        let mut taken = (place < open.len()).then(|| open.remove(place))?;
        let report = self.what_comes_of(&mut taken);
        let call_id = taken.call.call_id.clone();
        if report.is_some() {
            open.push(taken);
        }
        self.outside_calls.insert(execution_id.to_owned(), open);
        let (_, call) = mandate_engine::parse_call_id(&call_id)?;
        let report = report?;
        Some((call_id, AgentWish::Complete { call, report }))
    }

    fn what_comes_of(&mut self, taken: &mut Taken) -> Option<CallReport> {
        if let Some(said) = &taken.said {
            self.meet("outside: reported again");
            return Some(match said {
                // Whoever reports something else the second time is refused, if the first time counted.
                CallReport::Output(_) if self.random.one_in(6) => {
                    CallReport::Output(json!({ "n": 77 }))
                }
                said => said.clone(),
            });
        }
        // What is begun later may be made again by somebody else.
        if self.surroundings.clock.now_ms() >= taken.call.due_ms {
            return None;
        }
        match self.random.below(8) {
            0 => self.meet("outside: never made"),
            1 => {
                taken.said = Some(CallReport::Error(ReportedError {
                    message: "the one outside says no".to_owned(),
                    details: None,
                }));
            }
            2 => {
                self.meet("outside: never reported");
                self.happens(&taken.call);
            }
            _ => {
                self.meet("outside: reported");
                self.happens(&taken.call);
                taken.said = Some(CallReport::Output(json!({ "n": taken.call.attempt })));
            }
        }
        taken.said.clone()
    }

    fn happens(&mut self, call: &TakenCall) {
        if call.tool == "out.look" {
            return;
        }
        let execution_id = mandate_engine::parse_call_id(&call.call_id);
        let effect = Effect {
            execution_id: execution_id.map_or_else(String::new, |(id, _)| id.to_owned()),
            step: call.step.clone(),
            item: call.item,
            idempotent: call.tool == "out.put",
            times: 0,
        };
        let (key, attempt) = (&call.idempotency_key, call.attempt);
        self.surroundings.outside.happen(key, attempt, effect);
    }
}
