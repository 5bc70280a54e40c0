//! What plans call a server.

use super::McpServerConfig;
use std::collections::{BTreeMap, BTreeSet};

/// The server names of the built-in tools, and those that are kept for them.
pub const RESERVED_SERVERS: &[&str] = &[
    "data", "fs", "http", "human", "llm", "mandate", "plan", "process", "time",
];
/// The longest server name.
const MAX_LENGTH: usize = 32;

/// A server that has no name of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerNameError {
    /// The name belongs to the built-in tools.
    #[error("`{name}` is reserved for built-in tools; add `alias = \"{proposal}\"` to `{entry}`")]
    Reserved {
        /// The entry.
        entry: String,
        /// The name.
        name: String,
        /// One that could be used.
        proposal: String,
    },
    /// Another entry has it.
    #[error(
        "`{entry}` and {other} are both called `{name}` in plans; add `alias = \"{proposal}\"` to `{entry}`"
    )]
    Taken {
        /// The entry.
        entry: String,
        /// Who has it.
        other: String,
        /// The name.
        name: String,
        /// One that could be used.
        proposal: String,
    },
    /// It cannot be a name.
    #[error(
        "`{name}` cannot be a server's name: a lower-case letter first, then lower-case letters, digits and `-`, at most 32; add `alias = \"{proposal}\"` to `{entry}`"
    )]
    Malformed {
        /// The entry.
        entry: String,
        /// What was given.
        name: String,
        /// One that could be used.
        proposal: String,
    },
}

/// Finds each entry's name in plans. `own` are the servers of the operator's own tools.
///
/// # Errors
/// An entry that needs an alias.
pub fn server_names(
    servers: &BTreeMap<String, McpServerConfig>,
    own: &BTreeSet<String>,
) -> Result<BTreeMap<String, String>, ServerNameError> {
    // An alias is a choice: entries without one give way.
    let (chosen, derived): (Vec<_>, Vec<_>) = servers
        .iter()
        .partition(|(_, config)| config.alias.is_some());
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (key, config) in chosen.into_iter().chain(derived) {
        let entry = format!("mcpServers.{key}");
        let name = config.alias.clone().unwrap_or_else(|| normalised(key));
        let free = |name: &str| {
            is_name(name)
                && !RESERVED_SERVERS.contains(&name)
                && !own.contains(name)
                && !names.contains_key(name)
        };
        if !free(&name) {
            let proposal = propose(&name, free);
            return Err(if !is_name(&name) {
                ServerNameError::Malformed {
                    entry,
                    name,
                    proposal,
                }
            } else if RESERVED_SERVERS.contains(&name.as_str()) {
                ServerNameError::Reserved {
                    entry,
                    name,
                    proposal,
                }
            } else {
                let other = names.get(&name).map_or_else(
                    || "a tool in `[[tools]]`".to_owned(),
                    |key| format!("`mcpServers.{key}`"),
                );
                ServerNameError::Taken {
                    entry,
                    other,
                    name,
                    proposal,
                }
            });
        }
        names.insert(name, key.clone());
    }
    Ok(names)
}

/// Whether it can stand before the dot of a tool's name.
pub(crate) fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && name.len() <= MAX_LENGTH
}

fn normalised(key: &str) -> String {
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    key.chars().map(fit).collect()
}

/// A free name that resembles this one.
fn propose(name: &str, free: impl Fn(&str) -> bool) -> String {
    let letters: String = normalised(name)
        .trim_start_matches(|c: char| !c.is_ascii_lowercase())
        .chars()
        .take(MAX_LENGTH - "-server-99".len())
        .collect();
    let stem = match letters.trim_end_matches('-') {
        "" => "server",
        stem => stem,
    };
    let numbered = (2..100).map(|n| format!("{stem}-server-{n}"));
    [stem.to_owned(), format!("{stem}-server")]
        .into_iter()
        .chain(numbered)
        .find(|name| free(name))
        .unwrap_or_else(|| "server".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(entries: &[(&str, Option<&str>)]) -> Result<Vec<(String, String)>, String> {
        let servers = entries.iter().map(|(key, alias)| {
            let config = McpServerConfig {
                alias: alias.map(str::to_owned),
                ..McpServerConfig::default()
            };
            ((*key).to_owned(), config)
        });
        server_names(&servers.collect(), &BTreeSet::from(["crm".to_owned()]))
            .map(|names| names.into_iter().collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn keys_become_names() {
        let named = names(&[("GitHub_Enterprise", None), ("x", Some("time-server"))]).unwrap();
        let pairs: Vec<_> = named
            .iter()
            .map(|(name, key)| (name.as_str(), key.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("github-enterprise", "GitHub_Enterprise"),
                ("time-server", "x")
            ]
        );
    }

    #[test]
    fn what_cannot_be_a_name_gets_a_proposal_that_can() {
        for (entries, proposal) in [
            (&[("time", None)][..], "time-server"),
            (
                &[("Time", None), ("x", Some("time-server"))],
                "time-server-2",
            ),
            (&[("Git", None), ("git", None)], "git-server"),
            (&[("crm", None)], "crm-server"),
            (&[("1password", None)], "password"),
            (&[("文", None)], "server"),
            (&[("a", Some("Bad Name"))], "bad-name"),
            (
                &[("a-very-long-name-that-nobody-can-remember", None)],
                "a-very-long-name-that",
            ),
        ] {
            let error = names(entries).unwrap_err();
            assert!(
                error.contains(&format!("alias = \"{proposal}")),
                "{error} should propose {proposal}"
            );
            assert!(is_name(proposal));
        }
    }
}
