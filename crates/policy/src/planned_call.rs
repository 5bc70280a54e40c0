//! One call of an admitted plan, ready to be compared with the calls that are made.

use crate::{
    Purpose, Refusal, ResolvedCall, ResourceGuard,
    argument_rules::{Absent, RuleSet, same},
    dataflow::CallSources,
    decision::StepAssessment,
    normalise::shown,
    planned::Planned,
};
use mandate_plan::{BadPattern, BoundInputs, ErrorCode, Mode, ToolLookup};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// What a call must look like, prepared once, so that a check is quick.
#[derive(Debug)]
pub(crate) struct PlannedCall {
    pub(crate) tool: String,
    pub(crate) assessed: StepAssessment,
    pub(crate) allow: Option<Arc<RuleSet>>,
    /// The plan's `forbidden_*`, and the step's `deny`.
    pub(crate) deny: Vec<Arc<RuleSet>>,
    /// The same for the tool, while the call runs.
    pub(crate) guard: ResourceGuard,
    /// The step has `for_each`.
    pub(crate) per_item: bool,
    /// A human must have said yes to exactly the arguments.
    pub(crate) confirm: bool,
    /// Where its arguments come from.
    pub(crate) sources: CallSources,
    /// The arguments with null where they are computed.
    known: Value,
    computed: BTreeSet<String>,
    secrets: BTreeSet<String>,
}

impl PlannedCall {
    pub(crate) fn new(
        planned: &Planned<'_>,
        inputs: &BoundInputs,
        assessed: StepAssessment,
        forbidden: &Arc<RuleSet>,
        tools: &dyn ToolLookup,
    ) -> Result<Self, BadPattern> {
        let (allow, deny) = planned.rules()?;
        let sources = CallSources::new(planned, allow.as_ref(), tools);
        let allow = allow.map(Arc::new);
        let deny: Vec<_> = std::iter::once(Arc::clone(forbidden))
            .chain(deny.map(Arc::new))
            .collect();
        let template = planned.template;
        let mut known = template.known();
        // A nested plan is not part of its parent's template, but it is what was approved.
        if let (Some(args), Some(child), true) = (
            known.as_object_mut(),
            planned.raw.get("plan"),
            planned.step.child.is_some(),
        ) {
            args.insert("plan".to_owned(), child.clone());
        }
        let given = template
            .secret_inputs()
            .iter()
            .filter_map(|input| inputs.secrets.get(input));
        Ok(Self {
            tool: planned.tool.to_owned(),
            assessed,
            guard: ResourceGuard::new(deny.clone(), allow.clone()),
            allow,
            deny,
            per_item: planned.step.for_each.is_some(),
            confirm: planned.step.step.confirm && planned.purpose == Purpose::Run,
            sources,
            known,
            computed: template.holes().iter().cloned().collect(),
            secrets: template
                .secret_names()
                .iter()
                .chain(given)
                .cloned()
                .collect(),
        })
    }

    /// The literal arguments are the plan's, and no others are there but those that an agent may choose.
    pub(crate) fn check_literals(&self, call: &ResolvedCall, mode: Mode) -> Result<(), Refusal> {
        let differs = |pointer: &str| {
            let message = format!(
                "the argument `{}` of step `{}` is not the one in the plan",
                shown(pointer),
                call.place()
            );
            let refusal = Refusal::new(ErrorCode::ArgumentViolation, message);
            match self.known.pointer(pointer) {
                Some(planned) => {
                    refusal.expecting(json!({ "argument": pointer, "planned": planned }))
                }
                None => refusal.expecting(json!({ "argument": pointer, "planned": "nothing" })),
            }
        };
        let (Value::Object(planned), Value::Object(args)) = (&self.known, &call.args) else {
            return Err(differs(""));
        };
        for (key, value) in args {
            let open =
                mode == Mode::Agent && self.allow.as_ref().is_some_and(|allow| allow.names(key));
            if !planned.contains_key(key) && !open {
                return Err(differs(&below("", key)));
            }
            if let Some(pointer) = planned
                .get(key)
                .and_then(|known| self.difference(known, value, &below("", key)))
            {
                return Err(differs(&pointer));
            }
        }
        match planned.keys().find(|key| !args.contains_key(*key)) {
            Some(key) => Err(differs(&below("", key))),
            None => Ok(()),
        }
    }

    /// The first place where a value is not what the plan holds literally.
    fn difference(&self, known: &Value, value: &Value, pointer: &str) -> Option<String> {
        if self.computed.contains(pointer) {
            return None;
        }
        match (known, value) {
            (Value::Array(known), Value::Array(values)) if known.len() == values.len() => {
                let mut pairs = known.iter().zip(values).enumerate();
                pairs.find_map(|(index, (known, value))| {
                    self.difference(known, value, &format!("{pointer}/{index}"))
                })
            }
            (Value::Object(known), Value::Object(values)) if known.len() == values.len() => {
                known.iter().find_map(|(key, known)| {
                    let pointer = below(pointer, key);
                    match values.get(key) {
                        Some(value) => self.difference(known, value, &pointer),
                        None => Some(pointer),
                    }
                })
            }
            (known, value) => (!same(known, value)).then(|| pointer.to_owned()),
        }
    }

    /// Every place where a secret will be put in is one that the plan made, and holds the placeholder.
    pub(crate) fn check_secrets(&self, call: &ResolvedCall) -> Result<(), Refusal> {
        let mut places: BTreeSet<(&str, usize)> = BTreeSet::new();
        for slot in &call.secrets {
            let text = call.args.pointer(&slot.pointer).and_then(Value::as_str);
            let end = slot.offset.checked_add(slot.len);
            let placeholder = text
                .zip(end)
                .and_then(|(text, end)| text.get(slot.offset..end));
            let planned = self.secrets.contains(&slot.name)
                && self.computed.contains(&slot.pointer)
                && placeholder == Some(&format!("${{secrets.{}}}", slot.name));
            if !planned || !places.insert((&slot.pointer, slot.offset)) {
                let message = format!(
                    "the plan does not put the secret `{}` into the argument `{}` of step `{}`",
                    shown(&slot.name),
                    shown(&slot.pointer),
                    call.place()
                );
                return Err(Refusal::new(ErrorCode::ArgumentViolation, message));
            }
        }
        Ok(())
    }

    /// What is missing may be missing only where an agent may choose.
    pub(crate) fn absent(mode: Mode) -> Absent {
        match mode {
            Mode::Agent => Absent::Open,
            Mode::Engine | Mode::Hybrid => Absent::Refused,
        }
    }
}

fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}
