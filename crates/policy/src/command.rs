//! Command lines: an argument list quoted as a POSIX shell would need it, and what a shell line is made of.

use crate::normalise::{Readings, strip_invisible};
use std::collections::BTreeSet;

/// Programs that run the command that follows them.
const WRAPPERS: &[&str] = &[
    "builtin", "command", "doas", "do", "else", "env", "exec", "if", "ionice", "nice", "nohup",
    "setsid", "stdbuf", "sudo", "then", "time", "timeout", "until", "while", "xargs", "!",
];
/// Programs that take a line to interpret behind `-c`.
const SHELLS: &[&str] = &["ash", "bash", "dash", "ksh", "sh", "zsh"];
/// How deep `sh -c "sh -c …"` is looked into.
const MAX_NESTING: usize = 8;
/// How many words behind a wrapper may be its own.
const MAX_WRAPPED: usize = 32;

/// One word as a POSIX shell would have to be given it.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The words quoted and joined by single spaces: the form that patterns match.
pub fn join<S: AsRef<str>>(argv: &[S]) -> String {
    let words: Vec<String> = argv.iter().map(|word| quote(word.as_ref())).collect();
    words.join(" ")
}

/// The words of a line that a shell would run as one plain command; `None` if it holds anything that a shell
/// interprets (operators, substitutions, patterns, assignments, comments) or is not closed.
pub fn plain_words(line: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        inside => word.push(inside),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '$' | '`' => return None,
                        '\\' => match chars.next()? {
                            '\n' => {}
                            escaped @ ('$' | '`' | '"' | '\\') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        inside => word.push(inside),
                    }
                }
            }
            '\\' => match chars.next()? {
                '\n' => {}
                escaped => word.get_or_insert_default().push(escaped),
            },
            '~' | '#' if word.is_none() => return None,
            '=' if words.is_empty() => return None,
            ';' | '|' | '&' | '<' | '>' | '(' | ')' | '$' | '`' | '*' | '?' | '[' | ']' | '{'
            | '}' | '!' | '\n' | '\r' => return None,
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    (!words.is_empty()).then_some(words)
}

/// The pieces of a shell line that may each be a command: whatever stands between operators, in substitutions too.
/// It errs on the side of finding too many, as the pieces are only ever compared with what is forbidden.
fn pieces(line: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut outer: Vec<bool> = Vec::new();
    let mut ticked: Option<bool> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\'' if !quoted => word
                .get_or_insert_default()
                .extend(chars.by_ref().take_while(|c| *c != '\'')),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            ' ' | '\t' if !quoted => words.extend(word.take()),
            ';' | '|' | '&' | '<' | '>' | '{' | '}' | '\n' | '\r' if !quoted => {
                words.extend(word.take());
                found.push(std::mem::take(&mut words));
            }
            // These end a piece even between double quotes; what is substituted has quotes of its own.
            '(' | ')' | '`' | '$' => {
                words.extend(word.take());
                found.push(std::mem::take(&mut words));
                match c {
                    '(' => outer.push(std::mem::take(&mut quoted)),
                    ')' => quoted = outer.pop().unwrap_or_default(),
                    '`' => match ticked.take() {
                        Some(before) => quoted = before,
                        None => ticked = Some(std::mem::take(&mut quoted)),
                    },
                    _ => {}
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    found.push(words);
    found.retain(|words| !words.is_empty());
    found
}

/// The words of a line, for finding paths and addresses among them.
pub(crate) fn all_words(line: &str) -> Vec<String> {
    match plain_words(line) {
        Some(words) => words,
        None => pieces(line).into_iter().flatten().collect(),
    }
}

/// The words of the lines that a shell among these words is given behind `-c`, the programs left out.
pub(crate) fn words_inside(argv: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut argv = argv.to_vec();
    for _ in 0..MAX_NESTING {
        let shell = argv
            .iter()
            .position(|word| SHELLS.contains(&bare_name(word)));
        let Some(line) = shell.and_then(|at| shell_line(argv.get(at + 1..)?)) else {
            break;
        };
        let words = all_words(line);
        found.extend(words.iter().skip(1).cloned());
        argv = words;
    }
    found
}

/// The line behind `-c` among a shell's arguments.
fn shell_line(rest: &[String]) -> Option<&String> {
    let at = rest
        .iter()
        .position(|word| word.starts_with('-') && word.contains('c'))?;
    let mut behind = rest.iter().skip(at + 1);
    behind.find(|word| !word.starts_with('-'))
}

/// The ways in which an argument list may be read.
pub fn argv_readings(argv: &[String]) -> Readings {
    let visible: Vec<String> = argv.iter().map(|word| visible(word)).collect();
    // A line break separates commands for a shell, so that what is suspected is read from the words as they are.
    let mut suspects = BTreeSet::new();
    suspect(argv, 0, &mut suspects);
    suspect(&visible, 0, &mut suspects);
    Readings::new(
        join(&visible),
        vec![join(argv)],
        suspects.into_iter().collect(),
    )
}

/// The word on one line and without what cannot be seen.
fn visible(word: &str) -> String {
    strip_invisible(&word.replace(['\n', '\r', '\t'], " ")).into_owned()
}

/// The ways in which a command line may be read: its words if it is a plain command, else what a shell is asked to run.
pub fn line_readings(line: &str) -> Readings {
    match plain_words(line) {
        Some(argv) => argv_readings(&argv),
        None => argv_readings(&["sh".to_owned(), "-c".to_owned(), line.to_owned()]),
    }
}

/// Adds the commands that `argv` may come down to: by the program's bare name, without wrappers, inside `-c`.
fn suspect(argv: &[String], depth: usize, suspects: &mut BTreeSet<String>) {
    // Which word begins the wrapped command (`timeout 5 rm`, `env A=1 rm`) is the wrapper's own grammar: try each.
    let begins = argv
        .first()
        .is_some_and(|word| WRAPPERS.contains(&bare_name(word)) || word.contains('='));
    let tried = if begins { MAX_WRAPPED } else { 1 };
    for skipped in 0..tried {
        let Some((program, rest)) = argv.get(skipped..).and_then(<[String]>::split_first) else {
            return;
        };
        let name = bare_name(program);
        let mut bare = vec![name.to_owned()];
        bare.extend_from_slice(rest);
        suspects.insert(join(argv.get(skipped..).unwrap_or_default()));
        suspects.insert(join(&bare));
        look_inside(name, rest, depth, suspects);
    }
}

/// The pieces of the line that a shell is given behind `-c`.
fn look_inside(name: &str, rest: &[String], depth: usize, suspects: &mut BTreeSet<String>) {
    if depth >= MAX_NESTING || !SHELLS.contains(&name) {
        return;
    }
    let Some(line) = shell_line(rest) else {
        return;
    };
    for piece in pieces(line) {
        // What was looked into once need not be again, so that repetition cannot make the search long.
        if !suspects.contains(&join(&piece)) {
            suspect(&piece, depth + 1, suspects);
        }
    }
}

fn bare_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}
