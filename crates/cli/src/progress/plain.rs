//! A line for each change: for logs and pipes.

use super::{Seen, id_width};
use crate::{
    follow::Watcher,
    output::Out,
    render::step,
    when::{now_ms, show_clock},
};
use mandate_engine::{Event, State, StepState};

/// Writes a line for each change of a step.
pub(crate) struct Plain<'a> {
    out: &'a Out,
    seen: Vec<Seen>,
}

impl<'a> Plain<'a> {
    pub(crate) fn new(out: &'a Out) -> Self {
        Self {
            out,
            seen: Vec::new(),
        }
    }
}

impl Watcher for Plain<'_> {
    fn changed(&mut self, state: &State, event: Option<&Event>) {
        self.seen.resize(state.steps.len(), Seen::FIRST);
        let at_ms = event.map_or(state.at_ms, |event| event.at_ms);
        let width = id_width(state);
        let paint = self.out.paint_notes();
        for ((checked, data), seen) in state.every_step().zip(&mut self.seen) {
            let now = Seen::of(data);
            let before = std::mem::replace(seen, now);
            // Items come and go; what counts of a loop is when it begins and ends.
            let same = before.state == now.state
                && (before.attempts == now.attempts
                    || now.state != StepState::Running
                    || data.items.is_some());
            if same || now.state == StepState::Pending {
                continue;
            }
            let (sign, look) = step::sign(now.state);
            let mut line = format!(
                "{} {} {:<width$}  {:<9}",
                paint.dim(&show_clock(at_ms, true)),
                paint.look(look, sign),
                checked.step.id,
                data.state.as_str()
            );
            let detail = step::detail(data, at_ms);
            if !detail.is_empty() && now.state != StepState::Running {
                line.push_str(&format!("  {detail}"));
            } else if now.attempts > 1 && data.items.is_none() {
                line.push_str(&format!("  attempt {}", now.attempts));
            }
            if now.state != StepState::Completed
                && now.state != StepState::Running
                && let Some(problem) = step::problem(data)
            {
                line.push_str(&format!("  {problem}"));
            }
            self.out.note(line.trim_end());
        }
    }

    fn tick(&mut self, _: &State) {}

    fn end(&mut self) {}

    fn say(&mut self, text: &str) {
        let clock = self.out.paint_notes().dim(&show_clock(now_ms(), true));
        self.out.note(&format!("{clock} {text}"));
    }
}
