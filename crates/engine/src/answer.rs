//! Answers of people: whether one fits its request, and what comes of it; and what comes of no answer in time.

use crate::event::{
    APPROVE, Answer, Body, CONTINUE, DONE, FAIL, Fault, GRANT, NOT_DONE, REJECT, Request,
    RequestKind, Resolution, Takes,
};
use crate::life::{Illegal, Phase};
use crate::state::{OpenRequest, State};
use mandate_plan::{Digest, ErrorCode, canonical_json, misfit};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How much data may come with an answer, in bytes: what a plan may have.
const MOST_BYTES: usize = 4 << 20;

/// Why an answer is none to the request that it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotAnAnswer {
    /// The execution never asked that.
    #[error("the execution has no request `{0}`")]
    NoSuchRequest(String),
    /// It does not wait for an answer any more.
    #[error("the request `{request_id}` does not wait for an answer any more: {}", closed(.how))]
    Closed {
        /// Which.
        request_id: String,
        /// The choice that was taken, `expired` or `withdrawn`.
        how: String,
    },
    /// Its time has passed.
    #[error("the time for an answer to the request `{0}` has passed")]
    TooLate(String),
    /// No such choice.
    #[error("`{choice}` is not a choice of this request: {}", .choices.join(", "))]
    NoSuchChoice {
        /// What was chosen.
        choice: String,
        /// What can be.
        choices: Vec<String>,
    },
    /// Something else was shown.
    #[error("the answer is to something else than what the request `{0}` shows now; look again")]
    OtherSubject(String),
    /// Data is missing, or there where none belongs, or does not fit.
    #[error("the choice `{choice}` {problem}")]
    Data {
        /// The choice.
        choice: String,
        /// What is wrong.
        problem: String,
    },
}

