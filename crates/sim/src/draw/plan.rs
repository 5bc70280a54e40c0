//! Plans at random: everything that a step can say, mixed.

use crate::outside::SECRET_NAME;
use crate::random::Random;
use serde_json::{Map, Value, json};

/// Draws plans. Ids of steps are unique over all of them.
#[derive(Default)]
pub(super) struct Plans {
    next: u32,
    steps: Vec<String>,
    /// The plan that is being drawn has the input `flag`.
    has_inputs: bool,
}

/// A step that others may refer to.
#[derive(Clone)]
struct Known {
    id: String,
    /// It gives `n`.
    gives_n: bool,
    /// It gives something sensitive.
    token: bool,
}

/// What stands where.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Main,
    Fallback,
    Finally,
}

impl Plans {
    /// The ids of all steps so far, and `undo:ID` for those that can be undone.
    pub(super) fn steps(&self) -> &[String] {
        &self.steps
    }

    /// A plan and its inputs.
    pub(super) fn plan(&mut self, random: &mut Random) -> (Value, Map<String, Value>) {
        let agent = random.one_in(10);
        let mut plan = self.document(random, 0, agent);
        let mut inputs = Map::new();
        if let Some(plan) = plan.as_object_mut() {
            if agent {
                plan.insert("mode".to_owned(), json!("agent"));
            }
            if random.one_in(5) {
                plan.insert("priority".to_owned(), json!(random.below(3)));
            }
        }
        if plan.get("inputs").is_some() {
            inputs.insert("flag".to_owned(), json!(random.one_in(2)));
        }
        (plan, inputs)
    }

    fn document(&mut self, random: &mut Random, depth: u32, agent: bool) -> Value {
        let count = match depth {
            0 => random.between(1, 6),
            _ => random.between(1, 3),
        };
        let mut known = Vec::new();
        let mut steps = Vec::new();
        // Few have inputs: checking their schemas takes longer than anything else.
        let outer = std::mem::replace(&mut self.has_inputs, random.one_in(5));
        for _ in 0..count {
            steps.push(self.step(random, &mut known, Place::Main, depth, agent));
        }
        let mut plan = json!({
            "version": 1,
            "name": "drawn",
            "steps": steps,
        });
        let has_inputs = std::mem::replace(&mut self.has_inputs, outer);
        if has_inputs && let Some(fields) = plan.as_object_mut() {
            let flag = json!({ "flag": { "type": "boolean", "default": true } });
            fields.insert("inputs".to_owned(), flag);
        }
        let Some(fields) = plan.as_object_mut() else {
            return plan;
        };
        if random.one_in(4) {
            let count = random.between(1, 2);
            let finally: Vec<Value> = (0..count)
                .map(|_| self.step(random, &mut Vec::new(), Place::Finally, depth, false))
                .collect();
            fields.insert("finally".to_owned(), json!(finally));
        }
        let mut constraints = Map::new();
        if random.one_in(6) {
            constraints.insert("sequential".to_owned(), json!(true));
        } else if random.one_in(3) {
            constraints.insert("max_parallel".to_owned(), json!(random.between(1, 3)));
        }
        if random.one_in(8) {
            let timeout = random.between(1, 60).saturating_mul(1_000);
            constraints.insert("timeout_ms".to_owned(), json!(timeout));
        }
        if random.one_in(8) {
            constraints.insert("max_tool_calls".to_owned(), json!(random.between(1, 4)));
        }
        if !constraints.is_empty() {
            fields.insert("constraints".to_owned(), Value::Object(constraints));
        }
        if random.one_in(6)
            && let Some(step) = random.one_of(&known)
        {
            let id = &step.id;
            let check = match random.below(3) {
                0 => format!("!failed('{id}')"),
                1 => format!("!succeeded('{id}')"),
                _ => format!("steps.{id}.output == null || size(string('x')) == 1"),
            };
            let on = random.word(&["halt", "ask", "ask"]);
            let invariants = json!([{ "id": "holds", "check": check, "on_violation": on }]);
            fields.insert("invariants".to_owned(), invariants);
        }
        plan
    }

    fn id(&mut self) -> String {
        self.next = self.next.saturating_add(1);
        let id = format!("s{}", self.next);
        self.steps.push(id.clone());
        id
    }

