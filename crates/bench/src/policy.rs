//! How long a policy takes: to be loaded, to evaluate a plan, to judge one call just before it is made. Nothing is
//! written: the state that calls are judged in is folded from the journal of an execution that ran before.
//!
//! A tenth of the rules matches what is judged, the rest asks about it in vain, as rules do. A third names a server, a
//! third begins with a category, a third looks at every call.

use crate::{
    arguments::PolicyArguments,
    failure::Failure,
    figures::{Figures, quantile},
    measure::figures,
    rig::Rig,
};
use mandate_engine::State;
use mandate_host::recovery;
use mandate_plan::{CheckedPlan, Digest, Format, ToolLookup, check, parse};
use mandate_policy::{
    ApprovedPlan, EvaluateRequest, Grant, Outcome, Purpose, ResolvedCall, Rules, SessionView,
    admit_with, enforce, evaluate_with,
};
use mandate_rules::{PolicySet, Source, load, starter::DEFINITIONS};
use serde_json::{Map, Value, json};
use std::{fs, path::Path, sync::Arc, time::Instant};

/// Wednesday at noon, in 2026.
const NOW_MS: i64 = 1_782_000_000_000;
/// How many rules, and how many calls in a plan, the growth is shown over.
const GROWTH: [usize; 4] = [10, 30, 100, 1_000];
const PLAN_CALLS: usize = 10;
const RULES: usize = 30;

/// One line of the report.
struct Line {
    what: &'static str,
    rules: usize,
    calls: usize,
    p50_us: f64,
    p99_us: f64,
}

/// Measures and prints.
pub(crate) fn run(arguments: &PolicyArguments) -> Result<(), Failure> {
    let dir = tempfile::tempdir().map_err(Failure::doing("make a folder"))?;
    let bench = Bench::new(dir.path(), arguments.times)?;
    let mut lines = Vec::new();
    for rules in GROWTH {
        lines.push(bench.evaluate(rules, PLAN_CALLS)?);
    }
    for calls in GROWTH.into_iter().filter(|calls| *calls != RULES) {
        lines.push(bench.evaluate(RULES, calls)?);
    }
    for rules in GROWTH {
        lines.push(bench.enforce(rules, PLAN_CALLS)?);
    }
    for calls in GROWTH.into_iter().filter(|calls| *calls != RULES) {
        lines.push(bench.enforce(RULES, calls)?);
    }
    for rules in GROWTH {
        lines.push(bench.load(rules)?);
    }
    if arguments.json {
        let lines: Vec<Value> = lines.iter().map(Line::json).collect();
        println!("{}", json!({ "times": arguments.times, "lines": lines }));
        return Ok(());
    }
    println!(
        "{:10} {:>6} {:>6} {:>12} {:>12}",
        "", "rules", "calls", "p50_us", "p99_us"
    );
    for line in &lines {
        println!(
            "{:10} {:>6} {:>6} {:>12.1} {:>12.1}",
            line.what, line.rules, line.calls, line.p50_us, line.p99_us
        );
    }
    Ok(())
}

/// What policy costs beside everything else: one plan of ten calls evaluated, one call judged, under 30 rules.
pub(crate) fn costs(times: u32) -> Result<Figures, Failure> {
    let dir = tempfile::tempdir().map_err(Failure::doing("make a folder"))?;
    let bench = Bench::new(dir.path(), times)?;
    Ok(figures([
        ("evaluate_us_p50", bench.evaluate(RULES, PLAN_CALLS)?.p50_us),
        ("enforce_us_p50", bench.enforce(RULES, PLAN_CALLS)?.p50_us),
    ]))
}

impl Line {
    fn json(&self) -> Value {
        json!({
            "what": self.what, "rules": self.rules, "calls": self.calls,
            "p50_us": self.p50_us, "p99_us": self.p99_us,
        })
    }
}

struct Bench {
    times: u32,
    rig: Rig,
    lookup: Arc<dyn ToolLookup + Send + Sync>,
}

impl Bench {
    fn new(dir: &Path, times: u32) -> Result<Self, Failure> {
        let project = dir.join("project");
        let docs = project.join("docs");
        fs::create_dir_all(&docs).map_err(Failure::doing("make a folder"))?;
        fs::write(docs.join("report.txt"), "text").map_err(Failure::doing("write a file"))?;
        let rig = Rig::open_for(&dir.join("data"), &project)?;
        let lookup = rig.lookup();
        Ok(Self { times, rig, lookup })
    }

