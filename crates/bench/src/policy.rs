//! How long a policy takes: to be loaded, to evaluate a plan, to judge one call just before it is made. Nothing is
//! written: the state that calls are judged in is folded from the journal of an execution that ran before.
//!
//! A tenth of the made rules matches what is judged, the rest asks about it in vain, as rules do. A third names a server,
//! a third begins with a category, a third looks at every call.

mod texts;

use crate::{
    arguments::PolicyArguments,
    bench_tools::EFFECT,
    failure::Failure,
    figures::{Figures, quantile},
    measure::figures,
    rig::Rig,
    usage,
};
use mandate_engine::State;
use mandate_host::recovery;
use mandate_plan::{CheckedPlan, Digest, Format, ToolLookup, check, parse};
use mandate_policy::{
    Approval, ApprovedPlan, EvaluateRequest, Grant, Outcome, Purpose, ResolvedCall, Rules,
    SessionView, admit_with, enforce, evaluate_with,
    token::{Bound, KeyRing, TOKEN_TTL_MS, Token},
};
use serde_json::{Map, Value, json};
use std::{fs, path::Path, sync::Arc, time::Instant};
use texts::{Policy, loaded};

/// Wednesday at noon, in 2026.
const NOW_MS: i64 = 1_782_000_000_000;
/// How many rules the growth is shown over, and how many calls in a plan.
const GROWTH: [usize; 4] = [10, 30, 100, 1_000];
const PLAN_CALLS: usize = 10;
const LONGER: [usize; 2] = [100, 1_000];
const RULES: usize = 30;
/// Who asks, in which session.
const WHO: &str = "bench";

/// One line of the report.
struct Line {
    what: &'static str,
    policy: Policy,
    rules: usize,
    calls: usize,
    p50_us: f64,
    p99_us: f64,
    /// User and system time of all threads, on average: what a busy machine does not lengthen.
    cpu_us: f64,
}

/// What the plan of a line calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Calls {
    /// All kinds of calls in turn.
    Mixed,
    /// Reads of a file.
    Reads,
    /// Effects, as the durable workloads make them.
    Effects,
}

/// What is measured of a call.
#[derive(Clone, Copy)]
struct Gate {
    what: &'static str,
    calls: Calls,
    /// The token that the call was made with is read and checked.
    token: bool,
}

/// A call of an agent: token, turn, arguments, policy, data-flow.
const AGENT: Gate = Gate {
    what: "enforce",
    calls: Calls::Reads,
    token: true,
};
/// A call of the engine, which needs no token.
const ENGINE: Gate = Gate {
    what: "no token",
    token: false,
    ..AGENT
};

/// A call of the engine with an effect, as the durable workloads make them.
const EFFECT_GATE: Gate = Gate {
    what: "effect",
    calls: Calls::Effects,
    ..ENGINE
};

/// Measures and prints.
pub(crate) fn run(arguments: &PolicyArguments) -> Result<(), Failure> {
    let dir = tempfile::tempdir().map_err(Failure::doing("make a folder"))?;
    let bench = Bench::new(dir.path(), arguments.times)?;
    let made = Policy::Made(RULES);
    let mut lines = Vec::new();
    lines.push(bench.evaluate(Policy::Starter, PLAN_CALLS, Calls::Mixed)?);
    lines.push(bench.evaluate(Policy::Starter, PLAN_CALLS, Calls::Effects)?);
    for rules in GROWTH {
        lines.push(bench.evaluate(Policy::Made(rules), PLAN_CALLS, Calls::Mixed)?);
    }
    for calls in LONGER {
        lines.push(bench.evaluate(made, calls, Calls::Mixed)?);
    }
    lines.push(bench.enforce(AGENT, Policy::Starter, PLAN_CALLS)?);
    lines.push(bench.enforce(ENGINE, Policy::Starter, PLAN_CALLS)?);
    lines.push(bench.enforce(EFFECT_GATE, Policy::Starter, PLAN_CALLS)?);
    for rules in GROWTH {
        lines.push(bench.enforce(AGENT, Policy::Made(rules), PLAN_CALLS)?);
    }
    for calls in LONGER {
        lines.push(bench.enforce(AGENT, made, calls)?);
    }
    lines.push(bench.enforce(ENGINE, made, PLAN_CALLS)?);
    for rules in GROWTH {
        lines.push(bench.enforce(ENGINE, Policy::Asking(rules), PLAN_CALLS)?);
    }
    for rules in GROWTH {
        lines.push(bench.load(Policy::Made(rules))?);
    }
    if arguments.json {
        let lines: Vec<Value> = lines.iter().map(Line::json).collect();
        println!("{}", json!({ "times": arguments.times, "lines": lines }));
        return Ok(());
    }
    println!(
        "{:10} {:10} {:>6} {:>6} {:>12} {:>12} {:>12}",
        "", "policy", "rules", "calls", "p50_us", "p99_us", "cpu_us"
    );
    for line in &lines {
        println!(
            "{:10} {:10} {:>6} {:>6} {:>12.1} {:>12.1} {:>12.1}",
            line.what,
            line.policy.name(),
            line.rules,
            line.calls,
            line.p50_us,
            line.p99_us,
            line.cpu_us
        );
    }
    Ok(())
}

