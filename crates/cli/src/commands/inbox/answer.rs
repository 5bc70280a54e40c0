//! `mandate inbox answer ID`, `mandate approvals approve | reject ID`: gives the answer to the process that drives the
//! execution. Where none does it is recorded, and nothing happens because of it until one takes the execution up.

use super::{RequestArg, View, show::find};
use crate::commands::approvals::standing;
use crate::{
    context::Context,
    document::{Source, exists},
    drive,
    errors::{Exit, Failure, Kind},
    ids,
    output::{Look, Out},
    read_only,
    render::execution,
};
use clap::Args;
use mandate_engine::{State, event::Request};
use mandate_host::{Answered, StandingTerms};
use mandate_plan::{Digest, Format, parse_value};
use mandate_server::view::{self, RequestView};
use serde_json::Value;
use std::path::Path;

/// What `inbox answer` takes.
#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    #[command(flatten)]
    pub(crate) request: RequestArg,
    /// One of the request's choices; may be left out where there is only one
    #[arg(value_name = "CHOICE")]
    pub(crate) word: Option<String>,
    /// The same, by name
    #[arg(long, value_name = "CHOICE", conflicts_with = "word")]
    pub(crate) choice: Option<String>,
    /// What the choice takes: JSON, a file with it, or a text where a text is asked for
    #[arg(long, value_name = "JSON|FILE")]
    pub(crate) data: Option<String>,
    /// Why; kept in the journal
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

/// An answer as it was typed.
pub(crate) struct Given<'a> {
    pub(crate) request: &'a str,
    pub(crate) choice: Option<&'a str>,
    pub(crate) data: Option<&'a str>,
    pub(crate) reason: Option<&'a str>,
    /// How far the yes is to stand for further executions.
    pub(crate) terms: Option<&'a StandingTerms>,
}

impl AnswerArgs {
    /// The answer that they are.
    pub(crate) fn given(&self) -> Given<'_> {
        Given {
            request: &self.request.request,
            choice: self.word.as_deref().or(self.choice.as_deref()),
            data: self.data.as_deref(),
            reason: self.reason.as_deref(),
            terms: None,
        }
    }
}

pub(super) fn run(args: &AnswerArgs, context: &Context) -> Result<Exit, Failure> {
    give(&args.given(), None, context)
}

/// What is said to a request.
pub(crate) struct Word {
    pub(crate) choice: String,
    pub(crate) data: Option<Value>,
    /// What was read is what is answered to.
    pub(crate) subject: Digest,
}

/// What is to be said to a request, as it was typed; `about`: only to requests of its kinds.
///
/// # Errors
/// It is no answer to this request, or the request is closed.
pub(crate) fn word(
    given: &Given<'_>,
    about: Option<&View>,
    row: &RequestView,
    state: &State,
) -> Result<Word, Failure> {
    is_open(row)?;
    if let Some(about) = about.filter(|about| !about.kinds.contains(&row.kind.as_str())) {
        let message = format!(
            "the request `{}` is of kind `{}`, and not one of {}",
            row.request_id, row.kind, about.name
        );
        return Err(Failure::usage(message).remedy(format!(
            "`mandate inbox answer {}` answers every kind",
            row.request_id
        )));
    }
    let open = state.requests.get(&row.request_id);
    let request = open
        .map(|open| &open.request)
        .ok_or_else(|| Failure::not_found(format!("there is no request `{}`", row.request_id)))?;
    Ok(Word {
        choice: choice_of(request, given.choice)?,
        data: given.data.map(|text| data_of(request, text)).transpose()?,
        subject: request.subject,
    })
}

