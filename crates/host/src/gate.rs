//! The host's gate: where the engine's wishes meet `admit` and `enforce`, and where the permits are kept until dispatch.

use crate::backtest::What;
use crate::judging::Means;
use crate::shadow::{CallSeen, Shadow};
use crate::witness::{Judgement, Witness, outcome_of, timed};
use mandate_engine::event::Request;
use mandate_engine::{Gate, RUN, Started, State};
use mandate_plan::{BoundInputs, CheckedPlan, Digest, ToolLookup};
use mandate_policy::{
    Approval, ApprovedPlan, Decision, EvaluateRequest, Grant, KnownCalls, KnownExaminations,
    Labels, Outcome, Permit, Purpose, Refusal, ResolvedCall, Rules, SessionView, Stands,
    admit_like, admit_narrowed, counts_as_call, enforce, evaluate_examined,
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// A call that got its permit and waits to be made.
#[derive(Debug)]
pub(crate) struct Permitted {
    pub(crate) permit: Permit,
    pub(crate) call: ResolvedCall,
    pub(crate) runs_ahead: bool,
    /// No tool is called: an execution of its own begins.
    pub(crate) nested: bool,
    /// The one who asked for the call makes it.
    pub(crate) outside: bool,
}

/// What calls are judged by at one moment.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) lookup: Arc<dyn ToolLookup + Send + Sync>,
    pub(crate) rules: Arc<dyn Rules>,
    pub(crate) shadow: Option<Shadow>,
    pub(crate) session: SessionView,
    pub(crate) witness: Option<Arc<dyn Witness>>,
    pub(crate) now_ms: i64,
}

impl Bench {
    /// The same; whoever acts has these roles.
    pub(crate) fn with_roles(mut self, roles: &[String]) -> Self {
        self.session.roles = roles.to_vec();
        self
    }

    /// A revision judged as a whole.
    pub(crate) fn evaluate_revision(&self, plan: &CheckedPlan, inputs: &BoundInputs) -> Decision {
        let (mut unknown, origins) = (KnownExaminations::default(), BTreeMap::new());
        self.evaluate(Judgement::Revision, &mut unknown, plan, inputs, &origins)
    }

    /// A plan judged as a whole, with where the inputs come from that a step passes on which holds it.
    pub(crate) fn evaluate_within(
        &self,
        known: &mut KnownExaminations,
        plan: &CheckedPlan,
        inputs: &BoundInputs,
        origins: &BTreeMap<String, Labels>,
    ) -> Decision {
        self.evaluate(Judgement::Plan, known, plan, inputs, origins)
    }

    fn evaluate(
        &self,
        what: Judgement,
        known: &mut KnownExaminations,
        plan: &CheckedPlan,
        inputs: &BoundInputs,
        origins: &BTreeMap<String, Labels>,
    ) -> Decision {
        let request = EvaluateRequest {
            principal: self.session.principal.clone(),
            session: self.session.clone(),
            now_ms: self.now_ms,
        };
        timed(
            self.witness.as_ref(),
            || {
                let examined = known.examine(&self.rules, plan, inputs, origins, &self.lookup);
                evaluate_examined(self.rules.as_ref(), &examined, inputs, &request)
            },
            |witness, decision, took| witness.evaluated(what, decision.outcome, took),
        )
    }

    /// Asks the shadow about a plan that was decided about.
    pub(crate) fn shadow_plan(
        &self,
        what: What,
        id: Option<&str>,
        plan: &CheckedPlan,
        inputs: &BoundInputs,
        origins: &BTreeMap<String, Labels>,
        said: &Decision,
    ) {
        if let Some(shadow) = &self.shadow {
            let (tools, session) = (self.lookup.as_ref(), &self.session);
            shadow.plan(what, id, plan, inputs, origins, tools, said, session);
        }
    }
}

/// The gate of one execution for one turn.
pub(crate) struct HostGate<'a> {
    approved: &'a mut Option<ApprovedPlan>,
    /// Of a nested plan: why it was not admitted with the plan that holds it.
    refused: Option<Refusal>,
    judge: Judge<'a>,
    /// The calls that were made ready for other executions.
    calls: Option<&'a mut KnownCalls>,
    permitted: Vec<Permitted>,
}

/// The bench, made when the first call is to be judged.
struct Judge<'a> {
    made: Option<Box<Bench>>,
    means: Option<Means<'a>>,
}