/// What policy costs of a durable workload: a plan of ten effects evaluated and one of its calls judged, under the starter
/// policy, on average.
pub(crate) fn costs(times: u32) -> Result<Figures, Failure> {
    let dir = tempfile::tempdir().map_err(Failure::doing("make a folder"))?;
    let bench = Bench::new(dir.path(), times)?;
    Ok(figures([
        (
            "evaluate_cpu_us",
            bench
                .evaluate(Policy::Starter, PLAN_CALLS, Calls::Effects)?
                .cpu_us,
        ),
        (
            "enforce_cpu_us",
            bench
                .enforce(EFFECT_GATE, Policy::Starter, PLAN_CALLS)?
                .cpu_us,
        ),
    ]))
}

impl Line {
    fn json(&self) -> Value {
        json!({
            "what": self.what, "policy": self.policy.name(), "rules": self.rules, "calls": self.calls,
            "p50_us": self.p50_us, "p99_us": self.p99_us, "cpu_us": self.cpu_us,
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
        (policy, rules): (Policy, usize),
        calls: usize,
        mut act: impl FnMut(i64) -> Result<(), Failure>,
    ) -> Result<Line, Failure> {
        // Longer things are done less often, so that all take about as long.
        let work = (rules.max(RULES) / RULES).saturating_mul(calls.max(PLAN_CALLS) / PLAN_CALLS);
        let times = (self.times as usize / work.clamp(1, 20)).max(10);
        let mut number = 0;
        for _ in 0..times.div_ceil(10) {
            number += 1;
            act(number)?;
        }
        let mut took = Vec::with_capacity(times);
        let cpu_s = usage::cpu_s();
        for _ in 0..times {
            number += 1;
            let begun = Instant::now();
            act(number)?;
            took.push(begun.elapsed().as_secs_f64() * 1_000_000.0);
        }
        let cpu_s = usage::cpu_s() - cpu_s;
        Ok(Line {
            what,
            policy,
            rules,
            calls,
            p50_us: quantile(&took, 0.5),
            p99_us: quantile(&took, 0.99),
            cpu_us: cpu_s * 1_000_000.0 / times as f64,
        })
    }

    fn evaluate(&self, policy: Policy, calls: usize, kind: Calls) -> Result<Line, Failure> {
        let set = policy.set()?;
        let plan = self.plan(calls, kind)?;
        let inputs = plan
            .bind_inputs(&Map::new())
            .map_err(|_| wrong("the inputs do not fit"))?;
        let mut request = request();
        let what = if kind == Calls::Effects {
            "of effects"
        } else {
            "evaluate"
        };
        self.line(what, (policy, set.rules().len()), calls, |number| {
            request.now_ms = NOW_MS + number;
            request.session.calls += 1;
            let said = evaluate_with(&set, &plan, &inputs, self.lookup.as_ref(), &request);
            match said.outcome == Outcome::RequireApproval && said.steps.len() == calls {
                true => Ok(()),
                false => Err(wrong(&format!("the decision is {}", said.outcome))),
            }
        })
    }

    fn enforce(&self, gate: Gate, policy: Policy, calls: usize) -> Result<Line, Failure> {
        let plan = self.plan(calls, gate.calls)?;
        let set = policy.set()?;
        let rules = set.rules().len();
        let (approved, state, call) = self.under_way(&plan, set, gate.calls)?;
        let keys = KeyRing::single(&[7; 32]);
        let bound = Bound {
            execution_id: approved.execution_id(),
            execution_digest: approved.digest(),
            session: WHO,
            principal: WHO,
        };
        let token = Token::mint(&keys, &bound, NOW_MS + TOKEN_TTL_MS, None, [3; 16]).reveal();
        let mut session = session();
        self.line(gate.what, (policy, rules), calls, |number| {
            // Every call comes at another time, with more calls before it.
            let now_ms = NOW_MS + number;
            session.calls += 1;
            if gate.token {
                let token: Token = token.parse().map_err(|_| wrong("the token is none"))?;
                token
                    .verify(&keys, &bound, now_ms)
                    .map_err(|refusal| wrong(&refusal.message))?;
            }
            match enforce(&approved, &state, &call, &session, now_ms) {
                Ok(_) => Ok(()),
                Err(refusal) => Err(wrong(&refusal.message)),
            }
        })
    }

    fn load(&self, policy: Policy) -> Result<Line, Failure> {
        let text = policy.text();
        let rules = loaded(&text)?.rules().len();
        let mut line = self.line("load", (policy, rules), RULES.saturating_mul(10), |_| {
            loaded(&text).map(|_| ())
        })?;
        line.calls = 0;
        Ok(line)
    }

    /// An execution of the plan that has begun and whose first step is about to be called.
    fn under_way(
        &self,
        plan: &Arc<CheckedPlan>,
        rules: impl Rules + 'static,
        calls: Calls,
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
        let lookup = self.lookup.as_ref();
        let decision = evaluate_with(rules.as_ref(), plan, &inputs, lookup, &request());
        let grant = match decision.outcome {
            Outcome::RequireApproval => Grant::Approved(Approval {
                request_id: "r1".to_owned(),
                execution_id: id.clone(),
                subject: decision.subject,
                by: WHO.to_owned(),
                channel: "flag".to_owned(),
                at_ms: NOW_MS,
                assents: Vec::new(),
            }),
            _ => Grant::Allowed,
        };
        let approved = admit_with(
            rules,
            plan.clone(),
            &inputs,
            self.lookup.clone(),
            &id,
            decision,
            grant,
        )
        .map_err(|refusal| wrong(&refusal.message))?;
        let (tool, args) = step(0, calls);
        let call = ResolvedCall {
            execution_id: id,
            step: "s0".to_owned(),
            item: None,
            attempt: 1,
            purpose: Purpose::Run,
            tool: tool.to_owned(),
            args,
            secrets: Vec::new(),
            idempotency_key: Digest::of(b"bench").to_string(),
            timeout_ms: None,
            sensitive: Vec::new(),
        };
        Ok((approved, state, call))
    }

    fn plan(&self, calls: usize, kind: Calls) -> Result<Arc<CheckedPlan>, Failure> {
        let step = |number: usize| {
            let (tool, args) = step(number, kind);
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

/// One step of a plan.
fn step(number: usize, kind: Calls) -> (&'static str, Value) {
    match (number % 5, kind) {
        (_, Calls::Effects) => (EFFECT, json!({ "number": number })),
        (0, _) | (_, Calls::Reads) => ("fs.read", json!({ "path": "docs/report.txt" })),
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
    }
}

fn wrong(message: &str) -> Failure {
    Failure::Wrong(message.to_owned())
}

fn request() -> EvaluateRequest {
    EvaluateRequest {
        principal: WHO.to_owned(),
        session: session(),
        now_ms: NOW_MS,
    }
}

fn session() -> SessionView {
    SessionView {
        session_id: WHO.to_owned(),
        principal: WHO.to_owned(),
        calls: 17,
        calls_last_minute: 3,
        ..SessionView::default()
    }
}
