//! `mandate run` of a plan that an agent drives: it is submitted and left to the process in the background, and the one
//! who asked gets a token for it, in a file.

use crate::config::Settings;
use crate::{
    context::Context,
    drive::Driver,
    errors::{Exit, Failure},
    ids,
    launch::Launch,
    read_only,
    render::{execution, shown},
    token_file,
};
use mandate_host::Issued;
use mandate_tools::Registry;
use serde_json::{Value, json};
use std::{path::Path, path::PathBuf, sync::Arc};

/// Submits the plan, has it approved as far as that can be done here, and writes the token.
///
/// # Errors
/// What keeps it from being taken, or the token from being written.
pub(crate) fn run(
    launch: &Launch,
    file: Option<&Path>,
    context: &Context,
    settings: &Settings,
    registry: Arc<Registry>,
) -> Result<Exit, Failure> {
    let driver = Driver::visit(settings, registry)?;
    let submitted = launch.submit(context, &driver)?;
    let id = submitted.execution_id;
    let reader = driver.reader()?;
    let state = read_only::state(&reader, &id)?;
    if state.ending.is_some() {
        // Somebody said no, or the engine did all there was to do.
        let out = context.out();
        let exit = state.ending.as_ref().map_or(Exit::Success, Exit::of_ending);
        match out.is_json() {
            true => out.value(&execution::to_json(&state, None, None)),
            false => out.line(&execution::result(&state, None, None, out.paint())),
        }
        return Ok(exit);
    }
    let path = place(settings, file, &id);
    let issued = driver.token(&id, None)?;
    token_file::write(&path, &issued.token)?;
    tell(context, &driver, &id, &path, &issued)
}

/// Where the token goes.
pub(crate) fn place(settings: &Settings, file: Option<&Path>, id: &str) -> PathBuf {
    file.map_or_else(
        || token_file::usual_path(&settings.data_dir, id),
        Path::to_path_buf,
    )
}

/// Says where the execution is, and where its token lies.
///
/// # Errors
/// The journal cannot be read.
pub(crate) fn tell(
    context: &Context,
    driver: &Driver<'_>,
    id: &str,
    path: &Path,
    issued: &Issued,
) -> Result<Exit, Failure> {
    let out = context.out();
    let reader = driver.reader()?;
    let state = read_only::state(&reader, id)?;
    let waiting = state.waiting_for();
    let human = state.open_request().is_some();
    if out.is_json() {
        let callable: Vec<Value> = state
            .callable()
            .into_iter()
            .map(|(step, tool)| json!({ "step": step, "tool": tool }))
            .collect();
        out.value(&json!({
            "execution_id": id,
            "state": state.shown_state(),
            "waiting_for": waiting,
            "callable": callable,
            "token_file": path,
            "token_expires_ms": issued.expires_ms,
        }));
    } else {
        out.line(&format!("execution {id}: {}", state.shown_state()));
        out.line(&format!(
            "token in {}",
            shown::lines(&path.display().to_string())
        ));
        if let Some(waiting) = &waiting {
            let short = ids::short(id);
            let file = path.display().to_string();
            let next = waiting
                .next_command
                .replace(id, short)
                .replace("FILE", &file);
            out.line(&format!("next: {next}"));
        }
    }
    Ok(if human { Exit::Waiting } else { Exit::Success })
}