/// Gives an answer; `about`: only to requests of its kinds.
///
/// # Errors
/// It does not fit, or whoever gives it may not.
pub(crate) fn give(
    given: &Given<'_>,
    about: Option<&View>,
    context: &Context,
) -> Result<Exit, Failure> {
    let out = context.out();
    let reader = context.reader()?;
    let row = find(&reader, given.request)?;
    let state = read_only::state(&reader, &row.execution_id)?;
    let word = word(given, about, &view::request(&row), &state)?;
    let choice = word.choice.clone();
    drop(reader);
    let answer = Answered {
        request_id: row.request_id.clone(),
        choice: word.choice,
        data: word.data,
        reason: given.reason.map(str::to_owned),
        subject: Some(word.subject),
        channel: "cli".to_owned(),
    };
    let settings = context.settings()?;
    let driver = drive::say(settings, &row.execution_id, drive::Word::Answer(answer))?;
    let given_choice = choice.clone();
    let standing = given.terms.cloned();
    let standing = standing.map(|terms| standing::give(&row.request_id, terms, context));
    let standing = standing.transpose()?;
    if let Some(id) = standing.as_ref().filter(|_| !out.is_json()) {
        out.line(&format!(
            "stands as {id}; `mandate approvals revoke {id}` ends that"
        ));
    }
    if out.is_json() {
        let state = read_only::state(&context.reader()?, &row.execution_id)?;
        let mut value = execution::to_json(&state, state.waiting_for().as_ref(), None);
        if let Some(map) = value.as_object_mut() {
            map.insert("request_id".to_owned(), row.request_id.clone().into());
            map.insert("choice".to_owned(), given_choice.clone().into());
            map.insert("host_pid".to_owned(), driver.into());
            let open = state.requests.get(&row.request_id);
            let open = open.filter(|open| open.closed.is_none());
            let still = open.map(|open| state.still_wanted(open, &given_choice));
            map.insert("still_wanted".to_owned(), still.into());
            map.insert("standing_id".to_owned(), standing.into());
        }
        out.value(&value);
        return Ok(Exit::Success);
    }
    let state = read_only::state(&context.reader()?, &row.execution_id)?;
    let open = { state.requests.get(&row.request_id) }.filter(|open| open.closed.is_none());
    let still = open.map(|open| state.still_wanted(open, &choice));
    if tell(&choice, still.as_deref(), out) {
        return Ok(Exit::Success);
    }
    let word = said(&choice, out);
    let id = ids::short(&row.execution_id);
    if let Some(pid) = driver {
        out.line(&format!("{word}: process {pid} drives the execution on"));
        out.line(&format!("  mandate executions watch {id}"));
        return Ok(Exit::Success);
    }
    let then = match (row.kind.as_str(), choice.as_str()) {
        ("plan", "reject") => "nothing of it will run; this ends the execution:",
        ("plan", _) => "nothing has run yet; this carries the execution on:",
        _ => "this carries the execution on:",
    };
    out.line(&format!("{word}: {then}"));
    out.line(&format!("  mandate executions continue {id}"));
    Ok(Exit::Success)
}

/// Says who must still join, if somebody must.
pub(crate) fn tell(choice: &str, still: Option<&[String]>, out: &Out) -> bool {
    let Some(still) = still else {
        return false;
    };
    let word = out.paint().look(Look::Warn, "counted");
    let still = still.join(" and ");
    out.line(&format!(
        "{word}: `{choice}` holds once {still} gave it, too"
    ));
    true
}

/// What was said, in a word.
pub(crate) fn said(choice: &str, out: &Out) -> String {
    let (word, look) = match choice {
        "approve" => ("approved".to_owned(), Look::Good),
        "reject" => ("rejected".to_owned(), Look::Bad),
        choice => (format!("answered `{choice}`"), Look::Good),
    };
    out.paint().look(look, &word)
}

/// Whether the answer is one for the host: it puts on record who comes too late.
fn is_open(row: &RequestView) -> Result<(), Failure> {
    if ["open", "expired"].contains(&row.state.as_str()) {
        return Ok(());
    }
    let message = format!("the request `{}` is {}", row.request_id, row.state);
    let failure = Failure::new(Kind::NotNow, message);
    Err(failure.remedy("`mandate inbox list` shows what is open"))
}

fn choice_of(request: &Request, typed: Option<&str>) -> Result<String, Failure> {
    match (typed, request.choices.as_slice()) {
        (Some(typed), _) => Ok(typed.to_owned()),
        (None, [only]) => Ok(only.clone()),
        (None, several) => Err(Failure::usage(format!(
            "the request `{}` has several choices: {}",
            request.request_id,
            several.join(", ")
        ))
        .remedy(format!(
            "`mandate inbox show {}` says what is asked",
            request.request_id
        ))),
    }
}

/// Data as it was typed: a file, JSON, or a text where the request asks for one.
pub(crate) fn data_of(request: &Request, text: &str) -> Result<Value, Failure> {
    let looks_like_json = text.trim_start().starts_with(['{', '[', '"']);
    if text == "-" || (!looks_like_json && exists(Path::new(text))) {
        let source = Source::read(text)?;
        return parse_value(&source.bytes, source.format).map_err(|found| {
            let why = found.first().map(|found| found.message.clone());
            let why = why.unwrap_or_default();
            Failure::usage(format!("`{}` cannot be read: {why}", source.name))
        });
    }
    typed_data(request, text).map_err(|why| {
        Failure::usage(format!("`--data` is neither a file nor JSON: {why}"))
            .remedy("text is JSON in quotes: `--data '\"done\"'`")
    })
}

/// Data that stands for itself.
pub(crate) fn typed_data(request: &Request, text: &str) -> Result<Value, String> {
    let schema = request.answer_schema.as_ref();
    let wants_text = schema
        .and_then(|schema| schema.get("type"))
        .is_some_and(|wanted| wanted == "string");
    match parse_value(text.as_bytes(), Format::Json) {
        Ok(value) if value.is_string() || !wants_text => Ok(value),
        _ if wants_text => Ok(Value::String(text.to_owned())),
        Ok(value) => Ok(value),
        Err(found) => Err(found
            .first()
            .map(|found| found.message.clone())
            .unwrap_or_default()),
    }
}