impl State {
    /// The input that an answer at `now_ms` is, once it is sure that it fits: the request waits for one, has the choice, shows what
    /// was answered to, and takes the data. An answer about a doubt is the resolution of that doubt.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn given(&self, answer: Answer, now_ms: i64) -> Result<Body, NotAnAnswer> {
        let id = &answer.request_id;
        let open = self
            .requests
            .get(id)
            .ok_or_else(|| NotAnAnswer::NoSuchRequest(id.clone()))?;
        check_open(open, self.at_ms.max(now_ms))?;
        let request = &open.request;
        if !request.choices.contains(&answer.choice) {
            return Err(NotAnAnswer::NoSuchChoice {
                choice: answer.choice,
                choices: request.choices.clone(),
            });
        }
        if answer.subject.is_some_and(|shown| shown != request.subject) {
            return Err(NotAnAnswer::OtherSubject(id.clone()));
        }
        check_data(request, &answer)?;
        if request.kind != RequestKind::InDoubt {
            return Ok(Body::RequestAnswered(answer));
        }
        let resolution = match answer.choice.as_str() {
            DONE => Resolution::Done {
                output: answer.data.unwrap_or(Value::Null),
            },
            NOT_DONE => Resolution::NotDone,
            _ => Resolution::Fail {
                reason: answer
                    .reason
                    .unwrap_or_else(|| "no reason was given".to_owned()),
            },
        };
        Ok(Body::StepResolved {
            step: request.step.clone().unwrap_or_default(),
            item: request.item,
            by: answer.by,
            resolution,
            channel: Some(answer.channel),
            answer_digest: None,
        })
    }

    /// Takes out of what a person said what nobody may keep, and then the digest over it, so that a replay sees whether it was changed. Executions of older
    /// versions have none.
    pub fn sealed(&self, body: Body) -> Body {
        if !self.asks() {
            return body;
        }
        match body {
            Body::RequestAnswered(mut answer) => {
                self.hide_answer(&mut answer);
                answer.answer_digest = Some(answer.digest());
                Body::RequestAnswered(answer)
            }
            Body::AnswerCounted(mut answer) => {
                answer.answer_digest = Some(answer.digest());
                Body::AnswerCounted(answer)
            }
            Body::StepResolved {
                step,
                item,
                by,
                mut resolution,
                channel,
                ..
            } => {
                self.hide_resolution(&step, &mut resolution);
                let said = json!([step, item, by, resolution, channel]);
                let digest =
                    Digest::framed("mandate/answer/v1", [canonical_json(&said).as_slice()]);
                Body::StepResolved {
                    step,
                    item,
                    by,
                    resolution,
                    channel,
                    answer_digest: Some(digest),
                }
            }
            other => other,
        }
    }

    /// Somebody answered.
    pub(crate) fn answer(&mut self, answer: &Answer) -> Result<(), Illegal> {
        let open = self.requests.get(&answer.request_id).ok_or(Illegal)?;
        let request = open.request.clone();
        if check_open(open, self.at_ms).is_err() || !self.fits(&request, answer) {
            return Err(Illegal);
        }
        self.note_said(answer);
        let by = Some((answer.by.clone(), answer.channel.clone()));
        self.close_request(&answer.request_id, &answer.choice, by);
        if let Some(open) = self.requests.get_mut(&answer.request_id) {
            open.data.clone_from(&answer.data);
            open.reason.clone_from(&answer.reason);
        }
        let who = Said {
            by: Some(&answer.by),
            reason: answer.reason.as_deref(),
        };
        self.follow_choice(&request, &answer.choice, answer.data.as_ref(), who)
    }

    /// Whether the execution is where the request belongs. A doubt is resolved by an event of its own.
    pub(crate) fn answerable(&self, request: &Request) -> bool {
        match request.kind {
            RequestKind::Plan => self.phase == Phase::Created,
            RequestKind::Step | RequestKind::Question => {
                matches!(self.phase, Phase::Active | Phase::Closing)
            }
            RequestKind::Budget if self.phase == Phase::Created => self.start.is_some(),
            RequestKind::Failure | RequestKind::Invariant | RequestKind::Budget => {
                self.phase == Phase::Active
            }
            RequestKind::Revision => self.phase == Phase::Active && self.proposed.is_some(),
            RequestKind::InDoubt => false,
        }
    }

    /// Nobody answered in time: the declared default holds, else the step or the plan fails.
    pub(crate) fn expire(&mut self, request_id: &str) -> Result<(), Illegal> {
        let open = self.requests.get(request_id).ok_or(Illegal)?;
        let request = open.request.clone();
        if request.kind == RequestKind::Plan {
            return self.expire_plan(request_id);
        }
        let due = request.expires_ms.is_some_and(|due| due <= self.at_ms);
        if open.closed.is_some() || !due || !self.answerable(&request) {
            return Err(Illegal);
        }
        self.close_request(request_id, "expired", None);
        let nobody = Said {
            by: None,
            reason: None,
        };
        match &request.default {
            Some(default) => {
                self.follow_choice(&request, &default.choice, default.data.as_ref(), nobody)
            }
            None => self.fail_unanswered(&request),
        }
    }

    fn expire_plan(&mut self, request_id: &str) -> Result<(), Illegal> {
        let due = self
            .plan_request()
            .is_some_and(|open| open.request.request_id == *request_id);
        if !due || self.phase != Phase::Created || !self.approval_overdue() {
            return Err(Illegal);
        }
        self.close_request(request_id, "expired", None);
        let message = "the plan was not approved and started in time";
        self.stop(Fault::new(ErrorCode::ApprovalExpired, message), false, true)
    }

    /// What a choice leads to. Everything was checked before.
    fn follow_choice(
        &mut self,
        request: &Request,
        choice: &str,
        data: Option<&Value>,
        said: Said<'_>,
    ) -> Result<(), Illegal> {
        match (request.kind, choice) {
            (RequestKind::Plan, REJECT) => {
                let message = said.that("rejected the plan");
                let fault = Fault::new(ErrorCode::ApprovalRejected, message);
                self.stop(fault, false, true)
            }
            (RequestKind::Plan, _) => Ok(()),
            (RequestKind::Step, APPROVE) => self.confirm(request),
            (RequestKind::Step, _) => {
                let code = ErrorCode::ApprovalRejected;
                let message = said.that("rejected the call");
                self.fail_asked(request, &Fault::new(code, message))
            }
            (RequestKind::Question, choice) => self.tell(request, choice, data),
            (RequestKind::Failure, choice) => self.decide_failure(request, choice, data, said),
            (RequestKind::Invariant, CONTINUE) => self.accept_violation(request),
            (RequestKind::Invariant, _) => self.halt_at_violation(request, said),
            (RequestKind::Budget, GRANT) => {
                let own = self.most_calls();
                let granted = data.and_then(Value::as_u64).unwrap_or(own);
                self.granted_calls = self.granted_calls.saturating_add(granted);
                Ok(())
            }
            (RequestKind::Budget, CONTINUE) => self.start_short(),
            (RequestKind::Budget, _) => {
                let refusal = request.refusal.as_ref().ok_or(Illegal)?;
                let mut fault = Fault::from(refusal);
                fault.message = format!("{}; {}", fault.message, said.that("allowed no more"));
                fault.step.clone_from(&request.step);
                self.stop(fault, false, self.phase == Phase::Created)
            }
            (RequestKind::Revision, choice) => self.decide_revision(choice == APPROVE),
            (RequestKind::InDoubt, _) => Err(Illegal),
        }
    }

    fn fail_unanswered(&mut self, request: &Request) -> Result<(), Illegal> {
        if request.kind == RequestKind::Revision {
            return self.expire_revision();
        }
        let message = match request.kind {
            RequestKind::Question => "nobody answered the question in time",
            _ => "nobody approved the call in time",
        };
        self.fail_asked(request, &Fault::new(ErrorCode::ApprovalExpired, message))
    }
}