    fn step(
        &mut self,
        random: &mut Random,
        known: &mut Vec<Known>,
        place: Place,
        depth: u32,
        agent: bool,
    ) -> Value {
        let id = self.id();
        let tool = tool(random, place, depth, agent);
        let mut step = Map::new();
        step.insert("id".to_owned(), json!(id));
        step.insert("tool".to_owned(), json!(tool));
        let loops =
            place == Place::Main && !matches!(tool, "human.ask" | "time.sleep") && random.one_in(6);
        let args = self.args(random, tool, known, loops, depth, agent);
        step.insert("args".to_owned(), args);
        if loops {
            let list = random.value(&[
                json!("[1, 2]"),
                json!("[1, 2, 3]"),
                json!("[1, 2, 3, 4]"),
                json!("[]"),
            ]);
            let on = random.word(&["stop", "continue"]);
            step.insert(
                "for_each".to_owned(),
                json!({ "in": list, "on_item_failure": on }),
            );
        }
        if place == Place::Main {
            self.edges(random, &mut step, known);
        }
        let calls = tool.starts_with("sim.") || tool.starts_with("out.");
        if calls {
            self.call(random, &mut step, &id, tool, place);
        }
        if matches!(place, Place::Main) && tool != "time.sleep" {
            self.failure(random, &mut step, &id, known, depth);
        }
        known.push(Known {
            id,
            gives_n: calls && !loops,
            token: tool == "sim.token" && !loops,
        });
        Value::Object(step)
    }

    /// When it starts, and whether.
    fn edges(&mut self, random: &mut Random, step: &mut Map<String, Value>, known: &[Known]) {
        match random.below(4) {
            0 => {
                step.insert("after".to_owned(), json!([]));
            }
            1 => {
                if let Some(before) = random.one_of(known) {
                    step.insert("after".to_owned(), json!([before.id]));
                }
            }
            _ => {}
        }
        if random.one_in(5)
            && let Some(needed) = random.one_of(known)
        {
            step.insert("depends_on".to_owned(), json!([needed.id]));
        }
        if random.one_in(5) {
            let flag = match (self.has_inputs, random.one_in(2)) {
                (true, _) => "inputs.flag",
                (false, true) => "1 < 2",
                (false, false) => "2 < 1",
            };
            let condition = match (random.below(5), random.one_of(known)) {
                (0, Some(of)) => format!("succeeded('{}')", of.id),
                (1, Some(of)) => format!("failed('{}')", of.id),
                (2, Some(of)) => format!("skipped('{}') || {flag}", of.id),
                (3, Some(_)) => "settled()".to_owned(),
                _ => flag.to_owned(),
            };
            step.insert("if".to_owned(), json!(condition));
        }
    }

    /// What is said of a call.
    fn call(
        &mut self,
        random: &mut Random,
        step: &mut Map<String, Value>,
        id: &str,
        tool: &str,
        place: Place,
    ) {
        if random.one_in(3) {
            let retry = json!({
                "max_attempts": random.between(2, 4),
                "backoff_ms": random.between(0, 2_000),
                "jitter": random.value(&[json!(0), json!(0.5)]),
            });
            step.insert("retry".to_owned(), retry);
            if random.one_in(4)
                && let Some(retry) = step.get_mut("retry").and_then(Value::as_object_mut)
            {
                retry.insert("retry_on".to_owned(), json!(["TOOL_FAILED"]));
            }
        }
        if random.one_in(3) {
            let timeout = random.between(1, 20).saturating_mul(500);
            step.insert("timeout_ms".to_owned(), json!(timeout));
        }
        if random.one_in(6) {
            let expect = random.word(&["output.n != 'none'", "output.n == 1", "has(output.n)"]);
            step.insert("expect".to_owned(), json!(expect));
        }
        if place == Place::Main && random.one_in(8) {
            step.insert("confirm".to_owned(), json!(true));
        }
        if tool == "sim.token" {
            step.insert("sensitive".to_owned(), json!(["/token"]));
        }
        let undone = matches!(
            tool,
            "sim.put" | "sim.send" | "sim.charge" | "out.put" | "out.send"
        );
        if place == Place::Main && undone && random.one_in(2) {
            let undo = random.word(&["sim.undo", "sim.unput"]);
            let args = random.value(&[
                json!({ "n": "${args.n}" }),
                json!({ "n": 5 }),
                json!({ "n": "${output.n}" }),
            ]);
            step.insert(
                "compensate".to_owned(),
                json!({ "tool": undo, "args": args }),
            );
            self.steps.push(format!("undo:{id}"));
        }
    }

