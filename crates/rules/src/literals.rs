//! Texts that an attribute can never have: a typing error in a policy would otherwise be a rule that never matches.

use crate::{definitions::Definitions, error::PolicyError, rule::Rule, schema::closed_list};

/// The name most like `wanted`, if one is like it enough.
pub(crate) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let scored = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(score, _)| *score > 0.8);
    scored
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}

/// What a rule compares an attribute with although the attribute never has it.
pub(crate) fn check(
    rule: &Rule,
    compared: &[(String, String)],
    definitions: &Definitions,
) -> Vec<PolicyError> {
    let mut wrong = Vec::new();
    for (path, text) in compared {
        let names: Vec<&str> = match path.as_str() {
            "context.tags" | "context.sure_tags" => definitions.tag_names(),
            "context.sequences" => definitions.sequence_names(),
            _ => match closed_list(path) {
                Some(names) => names,
                None => continue,
            },
        };
        if names.contains(&text.as_str()) {
            continue;
        }
        let quoted = format!("\"{text}\"");
        let start = rule
            .source
            .text
            .get(rule.span.clone())
            .and_then(|own| own.find(&quoted))
            .map(|at| rule.span.start.saturating_add(at));
        let span = start.map(|start| start..start.saturating_add(quoted.len()));
        let help = match nearest(text, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "define it in `policy.toml` beside the policy".to_owned(),
            None => format!("there are {}", names.join(", ")),
        };
        let error = PolicyError::new(&rule.source, format!("`{path}` is never `{text}`"));
        wrong.push(
            error
                .at(span.or(Some(rule.span.clone())))
                .help(help)
                .rule(&rule.id),
        );
    }
    wrong
}
