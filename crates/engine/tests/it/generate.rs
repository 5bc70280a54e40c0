//! Random plans, as documents for the real checker, and random schedules for them.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A hundred cases, unless `PROPTEST_CASES` asks for more.
pub(crate) fn config() -> ProptestConfig {
    let mut config = ProptestConfig {
        max_shrink_iters: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 100;
    }
    config
}

/// One step as it was generated; the second evaluator reads this, not the checked plan.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) tool: &'static str,
    /// None: every step above.
    pub(crate) after: Option<Vec<usize>>,
    pub(crate) depends_on: Vec<usize>,
    /// An earlier step whose output the arguments hold.
    pub(crate) reads: Option<usize>,
    pub(crate) condition: Condition,
    pub(crate) items: Option<(usize, bool)>,
    pub(crate) attempts: u32,
    pub(crate) backoff_ms: u64,
    pub(crate) on_failure: OnFailure,
    pub(crate) expects: bool,
    pub(crate) refused: bool,
    pub(crate) confirm: bool,
    /// What the gate of the tests says to its first calls.
    pub(crate) gate: Option<(&'static str, i64)>,
    /// The tool that undoes it.
    pub(crate) undo: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum OnFailure {
    Halt,
    Skip,
    Ask,
}

/// An invariant: it is violated while that step's output is that number.
#[derive(Debug, Clone)]
pub(crate) struct Never {
    pub(crate) step: usize,
    pub(crate) output: u8,
    pub(crate) asks: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    None,
    Is(bool),
    /// `succeeded("x")`: relaxes the edge to x.
    Succeeded(usize),
    /// `steps.x.output != 0`: a need.
    Output(usize),
    /// `settled()`: relaxes all.
    Settled,
}

#[derive(Debug, Clone)]
pub(crate) struct PlanDraft {
    pub(crate) steps: Vec<Draft>,
    pub(crate) sequential: bool,
    pub(crate) max_parallel: u32,
    pub(crate) timeout_ms: u64,
    pub(crate) ask: bool,
    pub(crate) deadline_ms: Option<i64>,
    pub(crate) expires_ms: Option<i64>,
    pub(crate) never: Option<Never>,
    pub(crate) max_calls: Option<u64>,
}

pub(crate) fn id(index: usize) -> String {
    format!("s{index}")
}

impl PlanDraft {
    pub(crate) fn document(&self) -> String {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .enumerate()
            .map(|(at, step)| step.document(at))
            .collect();
        let mut document = json!({
            "version": 1, "name": "generated", "steps": steps,
            "constraints": {
                "sequential": self.sequential, "max_parallel": self.max_parallel, "timeout_ms": self.timeout_ms,
            },
        });
        if let Some(most) = self.max_calls {
            document["constraints"]["max_tool_calls"] = json!(most);
        }
        if let Some(never) = &self.never {
            let (step, asks) = (id(never.step), if never.asks { "ask" } else { "halt" });
            let check = format!("steps.{step}.output != {}", never.output);
            document["invariants"] =
                json!([{ "id": "never", "check": check, "on_violation": asks }]);
        }
        document.to_string()
    }
}

impl Draft {
    fn document(&self, at: usize) -> Value {
        let mut step = json!({
            "id": id(at), "tool": self.tool,
            "retry": { "max_attempts": self.attempts, "backoff_ms": self.backoff_ms, "jitter": 0.5 },
            "on_failure": match self.on_failure {
                OnFailure::Halt => "halt",
                OnFailure::Skip => "skip",
                OnFailure::Ask => "ask",
            },
            "confirm": self.confirm,
            "depends_on": self.depends_on.iter().map(|on| id(*on)).collect::<Vec<_>>(),
        });
        let mut args = json!({});
        if self.tool == "time.sleep" {
            args["duration_ms"] = json!(self.backoff_ms);
        }
        if self.tool == "human.ask" {
            args["question"] = json!("Well?");
            args["choices"] = json!(["a", "b"]);
            if self.backoff_ms > 0 {
                args["expires_ms"] = json!(self.backoff_ms * 3);
            }
        }
        if let Some((what, value)) = self.gate.filter(|_| self.tool.starts_with("t.")) {
            args[what] = match what {
                "approver" => json!("requester"),
                _ => json!(value),
            };
        }
        if let Some(from) = self.reads.filter(|_| self.tool != "human.ask") {
            args["x"] = json!(format!("${{steps.{}.output}}", id(from)));
        }
        if self.refused {
            args["refuse"] = json!("POLICY_DENIED");
        }
        step["args"] = args;
        if let Some(tool) = self.undo {
            step["compensate"] = json!({ "tool": tool, "args": { "out": "${output}" } });
        }
        if let Some(after) = &self.after {
            step["after"] = after.iter().map(|on| id(*on)).collect();
        }
        if let Some((count, go_on)) = self.items {
            let list = (0..count)
                .map(|n| n.to_string())
                .collect::<Vec<_>>()
                .join(", ");
            let on_failure = if go_on { "continue" } else { "stop" };
            step["for_each"] = json!({ "in": format!("[{list}]"), "on_item_failure": on_failure });
        }
        if self.expects {
            step["expect"] = json!("output != 3");
        }
        match &self.condition {
            Condition::None => {}
            Condition::Is(value) => step["if"] = json!(value.to_string()),
            Condition::Succeeded(on) => step["if"] = json!(format!("succeeded('{}')", id(*on))),
            Condition::Output(on) => step["if"] = json!(format!("steps.{}.output != 0", id(*on))),
            Condition::Settled => step["if"] = json!("settled()"),
        }
        step
    }
}

fn earlier(at: usize) -> BoxedStrategy<Option<usize>> {
    if at == 0 {
        Just(None).boxed()
    } else {
        prop_oneof![2 => Just(None), 1 => (0..at).prop_map(Some)].boxed()
    }
}

fn condition(at: usize) -> BoxedStrategy<Condition> {
    let own = prop_oneof![
        6 => Just(Condition::None),
        1 => any::<bool>().prop_map(Condition::Is),
        1 => Just(Condition::Settled),
    ];
    if at == 0 {
        return own.boxed();
    }
    prop_oneof![
        3 => own,
        1 => (0..at).prop_map(Condition::Succeeded),
        1 => (0..at).prop_map(Condition::Output),
    ]
    .boxed()
}

fn draft(at: usize) -> BoxedStrategy<Draft> {
    let tool = prop::sample::select(vec![
        "t.read",
        "t.net",
        "t.put",
        "t.do",
        "t.do",
        "time.sleep",
        "human.ask",
    ]);
    let after = prop_oneof![
        1 => Just(None),
        2 => vec(any::<prop::sample::Index>(), 0..2)
            .prop_map(move |picks| Some(if at == 0 { vec![] } else { picks.iter().map(|p| p.index(at)).collect() })),
    ];
    let items = prop_oneof![3 => Just(None), 1 => ((0..4_usize), any::<bool>()).prop_map(Some)];
    let retry = (1..4_u32, prop::sample::select(vec![0, 20, 90]));
    let on_failure = prop::sample::select(vec![OnFailure::Halt, OnFailure::Skip, OnFailure::Ask]);
    let gate = prop_oneof![
        8 => Just(None),
        1 => Just(Some(("approver", 0))),
        1 => (1..200_i64).prop_map(|until| Some(("rate_until", until))),
    ];
    let flags = (
        on_failure,
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.03),
        prop::bool::weighted(0.15),
        gate,
        prop_oneof![
            1 => Just(None),
            3 => prop::sample::select(vec!["t.do", "t.put"]).prop_map(Some),
        ],
    );
    (
        tool,
        after,
        earlier(at),
        earlier(at),
        condition(at),
        items,
        retry,
        flags,
    )
        .prop_map(
            |(tool, after, needs, reads, condition, items, retry, flags)| Draft {
                tool,
                after: after.map(|mut after| {
                    after.dedup();
                    after
                }),
                depends_on: needs.into_iter().collect(),
                reads: reads.filter(|_| tool != "human.ask"),
                condition,
                items,
                attempts: retry.0,
                backoff_ms: retry.1,
                on_failure: flags.0,
                expects: flags.1 && tool != "time.sleep" && tool != "human.ask",
                refused: flags.2 && tool != "human.ask",
                confirm: flags.3,
                gate: flags.4,
                undo: flags.5.filter(|_| tool.starts_with("t.")),
            },
        )
        .boxed()
}

