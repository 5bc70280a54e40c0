//! What a tool is called on the wire: `server__tool`, in the letters and the length that every client and model takes.

use crate::own_tools::own_tool;
use mandate_plan::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// The longest name. Clients put their own prefix before it, and models take 64 characters in all.
const MOST: usize = 50;
/// How much of the digest a shortened name carries.
const SHORT: usize = 8;
/// The same where that is taken.
const LONG: usize = 24;

/// The name of a tool as it is, if every client takes it so.
fn plain(tool: &str) -> Option<String> {
    let (server, own) = tool.split_once('.')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let name = format!("{server}__{own}");
    let unmistakable = !server.contains("__") && !server.ends_with('_');
    (unmistakable && name.len() <= MOST && name.chars().all(fits)).then_some(name)
}

/// The tool's own name, if its server is one of those whose tools are called by that, and every client takes it.
fn own(tool: &str, bare: &BTreeSet<String>) -> Option<String> {
    let (server, own) = tool.split_once('.')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let taken = own.is_empty() || own_tool(own).is_some();
    (bare.contains(server) && !taken && own.len() <= MOST && own.chars().all(fits))
        .then(|| own.to_owned())
}

/// The name with so much of the digest over the tool's own name at its end.
fn digested(tool: &str, digits: usize) -> String {
    let digest = Digest::framed("mandate/mcp-name/v1", [tool.as_bytes()]).to_string();
    let digits: String = digest
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(digits)
        .collect();
    let room = MOST.saturating_sub(digits.len()).saturating_sub(1);
    let readable = tool.replacen('.', "__", 1);
    let letter = |c: char| match c.is_ascii_alphanumeric() || c == '_' || c == '-' {
        true => c,
        false => '_',
    };
    let head: String = readable.chars().map(letter).take(room).collect();
    format!("{head}_{digits}")
}

/// The name of a tool on the wire, where no other tool is beside it.
pub fn wire_name(tool: &str) -> String {
    plain(tool).unwrap_or_else(|| digested(tool, SHORT))
}

/// The names of some tools, there and back. No two tools share one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    by_name: BTreeMap<String, String>,
    by_tool: BTreeMap<String, String>,
}

impl Names {
    /// The names of these tools. Those of the servers in `bare` have their own names alone, where those are free.
    pub fn of<'a>(tools: impl IntoIterator<Item = &'a str>, bare: &BTreeSet<String>) -> Self {
        let tools: BTreeSet<&str> = tools.into_iter().collect();
        let mut this = Self::default();
        // Whoever needs no other name keeps its own, so that no server can take it by calling a tool like that.
        let rank = |tool: &&str| (own(tool, bare).is_some(), plain(tool).is_none());
        let mut ranked: Vec<&str> = tools.into_iter().collect();
        ranked.sort_by_key(rank);
        for tool in ranked {
            let candidates = [own(tool, bare), plain(tool), Some(digested(tool, SHORT))];
            let free =
                { candidates.into_iter().flatten() }.find(|name| !this.by_name.contains_key(name));
            let name = free.unwrap_or_else(|| digested(tool, LONG));
            this.by_tool.insert(tool.to_owned(), name.clone());
            this.by_name.insert(name, tool.to_owned());
        }
        this
    }

    /// The tool of that name; where there is none, what the name would stand for. A tool is called by its own name only:
    /// whatever else resembles it stands for nothing.
    pub fn tool(&self, name: &str) -> String {
        if let Some(tool) = self.by_name.get(name) {
            return tool.clone();
        }
        let meant = name.replacen("__", ".", 1);
        match self.by_tool.contains_key(&meant) {
            true => format!("wire:{name}"),
            false => meant,
        }
    }

    /// Whether a tool is called that.
    pub fn is_name(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The name of that tool.
    pub fn name(&self, tool: &str) -> String {
        match self.by_tool.get(tool) {
            Some(name) => name.clone(),
            None => wire_name(tool),
        }
    }

    /// The tools.
    pub fn tools(&self) -> impl Iterator<Item = &str> {
        self.by_tool.keys().map(String::as_str)
    }

    /// The names that do not say by themselves which tool they stand for.
    pub fn changed(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.by_name.iter();
        all.filter(|(name, tool)| plain(tool).as_ref() != Some(name))
            .map(|(name, tool)| (name.as_str(), tool.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_there_and_back() {
        let names = Names::of(["fs.read", "git.git_log", "a-b.c"], &BTreeSet::new());
        assert_eq!(names.name("fs.read"), "fs__read");
        assert_eq!(names.tool("git__git_log"), "git.git_log");
        assert_eq!(names.tool("a-b__c"), "a-b.c");
        assert_eq!(names.changed().count(), 0);
        assert_eq!(names.tool("never__seen"), "never.seen");
        assert_eq!(
            names.tool("fs.read"),
            "wire:fs.read",
            "that is no name on the wire"
        );
    }

    #[test]
    fn what_is_long_or_strange_is_shortened_and_stays_apart() {
        let long = format!("server.{}", "x".repeat(80));
        let longer = format!("server.{}", "x".repeat(81));
        let strange = ["server.a/b", "server.a.b", "server.a b", &long, &longer];
        let names = Names::of(strange, &BTreeSet::new());
        let mut seen = BTreeSet::new();
        for tool in strange {
            let name = names.name(tool);
            assert!(name.len() <= MOST, "{name}");
            assert!(
                name.chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
            );
            assert_eq!(names.tool(&name), tool);
            assert!(seen.insert(name));
        }
        assert_eq!(names.changed().count(), strange.len());
    }

    #[test]
    fn bare_names_are_those_of_one_server_and_take_none_that_others_have() {
        let bare = BTreeSet::from(["x".to_owned(), "y".to_owned()]);
        let names = Names::of(["x.go", "y.go", "x.fs__read", "x.status", "fs.read"], &bare);
        assert_eq!(names.name("x.go"), "go");
        assert_eq!(names.tool("go"), "x.go");
        assert_eq!(names.name("y.go"), "y__go");
        assert_eq!(
            names.name("fs.read"),
            "fs__read",
            "whoever has no other goes first"
        );
        assert_eq!(names.tool(&names.name("x.fs__read")), "x.fs__read");
        assert_ne!(
            names.name("x.status"),
            "status",
            "that is the gateway's own"
        );
        assert_eq!(names.tool(&names.name("x.status")), "x.status");
        let changed: Vec<&str> = names.changed().map(|(name, _)| name).collect();
        assert!(changed.contains(&"go"), "{changed:?}");
    }

    #[test]
    fn a_tool_cannot_take_the_name_of_another() {
        let strange = "server.a/b";
        let imitation = digested(strange, SHORT).replacen("__", ".", 1);
        let names = Names::of([strange, imitation.as_str()], &BTreeSet::new());
        assert_ne!(names.name(strange), names.name(&imitation));
        assert_eq!(names.tool(&names.name(strange)), strange);
        assert_eq!(names.tool(&names.name(&imitation)), imitation);
    }
}
