//! Requests to people: how they are made, opened, counted as open and withdrawn. What each kind is about has a file of
//! its own; what comes of an answer is in `answer.rs`.

use crate::behaviour::Flag;
use crate::event::{APPROVE, Body, BoundCall, DefaultAnswer, REJECT, Request, RequestKind, Takes};
use crate::life::{Illegal, Phase};
use crate::state::{OpenRequest, State};
use mandate_plan::{Digest, canonical_json};
use mandate_policy::{Approver, Outcome, Refusal};
use serde_json::Value;

/// How long a request stays open that says nothing else, in milliseconds: 24 hours.
pub const REQUEST_EXPIRES_MS: i64 = 24 * 3_600_000;

/// What is asked; who may answer, the id and the digest follow from the state.
pub(crate) struct Asked<'a> {
    pub(crate) kind: RequestKind,
    pub(crate) step: Option<&'a str>,
    pub(crate) item: Option<u32>,
    pub(crate) invariant: Option<&'a str>,
    pub(crate) question: String,
    pub(crate) detail: Value,
    pub(crate) calls: Vec<BoundCall>,
    pub(crate) choices: Vec<String>,
    pub(crate) answer_schema: Option<Value>,
    pub(crate) default: Option<DefaultAnswer>,
    /// None: whoever answers for the plan.
    pub(crate) approvers: Option<Vec<String>>,
    pub(crate) expires_ms: Option<i64>,
    pub(crate) refusal: Option<Refusal>,
}

impl<'a> Asked<'a> {
    /// A question of that kind with these choices, and nothing else.
    pub(crate) fn new(kind: RequestKind, question: String, choices: &[&str]) -> Self {
        Self {
            kind,
            step: None,
            item: None,
            invariant: None,
            question,
            detail: Value::Null,
            calls: Vec::new(),
            choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
            answer_schema: None,
            default: None,
            approvers: None,
            expires_ms: None,
            refusal: None,
        }
    }

    /// The same about a step, or an item of it.
    #[must_use]
    pub(crate) fn about(mut self, step: &'a str, item: Option<u32>) -> Self {
        self.step = Some(step);
        self.item = item;
        self
    }

    /// The same; when nobody answers in time, this choice holds.
    #[must_use]
    pub(crate) fn defaulting_to(mut self, choice: &str) -> Self {
        self.default = Some(DefaultAnswer {
            choice: choice.to_owned(),
            data: None,
        });
        self
    }

    /// The event that opens the request.
    pub(crate) fn open(self, state: &State) -> Body {
        let mut request = Request {
            request_id: id(state, &self),
            kind: self.kind,
            step: self.step.map(str::to_owned),
            item: self.item,
            invariant: self.invariant.map(str::to_owned),
            question: self.question,
            detail: self.detail,
            calls: self.calls,
            subject: state.created.execution_digest,
            choices: self.choices,
            answer_schema: self.answer_schema,
            default: self.default,
            approvers: state.who_may(self.approvers.unwrap_or_else(|| state.answerers())),
            expires_ms: self.expires_ms,
            refusal: self.refusal,
        };
        request.seal();
        Body::RequestOpened(Box::new(request))
    }
}

impl Request {
    /// Takes the digest over everything that is shown.
    pub(crate) fn seal(&mut self) {
        let mut shown = serde_json::to_value(&*self).unwrap_or(Value::Null);
        if let Some(map) = shown.as_object_mut() {
            map.remove("subject");
        }
        self.subject = Digest::framed(
            "mandate/request-subject/v1",
            [canonical_json(&shown).as_slice()],
        );
    }
}

/// The id follows from what the request is about, and from how often that was asked before.
fn id(state: &State, asked: &Asked<'_>) -> String {
    let same = |open: &&OpenRequest| {
        let request = &open.request;
        request.kind == asked.kind
            && request.step.as_deref() == asked.step
            && request.item == asked.item
            && request.invariant.as_deref() == asked.invariant
    };
    let round = state.requests.values().filter(same).count().to_string();
    let item = asked
        .item
        .map_or_else(|| "-".to_owned(), |item| item.to_string());
    let parts = [
        state.created.execution_id.as_str(),
        asked.kind.as_str(),
        asked.step.unwrap_or_default(),
        &item,
        asked.invariant.unwrap_or_default(),
        &round,
    ];
    short_id(&Digest::framed(
        "mandate/request/v1",
        parts.map(str::as_bytes),
    ))
}

fn short_id(digest: &Digest) -> String {
    let digest = digest.to_string();
    format!("req-{}", digest.get(..16).unwrap_or(&digest))
}

/// The request for the approval of the plan: what it shows is the plan itself.
pub(crate) fn plan_request(state: &State) -> Request {
    let created = &state.created;
    let round = state.plan_rounds().to_string();
    let mut parts: Vec<&[u8]> = vec![created.execution_id.as_bytes(), b"plan"];
    if round != "0" {
        parts.push(round.as_bytes());
    }
    let approvers = &created.decision.approvers;
    let expires_ms = match &state.policy {
        None => created.approval_expires_ms,
        Some(_) => state.expiry(),
    };
    Request {
        request_id: short_id(&Digest::framed("mandate/request/v1", parts)),
        kind: RequestKind::Plan,
        step: None,
        item: None,
        invariant: None,
        question: String::new(),
        detail: Value::Null,
        calls: Vec::new(),
        subject: created.execution_digest,
        choices: vec![APPROVE.to_owned(), REJECT.to_owned()],
        answer_schema: None,
        default: None,
        approvers: approvers.iter().map(ToString::to_string).collect(),
        expires_ms,
        refusal: None,
    }
}