pub(crate) fn plan() -> impl Strategy<Value = PlanDraft> {
    let steps = (1..7_usize).prop_flat_map(|count| (0..count).map(draft).collect::<Vec<_>>());
    let limits = (
        prop::bool::weighted(0.2),
        1..4_u32,
        prop::sample::select(vec![150, 100_000]),
    );
    let times = (
        prop::bool::weighted(0.3),
        prop_oneof![4 => Just(None), 1 => (0..900_i64).prop_map(Some)],
        prop_oneof![2 => Just(None), 1 => (0..300_i64).prop_map(Some)],
    );
    let watched = (
        prop_oneof![
            3 => Just(None),
            1 => (any::<prop::sample::Index>(), 0..5_u8, any::<bool>()).prop_map(Some),
        ],
        prop_oneof![5 => Just(None), 1 => (1..4_u64).prop_map(Some)],
    );
    (steps, limits, times, watched).prop_map(|(steps, limits, times, watched)| PlanDraft {
        never: watched.0.map(|(pick, output, asks)| Never {
            step: pick.index(steps.len()),
            output,
            asks,
        }),
        max_calls: watched.1,
        steps,
        sequential: limits.0,
        max_parallel: limits.1,
        timeout_ms: limits.2,
        ask: times.0,
        deadline_ms: times.1,
        expires_ms: times.2,
    })
}

/// One thing that happens to an execution; numbers pick among what is possible then.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Outcome(u8, u8),
    Fire(u16),
    Pause,
    Resume,
    Cancel(bool),
    Revoke,
    Resolve(u8, u8),
    /// To which open request, with which of its choices.
    Answer(u8, u8),
    Freeze(bool),
    /// The host dies; how much of what is not owed to the disk is lost.
    Crash(u8),
    HostLeaving,
    HostStopped,
    HostStarted,
}

pub(crate) fn schedule() -> impl Strategy<Value = Vec<(u8, Act)>> {
    let act = prop_oneof![
        12 => (any::<u8>(), any::<u8>()).prop_map(|(a, b)| Act::Outcome(a, b)),
        4 => (0..400_u16).prop_map(Act::Fire),
        1 => Just(Act::Pause),
        2 => Just(Act::Resume),
        1 => prop::bool::weighted(0.3).prop_map(Act::Cancel),
        1 => Just(Act::Revoke),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(a, b)| Act::Resolve(a, b)),
        5 => (any::<u8>(), any::<u8>()).prop_map(|(a, b)| Act::Answer(a, b)),
        1 => prop::bool::weighted(0.3).prop_map(Act::Freeze),
        2 => any::<u8>().prop_map(Act::Crash),
        1 => Just(Act::HostLeaving),
        1 => Just(Act::HostStopped),
        1 => Just(Act::HostStarted),
    ];
    vec((0..40_u8, act), 0..40)
}
