//! From what people type to a whole id: unique prefixes and `@last`.

use crate::{errors::Failure, when};
use mandate_store::Reader;

/// The execution that a prefix, or `@last`, stands for.
///
/// # Errors
/// None, or several.
pub(crate) fn execution(reader: &Reader, typed: &str) -> Result<String, Failure> {
    check(typed, "execution")?;
    let found = reader.resolve_execution(typed)?;
    if found.is_empty()
        && let Some(id) = archived(reader, typed)?
        && let Some((_, tombstone, at_ms)) = reader.archived(&id)?
    {
        return Err(Failure::not_found(format!(
            "execution `{id}` was archived {}",
            when::show_time(at_ms)
        ))
        .remedy(format!(
            "it is in `{}`; `mandate executions show {id}` says more",
            tombstone.archive.file
        )));
    }
    only(found, typed, "execution", "mandate executions list")
}

/// The archived execution that a prefix stands for, if there is one such and no other.
///
/// # Errors
/// The journal cannot be read.
pub(crate) fn archived(reader: &Reader, typed: &str) -> Result<Option<String>, Failure> {
    let found = reader.resolve_archived(typed)?;
    Ok(match found.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    })
}

/// The request that a prefix, or `@last`, stands for; a prefix of an execution's id stands for its open request.
///
/// # Errors
/// None, or several.
pub(crate) fn request(reader: &Reader, typed: &str) -> Result<String, Failure> {
    check(typed, "request")?;
    if typed == "@last" {
        // What waits is meant, if anything does.
        let newest = mandate_store::Page {
            newest_first: true,
            limit: 1,
            ..Default::default()
        };
        let open = mandate_store::RequestFilter {
            state: Some("open".to_owned()),
            ..Default::default()
        };
        if let Some(row) = reader.requests(&open, &newest)?.rows.into_iter().next() {
            return Ok(row.request_id);
        }
    }
    let mut found = reader.resolve_request(typed)?;
    if found.is_empty() {
        let filter = |execution_id: String| mandate_store::RequestFilter {
            execution_id: Some(execution_id),
            state: Some("open".to_owned()),
            ..Default::default()
        };
        let executions = reader.resolve_execution(typed)?;
        if executions.len() > 1 {
            return Err(several(&executions, typed, "execution"));
        }
        for execution_id in executions {
            let open = reader.requests(&filter(execution_id), &Default::default())?;
            found.extend(open.rows.into_iter().map(|row| row.request_id));
        }
    }
    only(found, typed, "request", "mandate inbox list")
}

/// Refuses nothing at all.
///
/// # Errors
/// Nothing was typed.
pub(crate) fn check(typed: &str, what: &str) -> Result<(), Failure> {
    if typed.is_empty() {
        return Err(Failure::usage(format!("the id of the {what} is empty"))
            .remedy("give an id, the beginning of one, or `@last`"));
    }
    Ok(())
}

/// The one that was found.
///
/// # Errors
/// None, or several.
pub(crate) fn only(
    found: Vec<String>,
    typed: &str,
    what: &str,
    list: &str,
) -> Result<String, Failure> {
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] if typed == "@last" => Err(Failure::not_found(format!("there is no {what} yet"))
            .remedy("`mandate run PLAN` runs a plan")),
        [] => Err(Failure::not_found(format!("there is no {what} `{typed}`"))
            .remedy(format!("`{list}` shows what there is"))),
        several_ids => Err(several(several_ids, typed, what)),
    }
}

fn several(found: &[String], typed: &str, what: &str) -> Failure {
    let shown: Vec<&str> = found.iter().take(3).map(String::as_str).collect();
    let more = if found.len() > 3 { ", …" } else { "" };
    Failure::usage(format!(
        "`{typed}` begins the id of more than one {what}: {}{more}",
        shown.join(", ")
    ))
    .remedy("give more of the id")
}

/// The shortest beginning of an id that is still worth typing: enough to be unique within some time.
pub(crate) fn short(id: &str) -> &str {
    // UUID v7: 13 characters are the millisecond of its making.
    id.get(..13).unwrap_or(id)
}
