//! `${NAME}` and `${NAME:-default}` in the configuration of a server.

/// The text with variables replaced.
///
/// # Errors
/// The name of a variable that is not set and has no default.
pub(super) fn expand(
    text: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, behind)) = after.split_once('}') else {
            break;
        };
        out.push_str(before);
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        // As VS Code and Cursor write it.
        let name = name.strip_prefix("env:").unwrap_or(name);
        let value = variable(name).filter(|value| default.is_none() || !value.is_empty());
        match value.or_else(|| default.map(str::to_owned)) {
            Some(value) => out.push_str(&value),
            None => return Err(name.to_owned()),
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn variables_defaults_and_what_is_neither() {
        let variable = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let expanded = |text| expand(text, variable);
        assert_eq!(expanded("x${A}y${A}").as_deref(), Ok("xaya"));
        assert_eq!(
            expanded("${B:-b}${A:-c}${EMPTY:-d}${EMPTY}").as_deref(),
            Ok("bad")
        );
        assert_eq!(expanded("$A {A} ${A").as_deref(), Ok("$A {A} ${A"));
        assert_eq!(expanded("${B}"), Err("B".to_owned()));
    }
}
