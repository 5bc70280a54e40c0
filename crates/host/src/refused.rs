//! Answers that were refused because of who gave them, or when: facts of their own, kept in the `system` stream.

use crate::ask::HostError;
use crate::system_rows::batch;
use mandate_engine::NotAnAnswer;
use mandate_engine::event::Answer;
use mandate_store::Journal;
use serde_json::json;

/// An answer that was not taken.
const ANSWER_REFUSED: &str = "answer_refused";
/// Somebody showed a key that is none, or holds no longer.
const KEY_REFUSED: &str = "key_refused";

/// Whether the refusal says something about whoever answered, and not only about a mistake in the answer.
fn is_telling(error: &HostError) -> bool {
    match error {
        HostError::NotTheApprover { .. }
        | HostError::Again { .. }
        | HostError::FromATool { .. }
        | HostError::KeyRevoked(_) => true,
        HostError::Answer(error) => matches!(
            error,
            NotAnAnswer::TooLate(_) | NotAnAnswer::Closed { .. } | NotAnAnswer::OtherSubject(_)
        ),
        _ => false,
    }
}

/// Puts it on record that an answer was refused. Whoever gave it is told in any case, so that nobody waits for the disk.
pub(crate) fn note_answer(
    journal: &dyn Journal,
    now_ms: i64,
    execution_id: &str,
    answer: &Answer,
    error: &HostError,
) {
    if !is_telling(error) {
        return;
    }
    let row = json!({
        "execution_id": execution_id,
        "request_id": answer.request_id,
        "choice": answer.choice,
        "by": answer.by,
        "key": answer.key,
        "roles": answer.roles,
        "channel": answer.channel,
        "code": error.code(),
        "message": error.to_string(),
    });
    journal.append(batch(now_ms, ANSWER_REFUSED, &row), Box::new(|_| {}));
}

/// Puts it on record that somebody showed a key that does not hold.
pub(crate) fn note_key(journal: &dyn Journal, now_ms: i64, key: &str, by: &str, error: &HostError) {
    let row = json!({
        "key": key,
        "by": by,
        "code": error.code(),
        "message": error.to_string(),
    });
    journal.append(batch(now_ms, KEY_REFUSED, &row), Box::new(|_| {}));
}
