//! `mandate policy explain PLAN`.

use super::candidate::candidate;
use crate::{
    context::Context,
    document::{note_warnings, read_plan},
    errors::{Exit, Failure},
    inputs::InputArgs,
    output::{Look, Paint},
    render::{decision, shown},
    toolbox, when, who,
};
use clap::Args;
use mandate_host::HostError;
use mandate_policy::{
    CallSeen, Decision, EvaluateRequest, Explaining, Outcome, Purpose, RuleSeen, SessionView,
    StepAssessment, evaluate_with,
};
use serde_json::{Value, json};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  mandate policy explain plan.yaml
  mandate policy explain plan.yaml --step publish
  mandate policy explain plan.yaml --policy policies.new --json

Nothing runs. Always exits with 0; `mandate evaluate` exits by the outcome.";

/// The longest value of an input that is shown, in characters.
const VALUE_WIDTH: usize = 200;

/// What `policy explain` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// The plan, YAML or JSON; `-` reads standard input
    plan: String,
    /// Only this step
    #[arg(long, value_name = "ID")]
    step: Option<String>,
    /// A folder with `*.cedar` and `policy.toml`, or a single file; without it, the policy in force
    #[arg(long, value_name = "PATH")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    inputs: InputArgs,
}

pub(super) fn run(args: &ExplainArgs, context: &Context) -> Result<Exit, Failure> {
    let out = context.out();
    let rules = candidate(args.policy.as_deref(), context)?;
    let registry = toolbox::registry(context.settings()?)?;
    let read = read_plan(context, &args.plan, Some(&registry))?;
    let tools = registry.snapshot();
    note_warnings(context, &read);
    let inputs = read
        .plan
        .bind_inputs(&args.inputs.collect()?)
        .map_err(HostError::Inputs)?;
    let who = who::asking(context)?;
    let request = EvaluateRequest {
        principal: who.name.clone(),
        session: SessionView {
            session_id: "explain".to_owned(),
            principal: who.name,
            roles: who.roles.into_iter().collect(),
            ..SessionView::default()
        },
        now_ms: when::now_ms(),
    };
    let explaining = Explaining::new(rules.as_ref());
    let said = evaluate_with(&explaining, &read.plan, &inputs, tools.as_ref(), &request);
    let seen = explaining.into_seen();
    let wanted = |step: &str| args.step.as_deref().is_none_or(|wanted| wanted == step);
    if !said.steps.iter().any(|call| wanted(&call.step)) {
        let ids: Vec<&str> = said.steps.iter().map(|call| call.step.as_str()).collect();
        let step = args.step.as_deref().unwrap_or_default();
        return Err(Failure::usage(format!("the plan has no step `{step}`"))
            .remedy(format!("it has {}", ids.join(", "))));
    }
    let calls: Vec<Explained<'_>> = said
        .steps
        .iter()
        .filter(|call| wanted(&call.step))
        .map(|call| Explained::of(call, &said, &seen))
        .collect();
    if out.is_json() {
        let calls: Vec<Value> = calls.iter().map(Explained::to_json).collect();
        out.value(&json!({
            "policy_version": said.policy_version,
            "outcome": said.outcome,
            "approvers": said.approvers,
            "calls": calls,
        }));
        return Ok(Exit::Success);
    }
    let paint = out.paint();
    for call in &calls {
        out.line(&call.text(paint));
    }
    out.line(&format!(
        "{} {}",
        paint.bold("the plan:"),
        paint.look(decision::outcome_look(said.outcome), said.outcome.as_str())
    ));
    if !said.approvers.is_empty() {
        let who: Vec<String> = said.approvers.iter().map(ToString::to_string).collect();
        out.line(&format!(
            "{} {}",
            paint.dim("approved by:"),
            who.join(" and ")
        ));
    }
    // What no step is to blame for.
    for reason in said.reasons.iter().filter(|reason| reason.step.is_none()) {
        out.line(&format!(
            "  {} {} {}",
            paint.look(decision::outcome_look(reason.outcome), "•"),
            shown::line(&reason.message),
            paint.dim(&format!("[{}]", reason.rule))
        ));
    }
    Ok(Exit::Success)
}

/// One call of the plan, with all that was said about it.
struct Explained<'a> {
    call: &'a StepAssessment,
    decision: &'a Decision,
    rules: &'a [RuleSeen],
}

impl<'a> Explained<'a> {
    fn of(call: &'a StepAssessment, decision: &'a Decision, seen: &'a [CallSeen]) -> Self {
        let seen = seen
            .iter()
            .find(|seen| seen.step == call.step && seen.purpose == call.purpose);
        let rules = seen.map(|seen| seen.rules.as_slice()).unwrap_or_default();
        Self {
            call,
            decision,
            rules,
        }
    }