    /// Does it so often, and gives what it took.
    fn line(
        &self,
        what: &'static str,
        rules: usize,
        calls: usize,
        mut act: impl FnMut() -> Result<(), Failure>,
    ) -> Result<Line, Failure> {
        // Longer things are done less often, so that all take about as long.
        let work = (rules.max(RULES) / RULES).saturating_mul(calls.max(PLAN_CALLS) / PLAN_CALLS);
        let times = (self.times as usize / work.clamp(1, 20)).max(10);
        for _ in 0..times.div_ceil(10) {
            act()?;
        }
        let mut took = Vec::with_capacity(times);
        for _ in 0..times {
            let begun = Instant::now();
            act()?;
            took.push(begun.elapsed().as_secs_f64() * 1_000_000.0);
        }
        Ok(Line {
            what,
            rules,
            calls,
            p50_us: quantile(&took, 0.5),
            p99_us: quantile(&took, 0.99),
        })
    }

    fn evaluate(&self, rules: usize, calls: usize) -> Result<Line, Failure> {
        let set = policy(rules)?;
        let plan = self.plan(calls, false)?;
        let inputs = plan
            .bind_inputs(&Map::new())
            .map_err(|_| wrong("the inputs do not fit"))?;
        let request = EvaluateRequest {
            principal: "bench".to_owned(),
            session: session(),
            now_ms: NOW_MS,
        };
        self.line("evaluate", rules, calls, || {
            let said = evaluate_with(&set, &plan, &inputs, self.lookup.as_ref(), &request);
            match said.outcome == Outcome::RequireApproval && said.steps.len() == calls {
                true => Ok(()),
                false => Err(wrong(&format!("the decision is {}", said.outcome))),
            }
        })
    }

    fn enforce(&self, rules: usize, calls: usize) -> Result<Line, Failure> {
        let plan = self.plan(calls, true)?;
        let (approved, state, call) = self.under_way(&plan, policy(rules)?)?;
        let session = session();
        self.line("enforce", rules, calls, || {
            match enforce(&approved, &state, &call, &session, NOW_MS) {
                Ok(_) => Ok(()),
                Err(refusal) => Err(wrong(&refusal.message)),
            }
        })
    }

    fn load(&self, rules: usize) -> Result<Line, Failure> {
        let text = text(rules);
        let mut line = self.line("load", rules, RULES.saturating_mul(10), || {
            loaded(&text).map(|_| ())
        })?;
        line.calls = 0;
        Ok(line)
    }

    /// An execution of the plan that has begun and whose first step is about to be called.
    fn under_way(
        &self,
        plan: &Arc<CheckedPlan>,
        rules: PolicySet,
    ) -> Result<(ApprovedPlan, State, ResolvedCall), Failure> {
        let id = self.rig.run(plan)?;
        let events = recovery::events(self.rig.journal(), &id)?;
        let first = events.first().ok_or_else(|| wrong("nothing was written"))?;
        let mut state =
            State::begin(plan.clone(), first).map_err(|error| wrong(&error.to_string()))?;
        for event in events.iter().skip(1) {
            if event.body.kind() == "step_started" {
                break;
            }
            state.apply(event);
        }
        let rules: Arc<dyn Rules> = Arc::new(rules);
        let inputs = plan
            .bind_inputs(&Map::new())
            .map_err(|_| wrong("the inputs do not fit"))?;
        let request = EvaluateRequest {
            principal: "bench".to_owned(),
            session: session(),
            now_ms: NOW_MS,
        };
        let decision = evaluate_with(
            rules.as_ref(),
            plan,
            &inputs,
            self.lookup.as_ref(),
            &request,
        );
        let approved = admit_with(
            rules,
            plan.clone(),
            &inputs,
            self.lookup.clone(),
            &id,
            decision,
            Grant::Allowed,
        )
        .map_err(|refusal| wrong(&refusal.message))?;
        let call = ResolvedCall {
            execution_id: id,
            step: "s0".to_owned(),
            item: None,
            attempt: 1,
            purpose: Purpose::Run,
            tool: "fs.read".to_owned(),
            args: json!({ "path": "docs/report.txt" }),
            secrets: Vec::new(),
            idempotency_key: Digest::of(b"bench").to_string(),
            timeout_ms: None,
            sensitive: Vec::new(),
        };
        Ok((approved, state, call))
    }

