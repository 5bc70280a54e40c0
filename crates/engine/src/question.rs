//! `human.ask`: a question that the engine itself asks, and whose answer is the step's output.

use crate::ask::Asked;
use crate::decide::Command;
use crate::event::{ANSWER, Body, DefaultAnswer, FailureKind, Fault, Request, RequestKind};
use crate::life::{Illegal, StepChange, StepState};
use crate::settle::{expectation, output_digest};
use crate::state::{State, Unit};
use crate::units::Place;
use mandate_plan::{CheckedStep, ErrorCode, misfit, schema_fault};
use mandate_policy::approver::Approver;
use serde_json::{Map, Value, json};

/// The tool that asks.
pub const ASK: &str = "human.ask";

/// How long a question can stay open, in milliseconds: 366 days.
const LONGEST_MS: i64 = 366 * 24 * 3_600_000;

/// A question as its arguments say it.
struct Question {
    question: String,
    choices: Vec<String>,
    schema: Option<Value>,
    context: Value,
    default: Option<DefaultAnswer>,
    expires_ms: Option<i64>,
    approvers: Option<Vec<String>>,
}

/// Whether these arguments are a question.
pub(crate) fn check(args: &Value) -> Result<(), Fault> {
    parse(Some(args)).map(|_| ())
}

fn parse(args: Option<&Value>) -> Result<Question, Fault> {
    let bad = |why: &str| Fault::new(ErrorCode::InvalidPayload, format!("`human.ask` {why}"));
    let empty = Map::new();
    let args = args.and_then(Value::as_object).unwrap_or(&empty);
    let get = |key: &str| args.get(key).filter(|value| !value.is_null());
    let question = get("question")
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(|| bad("needs a `question`, a text"))?
        .to_owned();
    let choices = texts(get("choices")).ok_or_else(|| bad("takes `choices` as texts"))?;
    let several = choices.iter().enumerate().any(|(at, choice)| {
        choice.trim().is_empty() || choices.iter().take(at).any(|c| c == choice)
    });
    if several || (choices.is_empty() && get("choices").is_some()) {
        return Err(bad(
            "takes `choices` that differ from each other, at least one",
        ));
    }
    let schema = get("schema").cloned();
    if schema.is_some() && !choices.is_empty() {
        return Err(bad("takes either `choices` or a `schema`"));
    }
    if let Some(why) = schema.as_ref().and_then(schema_fault) {
        return Err(bad(&format!("takes a JSON Schema as `schema`: {why}")));
    }
    let expires_ms = match get("expires_ms").map(Value::as_i64) {
        None => None,
        Some(Some(ms)) if (1..=LONGEST_MS).contains(&ms) => Some(ms),
        Some(_) => return Err(bad("takes `expires_ms` from 1 to 366 days")),
    };
    let approvers = texts(get("approvers")).ok_or_else(|| bad("takes `approvers` as texts"))?;
    for approver in &approvers {
        if approver.parse::<Approver>().is_err() {
            return Err(bad(
                "takes as `approvers`: `requester`, `other` or `role:NAME`",
            ));
        }
    }
    let mut asked = Question {
        question,
        choices,
        schema,
        context: get("context").cloned().unwrap_or(Value::Null),
        default: None,
        expires_ms,
        approvers: (!approvers.is_empty()).then_some(approvers),
    };
    if let Some(default) = get("default") {
        asked.default = Some(asked.default_of(default).map_err(|why| bad(&why))?);
    }
    Ok(asked)
}

fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    let Some(value) = value else {
        return Some(Vec::new());
    };
    let texts = value.as_array()?.iter();
    texts.map(|text| text.as_str().map(str::to_owned)).collect()
}

impl Question {
    fn default_of(&self, default: &Value) -> Result<DefaultAnswer, String> {
        if self.choices.is_empty() {
            let why = misfit(&self.answer_schema(), default);
            return match why {
                None => Ok(DefaultAnswer {
                    choice: ANSWER.to_owned(),
                    data: Some(default.clone()),
                }),
                Some(why) => Err(format!("has a `default` that is no answer: {why}")),
            };
        }
        match default.as_str() {
            Some(choice) if self.choices.iter().any(|known| known == choice) => Ok(DefaultAnswer {
                choice: choice.to_owned(),
                data: None,
            }),
            _ => Err("has a `default` that is none of the `choices`".to_owned()),
        }
    }

    /// The schema of an answer that is data.
    fn answer_schema(&self) -> Value {
        let text = || json!({ "type": "string", "minLength": 1 });
        self.schema.clone().unwrap_or_else(text)
    }
}

