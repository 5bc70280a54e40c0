//! Paths of steps as people write them: `fetch`, `fetch[3]`.

/// The path of a step or item.
pub fn show(step: &str, item: Option<u32>) -> String {
    item.map_or_else(|| step.to_owned(), |item| format!("{step}[{item}]"))
}

/// The step and the item of `step` or `step[item]`; none if it is neither.
pub fn parse(text: &str) -> Option<(String, Option<u32>)> {
    let (step, item) = match text.split_once('[') {
        None => (text, None),
        Some((step, rest)) => (step, Some(rest.strip_suffix(']')?.parse().ok()?)),
    };
    let named = step
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    (!step.is_empty() && named).then(|| (step.to_owned(), item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_items() {
        assert_eq!(parse("fetch"), Some(("fetch".to_owned(), None)));
        assert_eq!(parse("fetch[3]"), Some(("fetch".to_owned(), Some(3))));
        for wrong in ["", "fetch[", "fetch[]", "fetch[x]", "Fetch", "[3]", "a/b"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(show("fetch", Some(3)), "fetch[3]");
    }
}
