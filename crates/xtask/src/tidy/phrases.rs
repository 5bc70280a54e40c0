//! Words that do not belong into the project: notes to oneself, talk about how it was written, and praise.

use super::Finding;
use crate::tree::{Tree, extension};

/// A phrase, in lower case and in two halves so that this file passes its own rule, and what is wrong with it.
const PHRASES: &[(&str, &str, &str)] = &[
    ("to", "do:", "finish it or leave it out"),
    ("fix", "me", "mend it"),
    ("for ", "now", "say what holds, or what the limit is"),
    ("../", "shared", "the project does not know this folder"),
    ("as an ", "ai", "the text speaks for the project"),
    ("blaz", "ingly", "give the number"),
    ("state-of", "-the-art", "give the fact"),
    ("world-", "class", "give the fact"),
    ("seam", "lessly", "say what happens"),
    ("lorem ", "ipsum", "write the text"),
];

/// Numbered work items are named in the tracker, not in the project.
const NUMBERED: &[(&str, &str)] = &[("iss", "ue "), ("se", "ed 0")];

/// Plans are left out: one may well look for such words.
const EXTENSIONS: &[&str] = &["rs", "md", "toml", "sh"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files()
        .filter(|(path, _)| EXTENSIONS.contains(&extension(path)))
        .flat_map(|(path, text)| {
            (1..)
                .zip(text.lines())
                .flat_map(move |(n, line)| on_line(path, n, line))
        })
        .collect()
}

fn on_line(path: &str, number: usize, line: &str) -> Vec<Finding> {
    let lower = line.to_lowercase();
    let plain = PHRASES.iter().filter_map(|(head, tail, why)| {
        let phrase = format!("{head}{tail}");
        has_words(&lower, &phrase)
            .then(|| Finding::line(path, number, format!("`{phrase}`: {why}")))
    });
    let numbered = NUMBERED.iter().filter_map(|(head, tail)| {
        let phrase = format!("{head}{tail}");
        let digit_follows = |rest: &str| {
            rest.trim_start_matches('#')
                .starts_with(|c: char| c.is_ascii_digit())
        };
        lower.split(&phrase).skip(1).any(digit_follows).then(|| {
            Finding::line(
                path,
                number,
                "names a work item by number: say what it is about",
            )
        })
    });
    plain.chain(numbered).collect()
}

/// Whether the phrase stands in the line as whole words.
fn has_words(line: &str, phrase: &str) -> bool {
    line.match_indices(phrase).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        let after = line
            .get(at + phrase.len()..)
            .and_then(|tail| tail.chars().next());
        [before, after]
            .iter()
            .flatten()
            .all(|c| !c.is_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> usize {
        check(&Tree::of([("a.md", line)])).len()
    }

    #[test]
    fn every_phrase_is_found() {
        for (head, tail, _) in PHRASES {
            let phrase = format!("{head}{tail}");
            assert_eq!(
                found(&format!("so {} it is", phrase.to_uppercase())),
                1,
                "{phrase}"
            );
        }
        assert_eq!(found(concat!("as iss", "ue 7 asks")), 1);
        assert_eq!(found(concat!("see iss", "ue #12")), 1);
    }

    #[test]
    fn parts_of_other_words_pass() {
        assert_eq!(
            found("as an aid for nowhere; the issue is open; a seed of 64 bits"),
            0
        );
    }
}