    /// A plan of reads, or of all kinds of calls in turn.
    fn plan(&self, calls: usize, reads: bool) -> Result<Arc<CheckedPlan>, Failure> {
        let step = |number: usize| {
            let (tool, args) = match (number % 5, reads) {
                (0, _) | (_, true) => ("fs.read", json!({ "path": "docs/report.txt" })),
                (1, _) => (
                    "fs.write",
                    json!({ "path": "out/a.txt", "content": "text" }),
                ),
                (2, _) => (
                    "http.request",
                    json!({ "url": "https://api.example.com/v1/items?page=2" }),
                ),
                (3, _) => (
                    "process.exec",
                    json!({ "argv": ["git", "-C", "repo", "status"] }),
                ),
                _ => ("fs.list", json!({ "path": "docs" })),
            };
            json!({ "id": format!("s{number}"), "tool": tool, "args": args })
        };
        let steps: Vec<Value> = (0..calls).map(step).collect();
        let constraints = json!({ "max_tool_calls": calls.max(1) });
        let document =
            json!({ "version": 1, "name": "bench", "constraints": constraints, "steps": steps });
        let document = parse(document.to_string().as_bytes(), Format::Json)
            .map_err(|_| wrong("the plan cannot be read"))?;
        let checked = check(&document, Some(self.lookup.as_ref()));
        let first = checked
            .violations
            .first()
            .map(|found| found.message.clone());
        checked
            .plan
            .ok_or_else(|| wrong(&first.unwrap_or_default()))
    }
}

fn wrong(message: &str) -> Failure {
    Failure::Wrong(message.to_owned())
}

fn session() -> SessionView {
    SessionView {
        session_id: "bench".to_owned(),
        principal: "bench".to_owned(),
        calls: 17,
        calls_last_minute: 3,
        ..SessionView::default()
    }
}

fn policy(rules: usize) -> Result<PolicySet, Failure> {
    loaded(&text(rules))
}

fn loaded(text: &str) -> Result<PolicySet, Failure> {
    load(
        &[Source::new("bench.cedar", text)],
        &[Source::new("policy.toml", DEFINITIONS)],
    )
    .map_err(|wrong_ones| {
        let first = wrong_ones.first().map(ToString::to_string);
        wrong(&first.unwrap_or_default())
    })
}

/// So many rules: what reads and effects need, and many that look at a call and find nothing.
fn text(rules: usize) -> String {
    let mut all = vec![
        "@id(\"reads\") permit (principal, action, resource) when { resource.effect == \"read\" && !resource.open_world };".to_owned(),
        "@id(\"effects\") @decision(\"require_approval\") permit (principal, action, resource) when { resource.effect != \"read\" || resource.open_world };".to_owned(),
        "@id(\"secrets\") forbid (principal, action, resource) when { context.tags.contains(\"system_secret\") };".to_owned(),
    ];
    for number in all.len()..rules {
        let (scope, condition) = match number % 6 {
            0 => (
                "resource in Server::\"mail\"",
                "context.risk.score > 50".to_owned(),
            ),
            1 => (
                "resource == Tool::\"crm.delete\"",
                "context.session.calls > 50".to_owned(),
            ),
            2 => (
                "resource",
                "context.category == \"file_delete\" && context.tags.contains(\"sensitive_path\")"
                    .to_owned(),
            ),
            3 => (
                "resource",
                "context.category == \"code_execution\" && context.session.risk > 50".to_owned(),
            ),
            4 => (
                "resource",
                format!("context.hosts.contains(\"h{number}.example.com\")"),
            ),
            _ => (
                "resource",
                format!(
                    "context.session.calls > {} && context.untrusted_sinks.contains(\"url\")",
                    1000 + number
                ),
            ),
        };
        all.push(format!(
            "@id(\"r{number}\") forbid (principal, action, {scope}) when {{ {condition} }};"
        ));
    }
    all.join("\n")
}