    fn failure(
        &mut self,
        random: &mut Random,
        step: &mut Map<String, Value>,
        id: &str,
        known: &[Known],
        depth: u32,
    ) {
        let action = match random.below(12) {
            0 | 1 => json!("skip"),
            2 => json!("ask"),
            3 => json!("retry"),
            4 => json!([{ "codes": ["TOOL_FAILED", "STEP_TIMEOUT"], "do": "skip" }]),
            5 if depth == 0 => json!("replan"),
            6 | 7 => {
                let mut inside = known.to_vec();
                let count = random.between(1, 2);
                let mut steps: Vec<Value> = (0..count)
                    .map(|_| self.step(random, &mut inside, Place::Fallback, depth, false))
                    .collect();
                if let Some(first) = steps.first_mut()
                    && let Some(args) = first.get_mut("args").and_then(Value::as_object_mut)
                    && args.contains_key("n")
                {
                    args.insert(
                        "why".to_owned(),
                        json!(format!("${{steps.{id}.error.code}}")),
                    );
                }
                json!({ "fallback": steps })
            }
            _ => return,
        };
        step.insert("on_failure".to_owned(), action);
    }

    fn args(
        &mut self,
        random: &mut Random,
        tool: &str,
        known: &[Known],
        loops: bool,
        depth: u32,
        agent: bool,
    ) -> Value {
        match tool {
            "time.sleep" => json!({ "duration_ms": random.between(1, 40).saturating_mul(1_000) }),
            "human.ask" => self.question(random),
            "data.value" => json!({ "value": { "n": random.below(5) } }),
            "plan.run" => {
                let plan = self.document(random, depth.saturating_add(1), false);
                match plan.get("inputs") {
                    Some(_) => json!({ "plan": plan, "inputs": { "flag": random.one_in(2) } }),
                    None => json!({ "plan": plan }),
                }
            }
            _ => {
                let mut args = Map::new();
                let gives: Vec<&Known> = known.iter().filter(|step| step.gives_n).collect();
                let n = match random.one_of(&gives) {
                    _ if loops => json!("${item}"),
                    Some(from) if !agent && random.one_in(3) => {
                        json!(format!("${{steps.{}.output.n}}", from.id))
                    }
                    _ => json!(random.below(10)),
                };
                args.insert("n".to_owned(), n);
                if random.one_in(6) {
                    args.insert(
                        "key".to_owned(),
                        json!(format!("key ${{secrets.{SECRET_NAME}}}")),
                    );
                }
                let token = known.iter().find(|step| step.token);
                if let Some(token) = token.filter(|_| !agent && random.one_in(2)) {
                    let value = format!("${{steps.{}.output.token}}", token.id);
                    args.insert("token".to_owned(), json!(value));
                }
                Value::Object(args)
            }
        }
    }

    fn question(&mut self, random: &mut Random) -> Value {
        let mut args = Map::new();
        args.insert("question".to_owned(), json!("which?"));
        match random.below(3) {
            0 => {
                args.insert("choices".to_owned(), json!(["left", "right"]));
            }
            1 => {
                args.insert("schema".to_owned(), json!({ "type": "integer" }));
            }
            _ => {}
        }
        if random.one_in(2) {
            let expires = random.between(1, 50).saturating_mul(1_000);
            args.insert("expires_ms".to_owned(), json!(expires));
            if random.one_in(2) && args.contains_key("choices") {
                args.insert("default".to_owned(), json!("left"));
            }
        }
        Value::Object(args)
    }
}

fn tool(random: &mut Random, place: Place, depth: u32, agent: bool) -> &'static str {
    let outside = agent && depth == 0 && place == Place::Main;
    match random.below(20) {
        1 if outside => "out.look",
        6 if outside => "out.put",
        9 | 10 if outside => "out.send",
        0 | 1 => "sim.look",
        2 | 3 => "sim.fetch",
        4..=6 => "sim.put",
        7..=10 => "sim.send",
        11 | 12 => "sim.charge",
        13 => "sim.count",
        14 if place == Place::Main => "sim.token",
        15 => "data.value",
        16 if place == Place::Main => "time.sleep",
        17 if place == Place::Main => "human.ask",
        18 | 19 if place == Place::Main && depth < 2 && !agent => "plan.run",
        _ => "sim.send",
    }
}
