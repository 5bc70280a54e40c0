//! Everything that is counted. `docs/observability.md` has the same list for people.

use super::attempts::Ended;
use super::exposition::{Counters, Exposition, Histograms, LONG, SHORT, STEPS, labels};
use mandate_engine::event::RequestKind;
use mandate_engine::{Body, Event, State, StepState};
use mandate_host::{Committed, Judgement};
use mandate_policy::{Outcome, Purpose};
use mandate_tools::ToolStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The states of executions that are not over.
pub(crate) const UNFINISHED: [&str; 6] = [
    "pending",
    "waiting",
    "running",
    "paused",
    "replanning",
    "compensating",
];

/// Everything that is counted.
pub(crate) struct Metrics {
    decisions: Counters,
    evaluation: Histograms,
    enforcement: Histograms,
    refusals: Counters,
    created: Counters,
    started: Counters,
    finished: Counters,
    execution: Histograms,
    plan_steps: Histograms,
    requests_opened: Counters,
    requests_closed: Counters,
    steps: Counters,
    attempts: Counters,
    attempt: Histograms,
    retries: Counters,
    proposed: Counters,
    revised: Counters,
    journal_events: Counters,
    journal_commits: AtomicU64,
    last_commit: AtomicU64,
    journal_append: Histograms,
    http: Counters,
    http_time: Histograms,
    readers: Arc<AtomicU64>,
    spans_dropped: Arc<AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            decisions: Counters::default(),
            evaluation: Histograms::new(SHORT),
            enforcement: Histograms::new(SHORT),
            refusals: Counters::default(),
            created: Counters::default(),
            started: Counters::default(),
            finished: Counters::default(),
            execution: Histograms::new(LONG),
            plan_steps: Histograms::new(STEPS),
            requests_opened: Counters::default(),
            requests_closed: Counters::default(),
            steps: Counters::default(),
            attempts: Counters::default(),
            attempt: Histograms::new(LONG),
            retries: Counters::default(),
            proposed: Counters::default(),
            revised: Counters::default(),
            journal_events: Counters::default(),
            journal_commits: AtomicU64::new(0),
            last_commit: AtomicU64::new(0),
            journal_append: Histograms::new(SHORT),
            http: Counters::default(),
            http_time: Histograms::new(LONG),
            readers: Arc::default(),
            spans_dropped: Arc::default(),
        }
    }
}

/// What is looked up when somebody asks.
pub(crate) struct Reading {
    /// Executions in each of [`UNFINISHED`].
    pub(crate) unfinished: Vec<u64>,
    /// Requests that wait, by kind.
    pub(crate) open_requests: Vec<(String, u64)>,
    /// The tools.
    pub(crate) tools: Vec<ToolStatus>,
    /// Whether calls are frozen.
    pub(crate) frozen: bool,
}

/// Somebody who reads along; not any more once this is dropped.
pub(crate) struct ReadsAlong(Arc<AtomicU64>);

impl Drop for ReadsAlong {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(super) fn evaluated(&self, what: Judgement, outcome: Outcome, took: Duration) {
        let (kind, outcome) = (what.as_str(), outcome.as_str());
        self.decisions.one(&[("kind", kind), ("outcome", outcome)]);
        self.evaluation.time(&[("kind", kind)], took);
    }

    pub(super) fn enforced(&self, outcome: Outcome, took: Duration) {
        let outcome = outcome.as_str();
        self.decisions
            .one(&[("kind", "call"), ("outcome", outcome)]);
        self.enforcement.time(&[], took);
    }

    pub(super) fn committed(&self, committed: &Committed) {
        for kind in &committed.kinds {
            self.journal_events.one(&[("kind", kind)]);
        }
        // Appends that follow each other closely share a commit.
        if self.last_commit.swap(committed.commit, Ordering::Relaxed) != committed.commit {
            self.journal_commits.fetch_add(1, Ordering::Relaxed);
        }
        self.journal_append.time(&[], committed.took);
    }