impl Judge<'_> {
    fn bench(&mut self, state: &State) -> Result<&mut Bench, Refusal> {
        if let Some(mut means) = self.means.take() {
            self.made = Some(Box::new(means.bench_of(&state.created)));
        }
        self.made
            .as_deref_mut()
            .ok_or_else(|| Refusal::new(mandate_plan::ErrorCode::PolicyDenied, "nobody judges"))
    }
}

impl<'a> HostGate<'a> {
    /// The gate of an execution that begins.
    pub(crate) fn new(
        approved: &'a mut Option<ApprovedPlan>,
        bench: Bench,
        calls: &'a mut KnownCalls,
    ) -> Self {
        let made = Some(Box::new(bench));
        Self::by(approved, Judge { made, means: None }, Some(calls))
    }

    /// The gate of an execution that is under way.
    pub(crate) fn of(approved: &'a mut Option<ApprovedPlan>, mut means: Means<'a>) -> Self {
        let calls = means.calls.take();
        let means = Some(means);
        Self::by(approved, Judge { made: None, means }, calls)
    }

    fn by(
        approved: &'a mut Option<ApprovedPlan>,
        judge: Judge<'a>,
        calls: Option<&'a mut KnownCalls>,
    ) -> Self {
        Self {
            approved,
            refused: None,
            judge,
            calls,
            permitted: Vec::new(),
        }
    }

    /// The gate of a nested plan that may have been refused together with the plan that holds it.
    pub(crate) fn refused(self, refused: Option<Refusal>) -> Self {
        Self { refused, ..self }
    }

    /// The calls that got their permit.
    pub(crate) fn permitted(self) -> Vec<Permitted> {
        self.permitted
    }
}

impl HostGate<'_> {
    /// Admits the plan on the journaled decision and approval; again, when a new host took the execution up.
    fn approved_plan(&mut self, state: &State) -> Result<Judged<'_>, Refusal> {
        let bench = self.judge.bench(state)?;
        // A revision has another digest: its approval is what it runs on.
        let current =
            |approved: &ApprovedPlan| *approved.digest() == state.created.execution_digest;
        if !self.approved.as_ref().is_some_and(current) {
            let created = &state.created;
            if created.parent.is_some() {
                let message = "the plan that holds this one is not driven here";
                let unknown = Refusal::new(mandate_plan::ErrorCode::ApprovalRequired, message);
                return Err(self.refused.clone().unwrap_or(unknown));
            }
            let inputs = BoundInputs {
                values: created.inputs.clone(),
                secrets: created.secrets.clone(),
            };
            let rules = bench.rules.clone();
            let (plan, lookup) = (state.plan().clone(), bench.lookup.clone());
            let (id, decision) = (&created.execution_id, created.decision.clone());
            let admitted = match (grant(state), state.narrowed_from()) {
                (Grant::Approved(approval), Some(basis)) => {
                    let stands = Stands {
                        plan: basis.plan.clone(),
                        tools: basis.tools.clone(),
                        approval,
                    };
                    admit_narrowed(rules, plan, &inputs, lookup, id, decision, stands)?
                }
                (grant, _) => {
                    let mut none = KnownCalls::default();
                    let known = self.calls.as_deref_mut().unwrap_or(&mut none);
                    admit_like(known, rules, plan, &inputs, lookup, id, decision, grant)?
                }
            };
            *self.approved = Some(admitted);
        }
        let approved = self.approved.as_ref().ok_or_else(|| {
            Refusal::new(
                mandate_plan::ErrorCode::ApprovalRequired,
                "the plan is not approved",
            )
        })?;
        Ok(Judged {
            approved,
            bench,
            permitted: &mut self.permitted,
        })
    }
}

/// The plan, and what its calls are judged by.
struct Judged<'a> {
    approved: &'a ApprovedPlan,
    bench: &'a mut Bench,
    permitted: &'a mut Vec<Permitted>,
}

pub(crate) fn grant(state: &State) -> Grant {
    if state.created.decision.outcome == Outcome::Allow {
        return Grant::Allowed;
    }
    let subject = state.basis().execution_digest;
    approval_of(state, &subject).map_or(Grant::Allowed, Grant::Approved)
}

/// The approval of the plan, or the revision, of this digest.
pub(crate) fn approval_of(state: &State, subject: &Digest) -> Option<Approval> {
    let open = state.approved_request(subject)?;
    let (by, channel) = open.by.clone().unwrap_or_default();
    Some(Approval {
        request_id: open.request.request_id.clone(),
        execution_id: state.created.execution_id.clone(),
        subject: open.request.subject,
        by,
        channel,
        at_ms: open.closed_ms.unwrap_or(state.at_ms),
        assents: open.assents(),
    })
}