/// Who said something, and why; nobody where a default holds.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    by: Option<&'a str>,
    reason: Option<&'a str>,
}

impl Said<'_> {
    /// "`ann` rejected the call: too dear", as a sentence.
    pub(crate) fn that(self, what: &str) -> String {
        match self.by {
            Some(by) => {
                let why = self.reason.unwrap_or("no reason was given");
                format!("`{by}` {what}: {why}")
            }
            None => "nobody answered in time".to_owned(),
        }
    }
}

pub(crate) fn check_open(open: &OpenRequest, now_ms: i64) -> Result<(), NotAnAnswer> {
    let request = &open.request;
    if let Some(how) = &open.closed {
        return Err(NotAnAnswer::Closed {
            request_id: request.request_id.clone(),
            how: how.clone(),
        });
    }
    if request.expires_ms.is_some_and(|due| due <= now_ms) {
        return Err(NotAnAnswer::TooLate(request.request_id.clone()));
    }
    Ok(())
}

fn closed(how: &str) -> String {
    match how {
        "expired" => "it has expired".to_owned(),
        "withdrawn" => "it was withdrawn".to_owned(),
        choice => format!("it was answered with `{choice}`"),
    }
}

/// What can be said of an answer's data without its schema: it is there exactly where it belongs.
pub(crate) fn check_presence(request: &Request, answer: &Answer) -> Result<(), String> {
    match (request.takes(&answer.choice), &answer.data) {
        (Takes::Nothing, Some(_)) => Err("takes no data".to_owned()),
        (Takes::MustHold, None) => Err("needs data".to_owned()),
        (Takes::MayHold, Some(data))
            if request.kind == RequestKind::Budget && data.as_u64().is_none_or(|n| n == 0) =>
        {
            Err("takes a number of calls, 1 or more".to_owned())
        }
        _ => Ok(()),
    }
}

fn check_data(request: &Request, answer: &Answer) -> Result<(), NotAnAnswer> {
    let wrong = |problem: String| NotAnAnswer::Data {
        choice: answer.choice.clone(),
        problem,
    };
    check_presence(request, answer).map_err(wrong)?;
    let Some(data) = &answer.data else {
        return Ok(());
    };
    if canonical_json(data).len() > MOST_BYTES {
        return Err(wrong(format!("takes at most {MOST_BYTES} bytes of data")));
    }
    match &request.answer_schema {
        None => Ok(()),
        Some(schema) => match misfit(schema, data) {
            None => Ok(()),
            Some(problem) => Err(wrong(format!("takes other data: {problem}"))),
        },
    }
}

/// The choices of a request about a doubt.
pub(crate) const ABOUT_A_DOUBT: [&str; 3] = [DONE, NOT_DONE, FAIL];