    pub(super) fn happened(&self, state: &State, event: &Event, ended: Option<&Ended>) {
        if let Some(ended) = ended {
            self.attempt_ended(ended);
        }
        match &event.body {
            Body::ExecutionCreated(_) => {
                self.created.one(&[]);
                self.plan_steps.take(&[], state.plan().steps().len() as f64);
            }
            Body::ExecutionStarted { .. } => self.started.one(&[]),
            Body::ExecutionFinished { status, .. } => {
                let status = [("status", status.as_str())];
                self.finished.one(&status);
                let took_ms = event.at_ms.saturating_sub(state.created_ms);
                self.execution.time(&status, of_ms(took_ms));
            }
            Body::RequestOpened(request) => {
                let kind = request.kind.as_str();
                self.requests_opened.one(&[("kind", kind)]);
            }
            Body::RequestAnswered(answer) => self.closed(state, &answer.request_id, "answered"),
            Body::RequestExpired { request_id } => self.closed(state, request_id, "expired"),
            Body::StepCompleted { step, .. } => self.step(state, step, "completed"),
            Body::StepFailed { step, item, .. } => {
                // What is tried again has not failed.
                let unit = state
                    .step(step)
                    .and_then(|(_, data)| data.units.get(item.map_or(0, |item| item as usize)));
                if unit.is_none_or(|unit| unit.state == StepState::Failed) {
                    self.step(state, step, "failed");
                }
            }
            Body::StepSkipped { step, .. } => self.step(state, step, "skipped"),
            Body::StepInDoubt { step, .. } => self.step(state, step, "in_doubt"),
            Body::FallbackEnded {
                step,
                from: Some(_),
            } => self.step(state, step, "recovered"),
            Body::StepBlocked { step, refusal, .. } => {
                self.step(state, step, "blocked");
                self.refusals.one(&[("code", refusal.code.as_str())]);
            }
            Body::StepHeld { refusal, .. } | Body::CallRefused { refusal, .. } => {
                self.refusals.one(&[("code", refusal.code.as_str())]);
            }
            Body::RefusalsCounted { codes, .. } => {
                for (code, count) in codes {
                    self.refusals.add(&[("code", code)], *count);
                }
            }
            Body::RetryScheduled { step, purpose, .. } => {
                let tool = match purpose {
                    Purpose::Run => tool_of(state, step),
                    Purpose::Compensate => "",
                };
                let purpose = purpose.as_str();
                self.retries.one(&[("tool", tool), ("purpose", purpose)]);
            }
            Body::RevisionProposed { .. } => self.proposed.one(&[]),
            Body::PlanRevised { .. } => self.revised.one(&[]),
            _ => {}
        }
    }

    fn attempt_ended(&self, ended: &Ended) {
        let tool = ("tool", ended.tool.as_str());
        let purpose = ("purpose", ended.purpose.as_str());
        self.attempts
            .one(&[tool, purpose, ("outcome", ended.outcome)]);
        let took_ms = ended.until_ms.saturating_sub(ended.from_ms);
        self.attempt.time(&[tool], of_ms(took_ms));
    }

    fn step(&self, state: &State, step: &str, status: &str) {
        let tool = tool_of(state, step);
        self.steps.one(&[("tool", tool), ("status", status)]);
    }

    fn closed(&self, state: &State, request_id: &str, how: &str) {
        let open = state.requests.get(request_id);
        let kind = open.map_or("", |open| RequestKind::as_str(open.request.kind));
        self.requests_closed.one(&[("kind", kind), ("how", how)]);
    }

