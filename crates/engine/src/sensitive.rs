//! What a human gives as the output of a step is as sensitive as what its tool gives: it is taken out before it is
//! written. Nothing keeps it, so a call that needs it fails as it does after a restart.

use crate::{
    State,
    event::{Answer, Resolution},
};
use mandate_plan::expr::SENSITIVE_MARK;
use serde_json::Value;

impl State {
    /// Takes what the step declares as sensitive out of an answer that holds its output.
    pub(crate) fn hide_answer(&self, answer: &mut Answer) {
        let Some(step) = self
            .requests
            .get(&answer.request_id)
            .and_then(|open| open.request.step.as_deref())
        else {
            return;
        };
        let Some((checked, data)) = self.step(step) else {
            return;
        };
        let Some(output) = &mut answer.data else {
            return;
        };
        // For a step with items, one output for each.
        match output {
            Value::Array(outputs) if data.items.is_some() => {
                for output in outputs {
                    hide(output, &checked.step.sensitive);
                }
            }
            output => hide(output, &checked.step.sensitive),
        }
    }

    /// The same of an output that is given for a call in doubt.
    pub(crate) fn hide_resolution(&self, step: &str, resolution: &mut Resolution) {
        if let (Resolution::Done { output }, Some((checked, _))) = (resolution, self.step(step)) {
            hide(output, &checked.step.sensitive);
        }
    }
}

fn hide(output: &mut Value, sensitive: &[String]) {
    for pointer in sensitive {
        if let Some(value) = output.pointer_mut(pointer).filter(|value| !value.is_null()) {
            *value = Value::String(SENSITIVE_MARK.to_owned());
        }
    }
}