impl HostGate<'_> {
    /// Whether the execution may start, and on which approval.
    pub(crate) fn admit(&mut self, state: &State) -> Result<Option<String>, Refusal> {
        self.approved_plan(state)?;
        Ok(match grant(state) {
            Grant::Approved(approval) => Some(format!(
                "{} by {}",
                approval.request_id,
                approval.given_by()
            )),
            Grant::Allowed => {
                let parent = state.created.parent.as_ref();
                parent.and_then(|parent| parent.approval.clone())
            }
        })
    }
}

impl Gate for HostGate<'_> {
    fn start(&mut self, state: &State, call: &ResolvedCall) -> Result<Started, Refusal> {
        let Judged {
            approved,
            bench,
            permitted,
        } = self.approved_plan(state)?;
        let now_ms = bench.now_ms;
        let version = || state.policy_version().to_owned();
        let permit = timed(
            bench.witness.as_ref(),
            || enforce(approved, state, call, &bench.session, now_ms),
            |witness, judged, took| witness.enforced(outcome_of(judged), took),
        );
        let permit = permit.map_err(|refusal| refusal.of_call(call.args_digest(), version()));
        let category = approved.category(&call.step, call.purpose);
        let facts = approved.facts(call).unwrap_or(mandate_plan::Facts::WORST);
        if let Some(shadow) = bench.shadow.as_ref().filter(|_| by_policy(&permit)) {
            let flow = approved.flow(state, &call.step, &call.args);
            let seen = CallSeen {
                state,
                call,
                facts,
                flow: &flow.unwrap_or_default(),
                session: &bench.session,
                now_ms,
            };
            shadow.call(bench.rules.as_ref(), &seen);
        }
        let permit = permit?;
        let spec = bench.lookup.spec(&call.tool);
        let external = spec.is_some_and(|spec| spec.external) && call.purpose == Purpose::Run;
        let step = state.step(&call.step).filter(|_| external);
        let outside = step.is_some_and(|(step, _)| state.is_agents_step(step));
        let started = Started {
            facts,
            permit: permit.digest(),
            sandbox: bench.lookup.sandbox(&call.tool),
            outside,
        };
        let handled = spec.is_some_and(|spec| spec.engine_handled);
        let nested = call.tool == RUN;
        if counts_as_call(&call.tool, Purpose::Run) {
            // What follows in the same turn is judged after this one.
            bench.session.count(category, now_ms);
        }
        if !handled || nested {
            permitted.push(Permitted {
                permit,
                call: call.clone(),
                runs_ahead: facts.closed_world_read() && !nested && !outside,
                nested,
                outside,
            });
        }
        Ok(started)
    }

    fn flow(&mut self, state: &State, request: &Request) -> Option<Value> {
        let approved = self.approved_plan(state).ok()?.approved;
        let step = request.step.as_deref()?;
        let (mut labels, mut sinks) = (BTreeMap::<String, Labels>::new(), Map::new());
        let mut control = false;
        let calls = request.detail.get("calls")?.as_array()?;
        for args in calls.iter().filter_map(|call| call.get("args")) {
            let flow = approved.flow(state, step, args)?;
            control |= flow.untrusted_control;
            for (pointer, of_arg) in flow.args {
                labels.entry(pointer).or_default().join(&of_arg);
            }
            for sink in flow
                .sinks
                .into_iter()
                .filter(|sink| sink.labels.untrusted())
            {
                sinks.insert(sink.pointer, sink.kind.as_str().into());
            }
        }
        Some(json!({ "labels": labels, "untrusted_sinks": sinks, "untrusted_control": control }))
    }

    fn output_schema(&mut self, state: &State, step: &str) -> Option<Value> {
        let (step, _) = state.step(step)?;
        let bench = self.judge.bench(state).ok()?;
        bench.lookup.spec(&step.step.tool)?.output_schema.clone()
    }
}

/// Whether the policy was asked: a call that is not planned, or not in turn, is no matter of policies.
fn by_policy(permit: &Result<Permit, Refusal>) -> bool {
    use mandate_plan::ErrorCode as Code;
    match permit {
        Ok(_) => true,
        Err(refusal) => matches!(
            refusal.code,
            Code::PolicyDenied | Code::ApprovalRequired | Code::RateLimited
        ),
    }
}