    /// A request over HTTP was answered.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        // A method is any word that somebody sends.
        let method = match method {
            "GET" | "POST" | "HEAD" | "OPTIONS" | "PUT" | "DELETE" | "PATCH" => method,
            _ => "other",
        };
        let (method, route) = (("method", method), ("route", route));
        let status = status.to_string();
        self.http.one(&[method, route, ("status", &status)]);
        self.http_time.time(&[method, route], took);
    }

    /// Somebody begins to read along.
    pub(crate) fn reads_along(&self) -> ReadsAlong {
        self.readers.fetch_add(1, Ordering::Relaxed);
        ReadsAlong(self.readers.clone())
    }

    /// Where spans are counted that could not be sent.
    pub(super) fn spans_dropped(&self) -> Arc<AtomicU64> {
        self.spans_dropped.clone()
    }

    /// The text that Prometheus reads.
    pub(crate) fn text(&self, reading: &Reading) -> String {
        let mut text = Exposition::default();
        let version = labels(&[("version", env!("CARGO_PKG_VERSION"))]);
        text.gauges(
            "mandate_build_info",
            "The version that runs.",
            [(version, 1)],
        );
        self.of_decisions(&mut text);
        self.of_executions(&mut text, reading);
        self.of_steps(&mut text, reading);
        self.of_journal(&mut text);
        self.of_http(&mut text);
        text.into_text()
    }

    fn of_decisions(&self, text: &mut Exposition) {
        let (name, help) = (
            "mandate_decisions_total",
            "Decisions of policy about plans, revisions and calls, by outcome.",
        );
        text.counters(name, help, &self.decisions);
        let (name, help) = (
            "mandate_evaluation_duration_seconds",
            "How long it took to judge a plan or a revision as a whole.",
        );
        text.histograms(name, help, &self.evaluation);
        let (name, help) = (
            "mandate_enforcement_duration_seconds",
            "How long it took to judge a call.",
        );
        text.histograms(name, help, &self.enforcement);
        let (name, help) = ("mandate_refusals_total", "Refused calls, by code.");
        text.counters(name, help, &self.refusals);
    }

    fn of_executions(&self, text: &mut Exposition, reading: &Reading) {
        let (name, help) = (
            "mandate_executions_created_total",
            "Executions that were created.",
        );
        text.counters(name, help, &self.created);
        let (name, help) = (
            "mandate_executions_started_total",
            "Executions whose plan was admitted, so that steps could start.",
        );
        text.counters(name, help, &self.started);
        let (name, help) = (
            "mandate_executions_finished_total",
            "Executions that ended, by status.",
        );
        text.counters(name, help, &self.finished);
        let (name, help) = (
            "mandate_execution_duration_seconds",
            "Time from an execution's creation to its end, waits included.",
        );
        text.histograms(name, help, &self.execution);
        let unfinished = UNFINISHED.iter().zip(&reading.unfinished);
        text.gauges(
            "mandate_executions_unfinished",
            "Executions that have not ended, by state.",
            unfinished.map(|(state, count)| (labels(&[("state", state)]), *count)),
        );
        let (name, help) = (
            "mandate_plan_steps",
            "Steps of the plans that were submitted.",
        );
        text.histograms(name, help, &self.plan_steps);
        let (name, help) = (
            "mandate_revisions_proposed_total",
            "Plans that were proposed in the place of one that runs.",
        );
        text.counters(name, help, &self.proposed);
        let (name, help) = (
            "mandate_replans_total",
            "Plans that took the place of one that ran.",
        );
        text.counters(name, help, &self.revised);
        let (name, help) = (
            "mandate_requests_opened_total",
            "Requests to people that were opened, by kind.",
        );
        text.counters(name, help, &self.requests_opened);
        let (name, help) = (
            "mandate_requests_closed_total",
            "Requests to people that were answered or expired, by kind.",
        );
        text.counters(name, help, &self.requests_closed);
        let open = reading.open_requests.iter();
        text.gauges(
            "mandate_requests_open",
            "Requests that wait for people, by kind.",
            open.map(|(kind, count)| (labels(&[("kind", kind)]), *count)),
        );
        text.gauges(
            "mandate_frozen",
            "1 while calls are frozen.",
            [(String::new(), u64::from(reading.frozen))],
        );
    }

    fn of_steps(&self, text: &mut Exposition, reading: &Reading) {
        let (name, help) = (
            "mandate_steps_total",
            "Steps that settled, by tool and status; each item of a `for_each` is one.",
        );
        text.counters(name, help, &self.steps);
        let (name, help) = (
            "mandate_attempts_total",
            "Attempts that ended, by tool, purpose and outcome.",
        );
        text.counters(name, help, &self.attempts);
        let (name, help) = (
            "mandate_attempt_duration_seconds",
            "How long attempts took, by tool.",
        );
        text.histograms(name, help, &self.attempt);
        let (name, help) = (
            "mandate_retries_total",
            "Attempts that were to be made again, by tool and purpose.",
        );
        text.counters(name, help, &self.retries);
        let calls = reading.tools.iter().flat_map(|status| {
            let of = |result| labels(&[("tool", &status.name), ("result", result)]);
            [
                (of("success"), status.metrics.success_count),
                (of("error"), status.metrics.error_count),
            ]
        });
        text.counted(
            "mandate_tool_calls_total",
            "Calls that the tool runner made in this process, by result.",
            calls,
        );
    }

    fn of_journal(&self, text: &mut Exposition) {
        let (name, help) = (
            "mandate_journal_events_total",
            "Events that are on the disk, by kind.",
        );
        text.counters(name, help, &self.journal_events);
        let commits = self.journal_commits.load(Ordering::Relaxed);
        text.counted(
            "mandate_journal_commits_total",
            "Commits of the journal.",
            [(String::new(), commits)],
        );
        let (name, help) = (
            "mandate_journal_append_duration_seconds",
            "Time from handing events to the journal until they are on the disk.",
        );
        text.histograms(name, help, &self.journal_append);
        let dropped = self.spans_dropped.load(Ordering::Relaxed);
        text.counted(
            "mandate_spans_dropped_total",
            "Spans that were not sent to the collector.",
            [(String::new(), dropped)],
        );
    }

    fn of_http(&self, text: &mut Exposition) {
        let (name, help) = (
            "mandate_http_requests_total",
            "Requests over HTTP, by method, route and status.",
        );
        text.counters(name, help, &self.http);
        let (name, help) = (
            "mandate_http_request_duration_seconds",
            "Time until the head of the answer was ready.",
        );
        text.histograms(name, help, &self.http_time);
        let readers = self.readers.load(Ordering::Relaxed);
        text.gauges(
            "mandate_sse_readers",
            "Connections that read events along.",
            [(String::new(), readers)],
        );
    }
}

fn of_ms(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// The tool of a step; none for a step of a plan that is not in force any more.
fn tool_of<'a>(state: &'a State, step: &str) -> &'a str {
    state
        .step(step)
        .map_or("", |(checked, _)| checked.step.tool.as_str())
}
