//! JSON pointers (RFC 6901).

/// The pointer of a member or item of what `parent` points to.
pub(crate) fn child(parent: &str, token: impl std::fmt::Display) -> String {
    let token = token.to_string();
    let escaped = if token.contains(['~', '/']) {
        token.replace('~', "~0").replace('/', "~1")
    } else {
        token
    };
    format!("{parent}/{escaped}")
}

/// The tokens of a pointer, unescaped.
pub(super) fn tokens(pointer: &str) -> impl Iterator<Item = String> {
    pointer
        .split('/')
        .skip(1)
        .map(|token| token.replace("~1", "/").replace("~0", "~"))
}
