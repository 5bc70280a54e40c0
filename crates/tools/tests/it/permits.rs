//! Permits as the host gets them: a plan, evaluated, approved, admitted, and its call enforced.

use crate::fixture::EXECUTION;
use mandate_plan::{Digest, Facts, Format, ToolLookup, ToolSpec, check, parse};
use mandate_policy::{
    Approval, EvaluateRequest, Grant, Permit, Purpose, Refusal, ResolvedCall, SecretSlot,
    SessionView, Turn, admit, enforce, evaluate,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

type Lookup = Arc<dyn ToolLookup + Send + Sync>;

pub(crate) fn permit(tools: Lookup, constraints: Value, call: &ResolvedCall) -> Permit {
    let tools: Lookup = Arc::new(WithUnknown::new(tools, &call.tool));
    let args = as_written(&call.args, "", &call.secrets);
    let plan = json!({
        "version": 1,
        "name": "test",
        "constraints": constraints,
        "steps": [{"id": call.step, "tool": call.tool, "args": args}],
    });
    let document = parse(&serde_json::to_vec(&plan).unwrap(), Format::Json).unwrap();
    let checked = check(&document, None);
    let plan = checked
        .plan
        .unwrap_or_else(|| panic!("{plan}: {:?}", checked.violations));
    let inputs = plan.bind_inputs(&Map::new()).unwrap();
    let session = SessionView {
        session_id: "session-1".into(),
        principal: "ada".into(),
        ..SessionView::default()
    };
    let request = EvaluateRequest {
        principal: "ada".into(),
        session: session.clone(),
        now_ms: 0,
    };
    let decision = evaluate(&plan, &inputs, &*tools, &request);
    let grant = Grant::Approved(Approval {
        request_id: "request-1".into(),
        execution_id: EXECUTION.into(),
        subject: decision.subject,
        by: "ada".into(),
        channel: "terminal".into(),
        at_ms: 0,
        assents: Vec::new(),
    });
    let approved = admit(plan, &inputs, tools, EXECUTION, decision, grant).unwrap();
    enforce(&approved, &Always, call, &session, 0).unwrap()
}

/// The arguments as a plan writes them: what looks like an expression and is none is escaped.
fn as_written(value: &Value, pointer: &str, slots: &[SecretSlot]) -> Value {
    match value {
        Value::String(text) if slots.iter().any(|slot| slot.pointer == pointer) => {
            text.clone().into()
        }
        Value::String(text) => text.replace("${", "$${").into(),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(index, item)| as_written(item, &format!("{pointer}/{index}"), slots))
                .collect()
        }
        Value::Object(entries) => {
            let entries = entries.iter();
            entries
                .map(|(key, item)| {
                    (
                        key.clone(),
                        as_written(item, &format!("{pointer}/{key}"), slots),
                    )
                })
                .collect()
        }
        other => other.clone(),
    }
}

/// It is always this call's turn.
struct Always;

impl Turn for Always {
    fn execution_id(&self) -> &str {
        EXECUTION
    }

    fn running(&self, _: Purpose) -> Result<(), Refusal> {
        Ok(())
    }

    fn turn(&self, _: &ResolvedCall) -> Result<(), Refusal> {
        Ok(())
    }

    fn counted_calls(&self) -> u64 {
        0
    }

    fn granted_calls(&self) -> u64 {
        0
    }

    fn approval(&self, _: &ResolvedCall) -> Option<mandate_policy::Approval> {
        None
    }
}

/// The tools that there are, and one that there was when the plan was admitted.
struct WithUnknown {
    tools: Lookup,
    unknown: ToolSpec,
}

impl WithUnknown {
    fn new(tools: Lookup, name: &str) -> Self {
        let unknown = ToolSpec {
            name: name.into(),
            description: String::new(),
            input_schema: json!({}),
            output_schema: None,
            digest: Digest::of(b"gone since"),
            engine_handled: false,
            external: false,
        };
        Self { tools, unknown }
    }
}

impl ToolLookup for WithUnknown {
    fn spec(&self, name: &str) -> Option<&ToolSpec> {
        self.tools
            .spec(name)
            .or((name == self.unknown.name).then_some(&self.unknown))
    }

    fn facts(&self, name: &str, args: Option<&Value>) -> Option<Facts> {
        self.tools
            .facts(name, args)
            .or((name == self.unknown.name).then_some(Facts::WORST))
    }

    fn names(&self) -> Vec<&str> {
        self.tools.names()
    }
}
