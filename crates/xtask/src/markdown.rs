//! What the rules about documents need to know of Markdown: links, headings, and what is code.

use std::collections::BTreeSet;

/// A link or picture as it stands in a document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The line, from 1.
    pub(crate) line: usize,
    /// What stands between the round brackets.
    pub(crate) target: String,
}

/// The document's lines outside of fenced code blocks, with inline code blanked, and their numbers from 1.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fence: Option<String> = None;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let start = line.trim_start();
        let marks: String = start
            .chars()
            .take_while(|c| *c == '`' || *c == '~')
            .collect();
        match &fence {
            Some(open) if start.starts_with(open.as_str()) => fence = None,
            Some(_) => {}
            None if marks.len() >= 3 => fence = Some(marks),
            None => lines.push((number, without_inline_code(line))),
        }
    }
    lines
}

fn without_inline_code(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut inside = false;
    for c in line.chars() {
        if c == '`' {
            inside = !inside;
        }
        out.push(if inside { ' ' } else { c });
    }
    // A single backtick opens no code: take the line as it is.
    if inside { line.to_owned() } else { out }
}

/// Every `[…](target)` outside of code.
pub(crate) fn links(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    for (line, prose) in prose(text) {
        for part in prose.split("](").skip(1) {
            let target: String = part.chars().take_while(|c| *c != ')').collect();
            let target = target
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned();
            found.push(Link { line, target });
        }
    }
    found
}

/// The anchors that GitHub gives to the document's headings.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let title = line.trim_start_matches('#');
        if fenced || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let slug = slug(title.trim());
        let unique = (1..).map(|n| format!("{slug}-{n}"));
        let slug = std::iter::once(slug.clone())
            .chain(unique)
            .find(|s| !seen.contains(s));
        seen.extend(slug);
    }
    seen
}

fn slug(title: &str) -> String {
    title
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .flat_map(char::to_lowercase)
        .collect()
}

/// The path that `target`, found in the document `from`, leads to, without its anchor; `None` when it climbs out of
/// the repository.
pub(crate) fn resolve(from: &str, target: &str) -> Option<String> {
    let path = target.split('#').next().unwrap_or_default();
    if path.is_empty() {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = match path.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => from
            .split('/')
            .rev()
            .skip(1)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect(),
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Whether the link leads out of the repository.
pub(crate) fn is_external(target: &str) -> bool {
    target.contains("://") || target.starts_with("mailto:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_code_do_not_count() {
        let text =
            "see [a](one.md) and `[b](two.md)`\n```\n[c](three.md)\n```\n![d](four.svg \"t\")\n";
        let found = links(text);
        assert_eq!(
            found,
            [
                Link {
                    line: 1,
                    target: "one.md".into()
                },
                Link {
                    line: 5,
                    target: "four.svg".into()
                }
            ]
        );
    }

    #[test]
    fn anchors_are_those_of_github() {
        let found = anchors("# Order, and need\n## `for_each`\n## Same\n## Same\n```\n# no\n```\n");
        let expected = ["order-and-need", "for_each", "same", "same-1"];
        assert_eq!(found, expected.map(str::to_owned).into());
    }

    #[test]
    fn targets_are_resolved_from_the_document() {
        assert_eq!(
            resolve("docs/a/b.md", "../c.md#x").as_deref(),
            Some("docs/c.md")
        );
        assert_eq!(resolve("docs/a.md", "#x").as_deref(), Some("docs/a.md"));
        assert_eq!(resolve("README.md", "../x.md"), None);
    }
}
