//! Asking a tool what became of a call that nobody has an answer to: its status look-up, as the operator configured it.
//!
//! It is the one question to a tool that takes no permit: it only reads, it is handed nothing but the key of a call that
//! had one, and what is asked stands in the configuration, not in a plan.

use crate::{
    Authorized, CallContext, Outcome, StopFlag,
    registry::Entry,
    runner::after,
    secret::{Scrubber, SecretSource, SecretUse, Taken, Vault},
};
use futures_util::FutureExt as _;
use mandate_policy::ResolvedCall;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

/// How long a look-up may take where nothing is said.
pub(crate) const LOOK_UP: Duration = Duration::from_secs(30);

/// What the tool says became of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Its effect happened, and this is its output.
    Done(Value),
    /// Its effect did not happen, and will not any more.
    NotDone,
    /// It ended with an error.
    Failed(String),
    /// The tool does not know either, or could not be asked: why.
    Unknown(String),
}

/// Asks about `call`, of which only the key is handed over.
pub(crate) async fn ask(
    entry: &Entry,
    call: ResolvedCall,
    limit: Duration,
    secrets: &dyn SecretSource,
    vault: &Vault,
) -> Told {
    let taken = Taken::of(&call);
    let scrubber = match scrubber(entry, &call, secrets, vault).await {
        Ok(scrubber) => Arc::new(scrubber),
        Err(why) => return Told::Unknown(why),
    };
    let context = CallContext {
        execution_id: call.execution_id,
        step: call.step,
        item: call.item,
        attempt: call.attempt,
        tool: call.tool,
        tool_digest: entry.definition.spec.digest,
        args: json!({ "idempotency_key": call.idempotency_key }),
        secret_places: Vec::new(),
        idempotency_key: call.idempotency_key,
        sensitive: !call.sensitive.is_empty(),
        trace: None,
        timeout: Some(limit),
        check_path: Arc::new(|_| Ok(())),
        check_url: Arc::new(|_| Ok(())),
        scrubber: Arc::clone(&scrubber),
        stop: StopFlag::default(),
    };
    let asked = async {
        entry
            .provider
            .look_up(Authorized::to_look_up(), context)
            .await
    };
    let asked = AssertUnwindSafe(asked).catch_unwind();
    let mut outcome = match tokio::time::timeout(limit, asked).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => return Told::Unknown("its status look-up crashed".to_owned()),
        Err(_) => {
            let limit = limit.as_millis();
            return Told::Unknown(format!("its status look-up took longer than {limit} ms"));
        }
    };
    scrubber.scrub_outcome(&mut outcome);
    match outcome {
        Outcome::Completed { output } => read(entry, output, |outcome| vault.take(&taken, outcome)),
        other => {
            let why = other.fault().map(|fault| fault.message.clone());
            let why = why.unwrap_or_default();
            Told::Unknown(format!("its status look-up failed: {why}"))
        }
    }
}

/// What the answer says; anything that is not exactly one of the known answers settles nothing.
fn read(entry: &Entry, answer: Value, keep_back: impl FnOnce(&mut Outcome)) -> Told {
    let text = |key: &str| answer.get(key).and_then(Value::as_str);
    match text("state") {
        Some("done") => {
            let output = answer.get("output").cloned().unwrap_or_default();
            let mut outcome = after(entry, Outcome::Completed { output });
            keep_back(&mut outcome);
            match outcome {
                Outcome::Completed { output } => Told::Done(output),
                other => {
                    let why = other.fault().map(|fault| fault.message.clone());
                    let why = why.unwrap_or_default();
                    Told::Unknown(format!("its status look-up says `done`, but {why}"))
                }
            }
        }
        Some("not_done") => Told::NotDone,
        Some("failed") => Told::Failed(text("error").unwrap_or("it does not say why").to_owned()),
        Some("unknown") => Told::Unknown("its status look-up says `unknown`".to_owned()),
        _ => Told::Unknown(
            "its status look-up answered with none of the states `done`, `not_done`, `failed` and `unknown`"
                .to_owned(),
        ),
    }
}

/// Knows the secrets that the call itself may have been given: the tool may tell them in its answer.
pub(crate) async fn scrubber(
    entry: &Entry,
    call: &ResolvedCall,
    secrets: &dyn SecretSource,
    vault: &Vault,
) -> Result<Scrubber, String> {
    let mut names = BTreeSet::new();
    named(&call.args, &mut names);
    let destination = entry.provider.destination(&call.tool, &call.args);
    let mut values = BTreeMap::new();
    for name in names {
        let wanted = SecretUse {
            tool: &call.tool,
            destination: &destination,
        };
        let value = match vault.value(call, &name) {
            Some(value) => value,
            None => secrets.resolve(&name, wanted).await,
        };
        let value = value.map_err(|error| {
            format!("its answer could not be kept free of a secret that the call had: {error}")
        })?;
        values.insert(name, value);
    }
    Ok(Scrubber::new(&values))
}

fn named(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => names.extend(
            text.split("${secrets.")
                .skip(1)
                .filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())),
        ),
        Value::Array(items) => items.iter().for_each(|item| named(item, names)),
        Value::Object(entries) => entries.values().for_each(|item| named(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
