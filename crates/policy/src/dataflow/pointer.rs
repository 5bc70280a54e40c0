//! JSON pointers: which of two lies within the other.

use std::borrow::Cow;

/// Whether `inner` is `outer` or something within it.
pub(super) fn within(inner: &str, outer: &str) -> bool {
    inner
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The pointer of a member.
pub(super) fn member(pointer: &str, key: &str) -> String {
    match key.contains(['~', '/']) {
        true => format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")),
        false => format!("{pointer}/{key}"),
    }
}

/// The name of the argument that a pointer lies in.
pub(super) fn top_level(pointer: &str) -> Cow<'_, str> {
    let token = pointer.split('/').nth(1).unwrap_or_default();
    match token.contains('~') {
        true => Cow::Owned(token.replace("~1", "/").replace("~0", "~")),
        false => Cow::Borrowed(token),
    }
}

/// A pointer as people read it: `/to/0` is `to.0`.
pub(super) fn dotted(pointer: &str) -> String {
    let tokens = pointer.split('/').skip(1);
    let tokens = tokens.map(|token| token.replace("~1", "/").replace("~0", "~"));
    tokens.collect::<Vec<_>>().join(".")
}