/// What follows for a unit whose question is about to be asked, or was answered.
pub(crate) fn follow_up(
    state: &State,
    step: &CheckedStep,
    item: Option<u32>,
    unit: &Unit,
    out: &mut Vec<Command>,
) {
    let id = &step.step.id;
    let record = match (unit.state, &unit.output) {
        (StepState::Running, _) if !state.lives(step.index) => {
            // The execution stops: nobody is asked any more.
            let error = Fault::new(ErrorCode::Cancelled, "the question was not asked any more");
            failed(id, item, unit, FailureKind::Unknown, error, None)
        }
        (StepState::Running, _) => match parse(unit.args.as_ref()) {
            Ok(question) => open(state, id, item, unit, question),
            // The arguments were looked at before the start.
            Err(error) => failed(id, item, unit, FailureKind::Failed, error, None),
        },
        (StepState::Waiting, Some(output)) if unit.is_told() && state.lives(step.index) => {
            match expectation(state, id, item, output) {
                Ok(()) => Body::StepCompleted {
                    reported: None,
                    suspicions: Default::default(),
                    step: id.clone(),
                    item,
                    attempt: unit.attempt,
                    output_digest: output_digest(id, item, unit.attempt, output),
                    output: output.clone(),
                },
                Err(error) => {
                    let output = Some(output.clone());
                    failed(id, item, unit, FailureKind::Failed, error, output)
                }
            }
        }
        _ => return,
    };
    out.push(Command::Record(record));
}

fn failed(
    step: &str,
    item: Option<u32>,
    unit: &Unit,
    outcome: FailureKind,
    error: Fault,
    output: Option<Value>,
) -> Body {
    Body::StepFailed {
        reported: None,
        step: step.to_owned(),
        item,
        attempt: unit.attempt,
        outcome,
        error: error.at_step(step),
        output,
    }
}

fn open(state: &State, step: &str, item: Option<u32>, unit: &Unit, question: Question) -> Body {
    let choices: Vec<&str> = match question.choices.as_slice() {
        [] => vec![ANSWER],
        some => some.iter().map(String::as_str).collect(),
    };
    let mut asked =
        Asked::new(RequestKind::Question, question.question.clone(), &choices).about(step, item);
    asked.detail = match &question.context {
        Value::Null => Value::Null,
        context => json!({ "context": context }),
    };
    asked.answer_schema = question
        .choices
        .is_empty()
        .then(|| question.answer_schema());
    asked.default = question.default;
    asked.approvers = Some(
        question
            .approvers
            .unwrap_or_else(|| vec!["requester".to_owned()]),
    );
    let limit_ms = unit
        .timeout_ms
        .map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let stays_ms = [question.expires_ms, limit_ms].into_iter().flatten().min();
    asked.expires_ms = stays_ms.map(|ms| state.at_ms.saturating_add(ms));
    asked.open(state)
}

impl Unit {
    /// Its question was answered, and the step is about to complete with that.
    pub(crate) fn is_told(&self) -> bool {
        self.state == StepState::Waiting
            && self.hold.is_none()
            && !self.orphaned
            && self.due_ms.is_none()
            && self.output.is_some()
    }
}

impl State {
    pub(crate) fn is_question(&self, step: usize) -> bool {
        self.plan
            .numbered(step)
            .is_some_and(|step| step.step.tool == ASK)
    }

    /// A question goes out: its step waits for the answer.
    pub(crate) fn ask_question(&mut self, request: &Request) -> Result<(), Illegal> {
        let step = request.step.as_deref().ok_or(Illegal)?;
        let place = self.locate(step, request.item)?;
        if !self.is_question(place.0) || self.at(place)?.orphaned || !self.lives(place.0) {
            return Err(Illegal);
        }
        self.change(place.0, place.1, StepChange::Sleep, |unit| {
            unit.output = None;
            unit.due_ms = None;
        })
    }

    /// Somebody said something, or the default holds.
    pub(crate) fn tell(
        &mut self,
        request: &Request,
        choice: &str,
        data: Option<&Value>,
    ) -> Result<(), Illegal> {
        let step = request.step.as_deref().ok_or(Illegal)?;
        let (index, unit) = self.locate(step, request.item)?;
        let said = match &request.answer_schema {
            Some(_) => data.cloned().unwrap_or(Value::Null),
            None => json!({ "choice": choice }),
        };
        let slot = self.steps.get_mut(index);
        let slot = slot.and_then(|data| data.units.get_mut(unit));
        slot.ok_or(Illegal)?.output = Some(said);
        Ok(())
    }

    /// The answer to a question that waits to become the step's output.
    pub(crate) fn told(&self, place: Place) -> Option<&Value> {
        let unit = self.at(place).ok().filter(|unit| unit.is_told())?;
        unit.output.as_ref().filter(|_| self.is_question(place.0))
    }
}
