//! The gateway's own tools, as clients see them.

use serde_json::{Value, json};

/// One of them.
pub(crate) struct OwnTool {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    pub(crate) read_only: bool,
    schema: fn() -> Value,
}

impl OwnTool {
    /// The schema of its arguments.
    pub(crate) fn schema(&self) -> Value {
        (self.schema)()
    }
}

const EXECUTION: &str = "the execution; without it, the one that this session drives";

fn with_execution(mut properties: Value, required: &[&str]) -> Value {
    if let Value::Object(map) = &mut properties {
        map.insert(
            "execution_id".to_owned(),
            json!({ "type": "string", "description": EXECUTION }),
        );
    }
    object(&properties, required)
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn plan() -> Value {
    json!({
        "type": ["object", "string"],
        "description": "the plan, as an object or as YAML or JSON text: {version: 1, name, mode: agent, steps: [{id, tool: \
                        server.tool, args}]}. With `mode: agent` you call the steps yourself, otherwise Mandate runs them",
    })
}

fn inputs() -> Value {
    json!({ "type": "object", "description": "the values of the inputs that the plan declares" })
}

/// All of them, in the order in which they are listed.
pub(crate) const OWN_TOOLS: &[OwnTool] = &[
    OwnTool {
        name: "propose_plan",
        title: "Propose a plan",
        description: "Proposes a plan: which tools are to be called, in which order, with which arguments. It is checked, \
                      policy judges it, and a human may have to approve it. What is wrong with it is told all at once, with \
                      places. A plan of `mode: agent` waits for your calls once it is approved; any other is run by Mandate \
                      as soon as it is approved, and `execute` waits for its end.",
        read_only: false,
        schema: || object(&json!({ "plan": plan(), "inputs": inputs() }), &["plan"]),
    },
    OwnTool {
        name: "get_plan",
        title: "Show the plan",
        description: "Shows the plan that is in force, with the state of each step, what may be called now and with which \
                      arguments, and what people are asked. With `execution_id` this session takes an execution of yours up \
                      again that another session left.",
        read_only: true,
        schema: || with_execution(json!({}), &[]),
    },
    OwnTool {
        name: "replan",
        title: "Replan",
        description: "Proposes another plan in the place of the one that is in force. Steps that were called stay as they \
                      are. It goes the way of every plan: it is checked, judged, and may need approval.",
        read_only: false,
        schema: || {
            let steps = |what: &str| json!({ "type": "array", "items": { "type": "string" }, "description": what });
            with_execution(
                json!({
                    "plan": plan(),
                    "reason": { "type": "string", "description": "why the plan that is in force does not do" },
                    "completed": steps("the ids of steps that were completed, as far as you know"),
                    "failed": steps("the ids of steps that failed, as far as you know"),
                    "new_information": { "type": "string", "description": "what you have learned since" },
                }),
                &["plan", "reason"],
            )
        },
    },
    OwnTool {
        name: "execute",
        title: "Run the plan",
        description: "Waits while Mandate runs a plan that is not of `mode: agent`, with progress, and gives its result. With \
                      `plan`, it is proposed first.",
        read_only: false,
        schema: || with_execution(json!({ "plan": plan(), "inputs": inputs() }), &[]),
    },
    OwnTool {
        name: "status",
        title: "Show where it is",
        description: "Says where the execution is, what may be called now, and what it waits for.",
        read_only: true,
        schema: || with_execution(json!({}), &[]),
    },
    OwnTool {
        name: "finish",
        title: "Finish",
        description: "Ends the execution before its last step; steps that are open are skipped. With `step`, only that step \
                      is settled, which may be called several times.",
        read_only: false,
        schema: || {
            with_execution(
                json!({
                    "step": { "type": "string", "description": "the step that is not called again" },
                    "item": { "type": "integer", "minimum": 0, "description": "its item" },
                }),
                &[],
            )
        },
    },
    OwnTool {
        name: "list_tools",
        title: "List tools to plan with",
        description: "Lists the tools that plans can call, with their schemas and what they do to the world. They cannot be \
                      called before a plan that names them is approved.",
        read_only: true,
        schema: || {
            object(
                &json!({
                    "query": { "type": "string", "description": "only tools with this in their name or description" },
                    "names_only": { "type": "boolean", "description": "without schemas" },
                    "offset": { "type": "integer", "minimum": 0, "description": "how many to pass over" },
                    "limit": { "type": "integer", "minimum": 1, "maximum": 200, "description": "how many at most; 50 without it" },
                }),
                &[],
            )
        },
    },
];

/// The tool of that name.
pub(crate) fn own_tool(name: &str) -> Option<&'static OwnTool> {
    OWN_TOOLS.iter().find(|tool| tool.name == name)
}