    /// What would have to be otherwise for the call to be allowed.
    fn remedies(&self) -> Vec<String> {
        let outcome = self.call.outcome;
        let decisive = self
            .rules
            .iter()
            .filter(|rule| rule.matched && rule.outcome == outcome);
        let named: Vec<String> = decisive.map(|rule| format!("`{}`", rule.rule)).collect();
        match outcome {
            Outcome::Allow => Vec::new(),
            Outcome::RequireApproval => {
                let who = &self.decision.approvers;
                let who: Vec<String> = who.iter().map(ToString::to_string).collect();
                let who = match who.is_empty() {
                    true => "the requester".to_owned(),
                    false => who.join(" and "),
                };
                vec![format!(
                    "an approval by {who}; or a call that {} does not match",
                    named.join(", ")
                )]
            }
            Outcome::RateLimited => vec!["fewer calls in this session".to_owned()],
            Outcome::Deny if named.is_empty() => {
                let permits = self
                    .rules
                    .iter()
                    .filter(|rule| !rule.matched && rule.outcome < Outcome::RateLimited);
                let mut remedies: Vec<String> = permits
                    .filter_map(|rule| {
                        let why = rule.why_not.as_deref()?;
                        Some(format!(
                            "`{}` would permit it, if it were so: {why}",
                            rule.rule
                        ))
                    })
                    .collect();
                if remedies.is_empty() {
                    remedies.push("a rule that permits it: none does".to_owned());
                }
                remedies
            }
            Outcome::Deny => vec![format!(
                "a call that {} does not match; no approval helps",
                named.join(", ")
            )],
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "step": self.call.step,
            "purpose": self.call.purpose,
            "tool": self.call.tool,
            "outcome": self.call.outcome,
            "saw": self.call,
            "rules": self.rules,
            "reasons": self.reasons().collect::<Vec<_>>(),
            "would_need": self.remedies(),
        })
    }

    fn reasons(&self) -> impl Iterator<Item = &mandate_policy::Reason> {
        let step = Some(self.call.step.as_str());
        let reasons = self.decision.reasons.iter();
        reasons.filter(move |reason| reason.step.as_deref() == step)
    }

    fn text(&self, paint: Paint) -> String {
        let call = self.call;
        let undo = match call.purpose {
            Purpose::Run => "",
            Purpose::Compensate => " (to undo it)",
        };
        let mut text = format!(
            "{}{undo} {} {}\n",
            paint.bold(&call.step),
            paint.dim(&call.tool),
            paint.look(decision::outcome_look(call.outcome), call.outcome.as_str())
        );
        let resources: Vec<String> = call
            .resources
            .iter()
            .map(|resource| format!("{} {}", resource.kind, shown::line(&resource.value)))
            .collect();
        let tags: Vec<String> = call.tags.iter().map(ToString::to_string).collect();
        let mut about = vec![
            format!("category {}", call.category),
            format!("effect {}", call.effect),
            format!("risk {} {}", call.risk.score, call.risk.level),
        ];
        about.extend(resources);
        if !tags.is_empty() {
            about.push(format!("tags {}", tags.join(", ")));
        }
        if !call.unknown_args.is_empty() {
            about.push(format!("not known yet: {}", call.unknown_args.join(", ")));
        }
        text.push_str(&format!("  {} {}\n", paint.dim("is"), about.join("; ")));
        for reason in self.reasons() {
            text.push_str(&format!(
                "  {} {} {}\n",
                paint.look(decision::outcome_look(reason.outcome), "matched"),
                paint.bold(&reason.rule),
                format_args!("{}: {}", reason.outcome, shown::line(&reason.message)),
            ));
            let seen = self.rules.iter().find(|rule| rule.rule == reason.rule);
            for (name, value) in seen.iter().flat_map(|rule| &rule.inputs) {
                text.push_str(&format!(
                    "          {} {}\n",
                    paint.dim(&format!("{name} =")),
                    shown::value(value, VALUE_WIDTH)
                ));
            }
        }
        for rule in self.rules.iter().filter(|rule| !rule.matched) {
            let why = rule.why_not.as_deref().unwrap_or("it does not hold");
            text.push_str(&format!(
                "  {} {} {}\n",
                paint.dim("not    "),
                rule.rule,
                paint.look(
                    Look::Dim,
                    &format!("({}): {}", rule.outcome, shown::line(why))
                ),
            ));
        }
        for remedy in self.remedies() {
            text.push_str(&format!("  {} {remedy}\n", paint.dim("to run it takes")));
        }
        text
    }
}
