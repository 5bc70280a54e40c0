//! From a call's JSON to a tool's typed arguments, and back from its typed answer.

use super::stop::Stop;
use crate::{Definition, Outcome};
use mandate_plan::ErrorCode;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The definition of a tool whose schemas follow from its types.
pub(crate) fn define<A: JsonSchema, O: JsonSchema>(name: &str, description: &str) -> Definition {
    Definition::new(
        name,
        description,
        schema::<A>(true),
        Some(schema::<O>(false)),
    )
}

fn schema<T: JsonSchema>(input: bool) -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let settings = if input {
        settings.for_deserialize()
    } else {
        settings.for_serialize()
    };
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    if let Some(object) = schema.as_object_mut() {
        // The Rust type's name says nothing to a reader of the schema.
        object.remove("title");
    }
    schema
}

/// The arguments as the tool's own type. The runner has checked them against the schema before.
pub(crate) fn arguments<A: DeserializeOwned>(args: Value) -> Result<A, Stop> {
    serde_json::from_value(args).map_err(|_| {
        Stop::refused(
            ErrorCode::InvalidPayload,
            "the arguments do not fit the tool's input schema",
        )
    })
}

/// The outcome of work that gives a typed answer.
pub(crate) fn answer<O: Serialize>(result: Result<O, Stop>) -> Outcome {
    match result.map(|output| serde_json::to_value(output)) {
        Ok(Ok(output)) => Outcome::Completed { output },
        Ok(Err(_)) => Stop::failed("the tool's answer cannot be written as JSON").into(),
        Err(stop) => stop.into(),
    }
}

/// Runs work that blocks, or computes for long, on a thread of its own; a panic goes on here.
pub(crate) async fn blocking(work: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Outcome::Unknown(crate::Fault::new(
                ErrorCode::UnknownError,
                "the process is shutting down, and the call was dropped",
            )),
        },
    }
}
