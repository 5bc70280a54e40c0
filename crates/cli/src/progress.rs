//! Progress on standard error: lines that move where it is a terminal, a line per change where it is not.

mod live;
mod plain;

use crate::{follow::Watcher, output::Out};
use mandate_engine::{State, StepState};

/// Whoever shows progress here.
pub(crate) fn watcher(out: &Out) -> Box<dyn Watcher + '_> {
    if out.is_live() {
        Box::new(live::Live::new(out.paint_notes()))
    } else {
        Box::new(plain::Plain::new(out))
    }
}

/// What is remembered of each step to see whether it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    state: StepState,
    attempts: u32,
    settled: usize,
}

impl Seen {
    fn of(data: &mandate_engine::StepData) -> Self {
        let items = crate::render::step::items(data);
        Self {
            state: data.state,
            attempts: crate::render::step::attempts(data),
            settled: items.map_or(0, |(settled, _)| settled),
        }
    }

    const FIRST: Seen = Seen {
        state: StepState::Pending,
        attempts: 0,
        settled: 0,
    };
}

/// The width of the longest step id, within reason.
fn id_width(state: &State) -> usize {
    let ids = state.plan().every_step().map(|step| step.step.id.len());
    ids.max().unwrap_or(0).min(28)
}
