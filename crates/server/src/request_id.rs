//! The id of a request: the caller's where it is one that logs can take, else a new one.

use axum::http::{HeaderMap, HeaderName};

/// The header.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest that is taken over.
const MOST: usize = 128;

/// The id of a request with these headers.
pub(crate) fn of(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    match given {
        Some(id) if is_sane(id) => id.to_owned(),
        _ => uuid::Uuid::now_v7().to_string(),
    }
}

fn is_sane(id: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=MOST).contains(&id.len()) && id.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_break_a_log_line_is_not_taken_over() {
        let id = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, text.parse().unwrap());
            of(&headers)
        };
        assert_eq!(id("a-1_b.2"), "a-1_b.2");
        for wrong in ["a b", "a\"b", "a;b", &"x".repeat(129), ""] {
            assert_ne!(id(wrong), wrong);
        }
    }
}
