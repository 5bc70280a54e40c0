//! What is known of a plan before any rule is asked: what its calls touch, what kind of actions they are, how risky, what flows
//! into them. It follows from plan, inputs, tools and the tables that calls are classified by alone: the same whoever asks, and
//! whenever.

use crate::{
    Classification, Purpose, Rules,
    argument_rules::RuleSet,
    assess::{Subject, assess},
    classify::Category,
    dataflow::{Forecast, Survey, survey},
    decision::StepAssessment,
    flow::{CallFlow, FlowPath},
    labels::Labels,
    lately::Lately,
    nested::nested_facts,
    planned::{Planned, every_call},
    resources::{Found, ResourceKind},
    tool_table,
};
use mandate_plan::{BoundInputs, CheckedPlan, Digest, ToolLookup, execution_digest};
use serde_json::Value;
use std::{collections::BTreeMap, convert::Infallible, fmt, sync::Arc};

/// One call, as far as it is known.
#[derive(Debug)]
pub(crate) struct ExaminedCall {
    /// No rule has judged it: its outcome is deny.
    pub(crate) assessment: StepAssessment,
    pub(crate) args: Value,
    pub(crate) found: Vec<Found>,
    pub(crate) flow: CallFlow,
    /// There is such a tool.
    pub(crate) exists: bool,
    /// Why the step's own rules for arguments cannot be read.
    pub(crate) unreadable: Option<String>,
}

/// A plan, examined.
#[derive(Debug)]
pub struct Examination {
    /// The execution digest: plan, inputs, tools.
    pub(crate) subject: Digest,
    pub(crate) tools: BTreeMap<String, Digest>,
    /// Tools that the plan names, and that are not there.
    pub(crate) missing: Vec<String>,
    /// Why the plan's constraints cannot be read.
    pub(crate) unreadable: Option<String>,
    pub(crate) calls: Vec<ExaminedCall>,
    /// The calls' categories, in the same order.
    pub(crate) categories: Vec<Category>,
    pub(crate) flows: Vec<FlowPath>,
    pub(crate) most_calls: u64,
}

/// Examines a plan; `origins` says where the inputs come from that a step passes on to it.
pub(crate) fn examine(
    plan: &CheckedPlan,
    inputs: &BoundInputs,
    origins: &BTreeMap<String, Labels>,
    tools: &dyn ToolLookup,
    classification: &Classification,
) -> Examination {
    let (digests, missing) = tool_table::digests(plan, tools);
    let constraints = RuleSet::of_plan(&plan.plan().constraints);
    let mut survey = survey(origins);
    let calls: Vec<ExaminedCall> = every_call(plan)
        .iter()
        .map(|planned| examine_call(plan, inputs, planned, tools, classification, &mut survey))
        .collect();
    let categories = calls.iter().map(|call| call.assessment.category);
    Examination {
        subject: execution_digest(plan.hash(), &inputs.digest(), &digests),
        tools: digests,
        missing,
        unreadable: constraints.err().map(|error| error.to_string()),
        categories: categories.collect(),
        calls,
        flows: survey.into_paths(),
        most_calls: plan.max_tool_calls(),
    }
}

fn examine_call(
    plan: &CheckedPlan,
    inputs: &BoundInputs,
    planned: &Planned<'_>,
    tools: &dyn ToolLookup,
    classification: &Classification,
    survey: &mut Survey,
) -> ExaminedCall {
    let (allow, unreadable) = match planned.rules() {
        Ok((allow, _)) => (allow, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let known = planned.known_args(plan, inputs);
    // A tool may look at any argument to tell its effect: unless all are known, the worst is taken.
    let nested = nested_facts(planned.step, tools).filter(|_| planned.purpose == Purpose::Run);
    let facts =
        nested.or_else(|| tools.facts(planned.tool, known.complete().then_some(&known.args)));
    let facts = tools.spec(planned.tool).and(facts);
    let subject = Subject {
        step: &planned.id,
        purpose: planned.purpose,
        tool: planned.tool,
        facts,
        args: &known.args,
        unknown_args: known.unknown,
        urls_limited: allow
            .as_ref()
            .is_some_and(|allow| allow.limits(ResourceKind::Url)),
    };
    let (assessment, found) = assess(subject, classification);
    let forecast = Forecast {
        allow: allow.as_ref(),
        args: &known.args,
        found: &found,
        facts: assessment.facts(),
    };
    let flow = survey.call(planned, &forecast, tools);
    ExaminedCall {
        assessment,
        args: known.args,
        found,
        flow,
        exists: facts.is_some(),
        unreadable,
    }
}

/// What one examination was made from.
struct Examined {
    plan: Digest,
    inputs: BoundInputs,
    tools: Arc<dyn ToolLookup + Send + Sync>,
    rules: Arc<dyn Rules>,
    examination: Arc<Examination>,
}

impl fmt::Debug for Examined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examined")
            .field("plan", &self.plan)
            .field("inputs", &self.inputs)
            .finish_non_exhaustive()
    }
}

/// Examinations of plans that somebody wanted to run lately: the same plan with the same inputs, tools and policy is not examined
/// again. What rules say about it is not kept: they may look at who asks, in which session, and when.
#[derive(Debug, Default)]
pub struct KnownExaminations(Lately<Examined>);

impl KnownExaminations {
    /// Examines a plan, unless that is known; `origins` says where the inputs come from that a step passes on to it.
    pub fn examine(
        &mut self,
        rules: &Arc<dyn Rules>,
        plan: &CheckedPlan,
        inputs: &BoundInputs,
        origins: &BTreeMap<String, Labels>,
        tools: &Arc<dyn ToolLookup + Send + Sync>,
    ) -> Arc<Examination> {
        let made = || {
            let classification = rules.classification();
            Arc::new(examine(
                plan,
                inputs,
                origins,
                tools.as_ref(),
                classification,
            ))
        };
        if !origins.is_empty() {
            return made();
        }
        // Both are held, so that nothing else can be where they are.
        let serves = |known: &Examined| {
            known.plan == *plan.hash()
                && std::ptr::addr_eq(Arc::as_ptr(&known.tools), Arc::as_ptr(tools))
                && std::ptr::addr_eq(Arc::as_ptr(&known.rules), Arc::as_ptr(rules))
                && known.inputs == *inputs
        };
        let Ok(known) = self.0.find_or(serves, || {
            Ok::<_, Infallible>(Examined {
                plan: *plan.hash(),
                inputs: inputs.clone(),
                tools: Arc::clone(tools),
                rules: Arc::clone(rules),
                examination: made(),
            })
        });
        Arc::clone(&known.examination)
    }
}
