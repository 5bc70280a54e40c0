//! The tools of a plan as a journaled decision saw them: for judging the past again without the tools of today.

use crate::{
    CallFlow, Decision, Purpose, Turn,
    dataflow::{CallSources, Live, Told},
    planned::every_call,
    resources::find,
};
use mandate_plan::{
    BoundInputs, CheckedPlan, Digest, Effect, Facts, Mode, ToolLookup, ToolSpec, canonical_json,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A view of tools that are known from the journal only. A call that was made, or decided about, has the facts that it
/// had then; another call of the same tool has the worst of them.
#[derive(Debug, Clone, Default)]
pub struct PastTools {
    specs: BTreeMap<String, ToolSpec>,
    facts: BTreeMap<String, OfTool>,
}

#[derive(Debug, Clone, Default)]
struct OfTool {
    /// By the canonical arguments; none = they were not all known.
    by_args: BTreeMap<Option<Vec<u8>>, Facts>,
}

impl PastTools {
    /// The tools that a decision about `plan` rests on.
    pub fn of(plan: &CheckedPlan, inputs: &BoundInputs, decision: &Decision) -> Self {
        let mut tools = Self::default();
        for (name, digest) in &decision.tools {
            tools.specs.insert(name.clone(), spec(name, *digest));
        }
        // The assessments stand in the order of the calls.
        for (planned, assessed) in every_call(plan).iter().zip(&decision.steps) {
            if planned.id != assessed.step || planned.purpose != assessed.purpose {
                continue;
            }
            let known = planned.known_args(plan, inputs);
            let args = known.complete().then_some(&known.args);
            tools.note(planned.tool, args, assessed.facts());
        }
        tools
    }

    /// A call that was made, and what it was.
    pub fn note(&mut self, tool: &str, args: Option<&Value>, facts: Facts) {
        let known = self.facts.entry(tool.to_owned()).or_default();
        known.by_args.insert(args.map(canonical_json), facts);
    }
}

/// Where the arguments of a call came from that was made, as `turn` knew it just before; `confirmed` says that a human had
/// said yes to exactly them. Which arguments are sensitive is told by their names: what an operator said of the tool is not
/// in the journal. None: the plan has no such call.
pub fn past_flow(
    plan: &CheckedPlan,
    turn: &dyn Turn,
    (step, purpose): (&str, Purpose),
    args: &Value,
    facts: Facts,
    confirmed: bool,
) -> Option<CallFlow> {
    let calls = every_call(plan);
    let mut own = calls.iter().filter(|call| !call.nested);
    let planned = own.find(|call| call.id == step && call.purpose == purpose)?;
    let (allow, _) = planned.rules().ok()?;
    let sources = CallSources::new(planned, allow.as_ref(), &PastTools::default());
    let told = Told {
        confirmed: confirmed && purpose == Purpose::Run,
        effect: facts.effect != Effect::Read,
        agent_untrusted: plan.plan().mode == Mode::Agent && turn.agent_is_untrusted(),
        agent_suspicious: plan.plan().mode == Mode::Agent && turn.agent_is_suspicious(),
    };
    let found = find(planned.tool, facts.effect, args);
    Some(sources.flow(&Live(turn), args, &found, told))
}

/// The worst of both.
fn worse(left: Facts, right: Facts) -> Facts {
    Facts {
        effect: left.effect.max(right.effect),
        idempotent: left.idempotent && right.idempotent,
        open_world: left.open_world || right.open_world,
    }
}

fn spec(name: &str, digest: Digest) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        input_schema: Value::Bool(true),
        output_schema: None,
        digest,
        engine_handled: false,
        external: false,
    }
}

impl ToolLookup for PastTools {
    fn spec(&self, name: &str) -> Option<&ToolSpec> {
        self.specs.get(name)
    }

    fn facts(&self, name: &str, args: Option<&Value>) -> Option<Facts> {
        self.specs.get(name)?;
        let Some(known) = self.facts.get(name) else {
            return Some(Facts::WORST);
        };
        let exact = known.by_args.get(&args.map(canonical_json));
        let worst = || known.by_args.values().copied().reduce(worse);
        exact.copied().or_else(worst).or(Some(Facts::WORST))
    }

    fn names(&self) -> Vec<&str> {
        self.specs.keys().map(String::as_str).collect()
    }
}
