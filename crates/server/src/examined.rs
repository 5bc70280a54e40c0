//! Plans and inputs in bodies: taken as they stand in the text, so that what JSON leaves open is seen by the plan's own
//! reading, and not smoothed over by one before it.

use crate::problem::Problem;
use crate::site::Site;
use crate::view;
use mandate_host::HostError;
use mandate_plan::{CheckedPlan, Digest, Document, Format, parse, parse_value};
use mandate_rules::{Active, Source, load};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A document and how it is written.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) format: Format,
}

impl Text {
    /// A plan in a body: an object, or the text of a document.
    ///
    /// # Errors
    /// It is neither.
    pub(crate) fn of(raw: &RawValue) -> Result<Self, Problem> {
        let raw = raw.get();
        match raw.trim_start().chars().next() {
            Some('{') => Ok(Self {
                text: raw.to_owned(),
                format: Format::Json,
            }),
            Some('"') => {
                let text: String = serde_json::from_str(raw)
                    .map_err(|error| Problem::usage(format!("`plan` cannot be read: {error}")))?;
                let json = text.trim_start().starts_with('{');
                let format = if json { Format::Json } else { Format::Yaml };
                Ok(Self { text, format })
            }
            _ => Err(Problem::usage(
                "`plan` is an object, or the text of a document in YAML or JSON",
            )),
        }
    }

    /// The document.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn document(&self) -> Result<Document, HostError> {
        parse(self.text.as_bytes(), self.format).map_err(HostError::Plan)
    }
}

/// The text of a plan that is stored.
///
/// # Errors
/// There is none of that hash.
pub(crate) fn stored(site: &Site, hash: &str) -> Result<Text, Problem> {
    let absent = || Problem::not_found("plan", hash);
    let digest: Digest = hash.parse().map_err(|_| absent())?;
    let canonical = site.reader().plan(&digest)?.ok_or_else(absent)?;
    let text = String::from_utf8(canonical).map_err(|_| absent())?;
    Ok(Text {
        text,
        format: Format::Json,
    })
}

/// Inputs in a body.
///
/// # Errors
/// They are no object, or hold what is no value.
pub(crate) fn inputs(raw: Option<&RawValue>) -> Result<Map<String, Value>, Problem> {
    object("inputs", raw)
}

/// The object that a member of a body is; nothing is an empty one.
///
/// # Errors
/// It is no object, or holds what is no value.
pub(crate) fn object(name: &str, raw: Option<&RawValue>) -> Result<Map<String, Value>, Problem> {
    let Some(raw) = raw else {
        return Ok(Map::new());
    };
    match parse_value(raw.get().as_bytes(), Format::Json) {
        Ok(Value::Object(inputs)) => Ok(inputs),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(Problem::usage(format!("`{name}` is not an object"))),
        Err(found) => {
            let why = found.first().map(|found| found.message.clone());
            let why = why.unwrap_or_default();
            let found: Vec<_> = found.iter().map(view::violation).collect();
            Err(Problem::usage(format!("`{name}` cannot be read: {why}"))
                .detail("violations", json!(found)))
        }
    }
}

/// The plan of a document, held against the tools that there are.
///
/// # Errors
/// What is wrong with it.
pub(crate) async fn checked(site: &Site, text: &Text) -> Result<Arc<CheckedPlan>, Problem> {
    let document = text.document()?;
    let (plan, violations) = site.intake.look(&document).await?;
    Ok(plan.ok_or(HostError::Plan(violations))?)
}

/// A policy that somebody tries out, with the limits of the configuration.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn candidate(
    site: &Site,
    policy: &str,
    definitions: Option<&str>,
) -> Result<Active, Problem> {
    let rules = [Source::new("policy.cedar", policy)];
    let beside: Vec<Source> = { definitions.iter() }
        .map(|text| Source::new("policy.toml", text))
        .collect();
    let set = load(&rules, &beside).map_err(|wrong| {
        let first = wrong.first().map(ToString::to_string).unwrap_or_default();
        let wrong: Vec<_> = { wrong.iter() }
            .map(|one| view::policy_error(one, "error"))
            .collect();
        Problem::usage(format!("the policy cannot be used: {first}"))
            .status(axum::http::StatusCode::UNPROCESSABLE_ENTITY)
            .detail("errors", json!(wrong))
    })?;
    Ok(Active::new(vec![Arc::new(set)], site.limits))
}