impl State {
    /// Whether this execution asks about more than its plan.
    pub(crate) fn asks(&self) -> bool {
        self.created.keeps(Flag::Asks)
    }

    /// Who answers for the plan: as was decided, else whoever asked for the execution.
    pub(crate) fn answerers(&self) -> Vec<String> {
        let decided = &self.created.decision.approvers;
        if decided.is_empty() {
            vec!["requester".to_owned()]
        } else {
            decided.iter().map(ToString::to_string).collect()
        }
    }

    /// The same approvers, of whom somebody can answer also where an agent asked.
    fn who_may(&self, approvers: Vec<String>) -> Vec<String> {
        if !self.created.keeps(Flag::AnsweredForAgents) {
            return approvers;
        }
        let one = |text: String| match text.parse::<Approver>() {
            Ok(approver) => { approver.where_asked_with(&self.created.roles) }.to_string(),
            // A rule that nobody understands stays one.
            Err(_) => text,
        };
        approvers.into_iter().map(one).collect()
    }

    /// When a request that is opened now and says nothing else expires, Unix milliseconds.
    pub(crate) fn expiry(&self) -> Option<i64> {
        Some(self.at_ms.saturating_add(REQUEST_EXPIRES_MS))
    }

    /// Whether a request of that kind is open, about this step and item where they are given.
    pub(crate) fn is_asked(
        &self,
        kind: RequestKind,
        step: Option<&str>,
        item: Option<u32>,
    ) -> bool {
        self.open_requests().any(|open| {
            let request = &open.request;
            request.kind == kind && request.step.as_deref() == step && request.item == item
        })
    }

    /// A request is opened. What it is about is checked, and held back, before it is.
    pub(crate) fn open(&mut self, request: &Request) -> Result<(), Illegal> {
        let fits = request.choices.iter().all(|choice| {
            request.takes(choice) != Takes::MustHold || request.answer_schema.is_some()
        });
        if self.requests.contains_key(&request.request_id) || !fits {
            return Err(Illegal);
        }
        match request.kind {
            RequestKind::Plan => self.opens_plan()?,
            RequestKind::Step => self.hold_for_approval(request)?,
            RequestKind::Question => self.ask_question(request)?,
            RequestKind::Failure => self.opens_failure(request)?,
            RequestKind::Invariant => self.opens_invariant(request)?,
            RequestKind::Budget => self.opens_budget(request)?,
            RequestKind::InDoubt => self.opens_doubt(request)?,
            RequestKind::Revision => self.opens_revision(request)?,
        }
        let open = OpenRequest {
            request: request.clone(),
            opened_ms: self.at_ms,
            closed: None,
            by: None,
            data: None,
            reason: None,
            closed_ms: None,
            said: Vec::new(),
        };
        self.requests.insert(request.request_id.clone(), open);
        self.open.push(request.request_id.clone());
        Ok(())
    }

    fn opens_plan(&self) -> Result<(), Illegal> {
        let wanted = self.phase == Phase::Created
            && self.created.decision.outcome == Outcome::RequireApproval
            && self.plan_request().is_none();
        if wanted { Ok(()) } else { Err(Illegal) }
    }

    /// Notes how a request was closed: the answer's choice, `expired` or `withdrawn`.
    pub(crate) fn close_request(&mut self, id: &str, how: &str, by: Option<(String, String)>) {
        let at_ms = self.at_ms;
        if let Some(open) = self.requests.get_mut(id) {
            open.closed = Some(how.to_owned());
            open.by = by;
            open.closed_ms = Some(at_ms);
        }
        self.open.retain(|open| open != id);
    }

    /// Takes back what nobody needs to answer any more.
    pub(crate) fn withdraw(&mut self, unneeded: impl Fn(&Request) -> bool) {
        let gone: Vec<String> = self
            .open_requests()
            .filter(|open| unneeded(&open.request))
            .map(|open| open.request.request_id.clone())
            .collect();
        for id in gone {
            self.close_request(&id, "withdrawn", None);
        }
    }

    /// When the first open request expires, Unix milliseconds, and which it is. That of the plan has a rule of its own.
    pub(crate) fn next_expiry(&self) -> Option<(i64, Body)> {
        let due = self.open_requests().filter_map(|open| {
            let asked = &open.request;
            let due_ms = asked
                .expires_ms
                .filter(|_| asked.kind != RequestKind::Plan)?;
            Some((due_ms, &asked.request_id))
        });
        let (due_ms, request_id) = due.min_by_key(|(due_ms, _)| *due_ms)?;
        let request_id = request_id.clone();
        Some((due_ms, Body::RequestExpired { request_id }))
    }

    /// Whether somebody is awaited.
    pub(crate) fn awaits_human(&self) -> bool {
        let frozen = || {
            let units = self.steps.iter().flat_map(|data| &data.units);
            self.waiting > 0 && { units }.any(|unit| unit.hold == Some(crate::state::Hold::Frozen))
        };
        self.doubtful > 0
            || self.resting > 0
            || !self.open.is_empty()
            || self.replans > 0
            || frozen()
    }
}
