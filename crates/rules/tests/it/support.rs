//! Calls for the tests.

use mandate_plan::{Effect, Facts};
use mandate_policy::{
    CallFlow, Classification, Label, Labels, Outcome, Purpose, Rules, SessionView, SinkFlow,
    SinkKind,
    classify::Category,
    decision::StepAssessment,
    resources::find,
    rules::{Case, Moment, RuleError, Ruling},
};
use mandate_rules::{PolicyError, PolicySet, Source, load};
use serde_json::{Value, json};

pub(crate) const NOW_MS: i64 = 1_700_000_000_000;

/// A call that can be judged.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) moment: Moment,
    pub(crate) principal: String,
    pub(crate) tool: String,
    pub(crate) facts: Facts,
    pub(crate) args: Value,
    pub(crate) unknown: Vec<String>,
    pub(crate) session: SessionView,
    pub(crate) before: Vec<Category>,
    pub(crate) flow: CallFlow,
    pub(crate) now_ms: i64,
}

/// A call with these arguments, whose effect follows from the tool's name.
pub(crate) fn call(tool: &str, args: Value) -> Call {
    let facts = |effect, idempotent, open_world| Facts {
        effect,
        idempotent,
        open_world,
    };
    let (server, name) = tool.split_once('.').unwrap();
    let facts = match (server, name) {
        ("fs", "write" | "mkdir") => facts(Effect::Write, true, false),
        (_, "delete" | "delete_file") => facts(Effect::Delete, true, false),
        ("fs" | "data" | "time", _) => facts(Effect::Read, true, false),
        ("http", _) => match args.get("method").and_then(Value::as_str) {
            None | Some("GET") => facts(Effect::Read, true, true),
            _ => facts(Effect::Network, false, true),
        },
        ("mail", _) => facts(Effect::Network, false, true),
        _ => facts(Effect::Execute, false, true),
    };
    Call {
        moment: Moment::Call,
        principal: "ada".to_owned(),
        tool: tool.to_owned(),
        facts,
        args,
        unknown: Vec::new(),
        session: SessionView {
            session_id: "session-1".to_owned(),
            principal: "ada".to_owned(),
            ..SessionView::default()
        },
        before: Vec::new(),
        flow: CallFlow::default(),
        now_ms: NOW_MS,
    }
}

impl Call {
    /// An untrusted value flows into a sink.
    pub(crate) fn untrusted(mut self, pointer: &str, kind: SinkKind, endorsed: bool) -> Self {
        let labels: Labels = [Label::Tool("http.request".to_owned()), Label::Untrusted]
            .into_iter()
            .collect();
        self.flow.args.insert(pointer.to_owned(), labels.clone());
        self.flow.sinks.push(SinkFlow {
            pointer: pointer.to_owned(),
            kind,
            labels,
            endorsed,
        });
        self
    }

    pub(crate) fn after(mut self, categories: &[Category]) -> Self {
        self.session.recent = categories.to_vec();
        self
    }

    pub(crate) fn role(mut self, role: &str) -> Self {
        self.session.roles.push(role.to_owned());
        self
    }

    /// What the rules say about it.
    pub(crate) fn judged(&self, rules: &dyn Rules) -> Result<Vec<Ruling>, RuleError> {
        self.as_case(rules.classification(), |case| rules.judge(case))
    }

    /// What Cedar says about it, asked about every rule of the set.
    pub(crate) fn by_cedar(&self, set: &PolicySet) -> Result<Vec<Ruling>, RuleError> {
        self.as_case(set.classification(), |case| set.judge_by_cedar(case))
    }

    fn as_case<T>(&self, tables: &Classification, ask: impl FnOnce(&Case<'_>) -> T) -> T {
        let found = find(&self.tool, self.facts.effect, &self.args);
        let assessed = assessed(self, tables);
        ask(&Case {
            moment: self.moment,
            principal: &self.principal,
            session: &self.session,
            now_ms: self.now_ms,
            call: &assessed,
            args: &self.args,
            found: &found,
            before: &self.before,
            flow: &self.flow,
        })
    }

    /// The strictest of what they say; nothing, or a failure, is a deny.
    pub(crate) fn outcome(&self, rules: &dyn Rules) -> Outcome {
        let rulings = self.judged(rules).unwrap_or_default();
        let strictest = rulings.iter().map(|ruling| ruling.outcome).max();
        strictest.unwrap_or(Outcome::Deny)
    }
}

/// The call as these tables see it.
pub(crate) fn assessed(call: &Call, tables: &Classification) -> StepAssessment {
    let found = find(&call.tool, call.facts.effect, &call.args);
    let blank = StepAssessment {
        step: "s".to_owned(),
        purpose: Purpose::Run,
        tool: call.tool.clone(),
        effect: call.facts.effect,
        idempotent: call.facts.idempotent,
        open_world: call.facts.open_world,
        category: Category::Unknown,
        resources: found.iter().map(|it| it.resource.clone()).collect(),
        tags: Vec::new(),
        unknown_args: call.unknown.clone(),
        risk: tables.risk.step(Category::Unknown, &[], false),
        outcome: Outcome::Deny,
    };
    blank.reclassified(tables, &found)
}

/// A policy of one text.
pub(crate) fn policy(text: &str) -> PolicySet {
    policy_with(text, "")
}

/// A policy of one text with its definitions.
pub(crate) fn policy_with(text: &str, definitions: &str) -> PolicySet {
    loaded(text, definitions).unwrap_or_else(|wrong| {
        let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        panic!("{}", wrong.join("\n"))
    })
}

pub(crate) fn loaded(text: &str, definitions: &str) -> Result<PolicySet, Vec<PolicyError>> {
    load(
        &[Source::new("p.cedar", text)],
        &[Source::new("policy.toml", definitions)],
    )
}

pub(crate) fn read(path: &str) -> Call {
    call("fs.read", json!({ "path": path }))
}

pub(crate) fn delete(path: &str) -> Call {
    call("fs.delete", json!({ "path": path }))
}
