//! Lines that move: a spinner for each step under way, a line that stays for each that is settled.

use super::{Seen, id_width};
use crate::{
    follow::Watcher,
    output::{Look, Paint},
    render::{shown, step},
    when::{now_ms, show_duration},
};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use mandate_engine::{Event, State, StepData, StepState};
use std::{collections::BTreeMap, time::Instant};

/// Most steps shown as under way at once; the last line counts the rest.
const MOST_LINES: usize = 12;

/// Draws progress on a terminal.
pub(crate) struct Live {
    paint: Paint,
    lines: MultiProgress,
    /// Below everything: how far the whole is.
    whole: ProgressBar,
    active: BTreeMap<usize, ProgressBar>,
    seen: Vec<Seen>,
    since: Instant,
}

impl Live {
    pub(crate) fn new(paint: Paint) -> Self {
        let (lines, whole) = begin();
        Self {
            paint,
            lines,
            whole,
            active: BTreeMap::new(),
            seen: Vec::new(),
            since: Instant::now(),
        }
    }

    fn line(&self, state: &State, index: usize, data: &StepData, now_ms: i64) -> String {
        let checked = state.plan().numbered(index);
        let (id, tool) = checked.map_or(("", ""), |checked| {
            (checked.step.id.as_str(), checked.step.tool.as_str())
        });
        let width = id_width(state);
        let tools = state.plan().every_step().map(|step| step.step.tool.len());
        let tool_width = tools.max().unwrap_or(0).min(24);
        let detail = step::detail(data, now_ms);
        let mut line = format!(
            "{} {} {}",
            self.paint.bold(&format!("{id:<width$}")),
            self.paint.dim(&format!(" {tool:<tool_width$} ")),
            detail
        );
        let quiet = matches!(
            data.state,
            StepState::Completed | StepState::Running | StepState::Skipped
        );
        if !quiet && let Some(problem) = step::problem(data) {
            let (_, look) = step::sign(data.state);
            line.push_str(&format!(
                "  {}",
                self.paint.look(look, &shown::short(&problem, 120))
            ));
        }
        line.trim_end().to_owned()
    }

    fn settle(&mut self, state: &State, index: usize, data: &StepData) {
        if let Some(bar) = self.active.remove(&index) {
            bar.finish_and_clear();
            self.lines.remove(&bar);
        }
        // Steps that the end of the execution found untouched are counted in the result.
        if data.state == StepState::Cancelled && step::attempts(data) == 0 {
            return;
        }
        let (sign, look) = step::sign(data.state);
        let text = self.line(state, index, data, state.at_ms);
        self.print(&format!("{} {text}", self.paint.look(look, sign)));
    }

    fn print(&self, text: &str) {
        // A terminal that went away is no reason to stop.
        let _ = self.lines.println(text);
    }

    fn refresh(&mut self, state: &State) {
        let now_ms = now_ms().max(state.at_ms);
        for (index, data) in state.steps.iter().enumerate() {
            let under_way = matches!(
                data.state,
                StepState::Running | StepState::Waiting | StepState::InDoubt
            );
            if !under_way {
                continue;
            }
            if !self.active.contains_key(&index) {
                if self.active.len() >= MOST_LINES {
                    continue;
                }
                let bar = self
                    .lines
                    .insert_before(&self.whole, ProgressBar::no_length());
                self.active.insert(index, bar);
            }
            if let Some(bar) = self.active.get(&index) {
                bar.set_style(match data.state {
                    StepState::Running => style("{spinner:.cyan} {msg}"),
                    StepState::Waiting => style("◷ {msg}"),
                    _ => style("? {msg}"),
                });
                bar.set_message(self.line(state, index, data, now_ms));
                bar.tick();
            }
        }
        let total = state.plan().steps().len();
        let steps = state.steps.iter().take(total);
        let settled = steps.filter(|data| data.state.settled()).count();
        let mut parts = vec![format!("{settled}/{total} steps")];
        if state.running > 0 {
            let calls = if state.running == 1 { "call" } else { "calls" };
            parts.push(format!("{} {calls} under way", state.running));
        }
        let since = i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX);
        parts.push(show_duration(since));
        parts.push("Ctrl-C cancels".to_owned());
        self.whole
            .set_message(self.paint.dim(&format!("  {}", parts.join(" · "))));
        self.whole.tick();
    }
}

impl Watcher for Live {
    fn changed(&mut self, state: &State, _: Option<&Event>) {
        self.seen.resize(state.steps.len(), Seen::FIRST);
        for (index, data) in state.steps.iter().enumerate() {
            let now = Seen::of(data);
            let before = self
                .seen
                .get_mut(index)
                .map(|seen| std::mem::replace(seen, now));
            let newly = before.is_none_or(|before| before.state != now.state);
            if newly && now.state.settled() {
                self.settle(state, index, data);
            }
        }
    }

    fn tick(&mut self, state: &State) {
        self.refresh(state);
    }

    fn end(&mut self) {
        for bar in std::mem::take(&mut self.active).into_values() {
            bar.finish_and_clear();
        }
        self.whole.finish_and_clear();
        let _ = self.lines.clear();
        // What was shown as settled stays so, if more is shown behind a question.
        (self.lines, self.whole) = begin();
    }

    fn say(&mut self, text: &str) {
        self.print(&self.paint.look(Look::Warn, text));
    }
}

fn begin() -> (MultiProgress, ProgressBar) {
    let lines = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(15));
    let whole = lines.add(ProgressBar::no_length());
    whole.set_style(style("{msg}"));
    (lines, whole)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
}
