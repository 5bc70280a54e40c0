//! The name that was probably meant.

/// The name most like `wanted`, if one is like it enough.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if wanted.len() > 100 {
        return None;
    }
    let scored = names.into_iter().map(|name| (strsim::jaro_winkler(wanted, name), name));
    let near = scored.filter(|(score, name)| *score > 0.8 && *name != wanted);
    near.max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, name)| name)
}
