//! From the answer to `tools/call` to the outcome of the call.

use super::connection::RequestError;
use crate::{Fault, Outcome};
use mandate_plan::ErrorCode;
use serde_json::{Value, json};

/// How much of an error's text a message shows, in characters.
const SHOWN: usize = 500;

/// The outcome of a call of `tool`.
pub(super) fn outcome(tool: &str, answer: Result<Value, RequestError>) -> Outcome {
    let server = tool.split_once('.').map_or(tool, |(server, _)| server);
    match answer {
        Ok(result) => of_result(tool, result),
        Err(RequestError::NotSent(why)) => Outcome::Refused(Fault::new(
            ErrorCode::ToolFailed,
            format!("the server `{server}` could not be asked: {why}"),
        )),
        Err(RequestError::Lost(why)) => Outcome::Unknown(Fault::new(
            ErrorCode::ToolFailed,
            format!("the server `{server}` was lost during the call: {why}"),
        )),
        Err(RequestError::Answered(error)) => Outcome::Failed(
            Fault::new(
                ErrorCode::ToolFailed,
                format!("`{tool}` answered with an error: {}", cut(&error.message)),
            )
            .with_details(json!({ "code": error.code, "data": error.data })),
        ),
    }
}

fn of_result(tool: &str, mut result: Value) -> Outcome {
    match result.get("resultType").and_then(Value::as_str) {
        None | Some("complete") => {}
        Some("input_required") => {
            return Outcome::Failed(Fault::new(
                ErrorCode::NotSupported,
                format!("`{tool}` asks for more input during the call, which is not supported"),
            ));
        }
        // It goes on behind our back.
        Some(other) => {
            return Outcome::Unknown(Fault::new(
                ErrorCode::NotSupported,
                format!("`{tool}` answered with a `{other}`, which is not supported"),
            ));
        }
    }
    let failed = result.get("isError") == Some(&Value::Bool(true));
    let structured = result.get_mut("structuredContent").map(Value::take);
    let content = result.get_mut("content").map(Value::take);
    if structured.is_none() && !matches!(content, Some(Value::Array(_))) {
        let fault = Fault::new(
            ErrorCode::OutputInvalid,
            format!("the answer of `{tool}` holds neither `content` nor `structuredContent`"),
        );
        return Outcome::Invalid {
            output: Some(result),
            fault,
        };
    }
    if failed {
        let said = texts(content.as_ref());
        let message = match said.trim() {
            "" => format!("`{tool}` failed and does not say why"),
            said => format!("`{tool}` failed: {}", cut(said)),
        };
        return Outcome::Failed(
            Fault::new(ErrorCode::ToolFailed, message)
                .with_details(json!({ "content": content, "structured": structured })),
        );
    }
    Outcome::Completed {
        output: output(structured, content),
    }
}

/// What a plan sees: the structured answer; else the only text, as JSON if it is; else all blocks.
fn output(structured: Option<Value>, content: Option<Value>) -> Value {
    if let Some(structured) = structured {
        return structured;
    }
    let content = content.unwrap_or_default();
    let only = match content.as_array().map(Vec::as_slice) {
        Some([block]) if block.get("type") == Some(&json!("text")) => {
            block.get("text").and_then(Value::as_str)
        }
        _ => None,
    };
    match only {
        Some(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        None => json!({ "content": content }),
    }
}

fn texts(content: Option<&Value>) -> String {
    let blocks = content.and_then(Value::as_array).into_iter().flatten();
    let texts: Vec<&str> = blocks
        .filter_map(|block| block.get("text")?.as_str())
        .collect();
    texts.join("\n")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(result: Value) -> Value {
        match outcome("s.t", Ok(result)) {
            Outcome::Completed { output } => output,
            other => panic!("{other:?}"),
        }
    }

    fn text(text: &str) -> Value {
        json!({"type": "text", "text": text})
    }

    #[test]
    fn the_output_is_the_most_structured_that_there_is() {
        assert_eq!(
            completed(json!({"structuredContent": {"a": 1}, "content": [text("x")]})),
            json!({"a": 1})
        );
        assert_eq!(completed(json!({"content": [text("[1]")]})), json!([1]));
        assert_eq!(completed(json!({"content": [text("a b")]})), json!("a b"));
        let image = json!({"type": "image", "data": "", "mimeType": "image/png"});
        for content in [json!([text("1"), text("2")]), json!([image]), json!([])] {
            assert_eq!(
                completed(json!({"content": content, "resultType": "complete"})),
                json!({"content": content})
            );
        }
    }

    #[test]
    fn what_is_no_answer_is_told_apart() {
        let of = |result| outcome("s.t", Ok(result));
        let failed = of(json!({"isError": true, "content": [text("no such file")]}));
        let Outcome::Failed(fault) = &failed else {
            panic!("{failed:?}")
        };
        assert_eq!(
            (fault.code, fault.message.as_str()),
            (ErrorCode::ToolFailed, "`s.t` failed: no such file")
        );
        for (result, expected) in [
            (json!({"resultType": "input_required"}), "failed"),
            (json!({"resultType": "task", "task": {}}), "unknown"),
            (json!({}), "invalid"),
            (json!("text"), "invalid"),
            (json!({"content": "text"}), "invalid"),
        ] {
            assert_eq!(of(result.clone()).as_str(), expected, "{result}");
        }
        let lost = Err(RequestError::Lost("gone".to_owned()));
        assert_eq!(outcome("s.t", lost).as_str(), "unknown");
        let unsent = Err(RequestError::NotSent("gone".to_owned()));
        assert_eq!(outcome("s.t", unsent).as_str(), "refused");
    }
}
