//! The committed files that come out of the code: written by `cargo xtask generate`, compared by `--check`.
//!
//! A generator is a function that returns pages and an entry in [`GENERATORS`]; nothing else needs to know of it.

mod cli;
mod errors;
mod openapi;
mod schema;
mod states;
mod violations;

use crate::Failure;
use crate::tree::Tree;
use crate::workspace::Workspace;
use std::fs;
use std::path::Path;

/// Whether files are written or only compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write what differs.
    Write,
    /// Compare, and fail on a difference.
    Check,
}

/// A file as it should be.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    /// The path from the root.
    path: String,
    /// The whole content.
    text: String,
}

struct Generator {
    /// The folder (ending in `/`) or file that belongs to this generator alone: what it does not write there is removed.
    owns: &'static str,
    pages: fn(&Workspace) -> Result<Vec<Page>, Failure>,
}

const GENERATORS: &[Generator] = &[
    Generator {
        owns: "docs/cli.md",
        pages: cli::pages,
    },
    Generator {
        owns: "docs/errors/",
        pages: errors::pages,
    },
    Generator {
        owns: "docs/openapi.json",
        pages: openapi::pages,
    },
    Generator {
        owns: "docs/plan.schema.json",
        pages: schema::pages,
    },
    Generator {
        owns: "docs/states.md",
        pages: states::pages,
    },
    Generator {
        owns: "docs/violations.md",
        pages: violations::pages,
    },
];

/// Runs every generator.
pub(crate) fn run(workspace: &Workspace, mode: Mode) -> Result<(), Failure> {
    let tree = Tree::read(workspace.root())?;
    let mut stale = 0;
    for generator in GENERATORS {
        let pages = (generator.pages)(workspace)?;
        for change in changes(generator.owns, &pages, &tree) {
            println!("{change}");
            stale += 1;
            if mode == Mode::Write {
                change.carry_out(workspace.root())?;
            }
        }
    }
    match mode {
        Mode::Check if stale > 0 => Err(Failure::Stale(stale)),
        _ => Ok(()),
    }
}

/// What has to happen to one file.
#[derive(Debug, PartialEq, Eq)]
enum Change<'a> {
    Write(&'a Page),
    Remove(&'a str),
}

fn changes<'a>(owns: &'a str, pages: &'a [Page], tree: &'a Tree) -> Vec<Change<'a>> {
    let differing = pages
        .iter()
        .filter(|page| tree.text(&page.path) != Some(page.text.as_str()))
        .map(Change::Write);
    let leftover = tree
        .files()
        .map(|(path, _)| path)
        .filter(move |path| path.starts_with(owns) && pages.iter().all(|page| page.path != *path))
        .map(Change::Remove);
    differing.chain(leftover).collect()
}

/// The text with a capital at its start, unless it starts with code.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|c| c.to_uppercase().to_string())
        .unwrap_or_default();
    first + characters.as_str()
}

impl Change<'_> {
    fn carry_out(&self, root: &Path) -> Result<(), Failure> {
        match self {
            Change::Write(page) => {
                let path = root.join(&page.path);
                let folder = path.parent().unwrap_or(root);
                fs::create_dir_all(folder)
                    .and_then(|()| fs::write(&path, &page.text))
                    .map_err(|source| Failure::File {
                        path: path.clone(),
                        source,
                    })
            }
            Change::Remove(path) => {
                let path = root.join(path);
                fs::remove_file(&path).map_err(|source| Failure::File { path, source })
            }
        }
    }
}

impl std::fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Change::Write(page) => write!(f, "{}: differs from what the code says", page.path),
            Change::Remove(path) => write!(f, "{path}: nothing generates it any more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, text: &str) -> Page {
        Page {
            path: path.into(),
            text: text.into(),
        }
    }

    #[test]
    fn differences_and_leftovers_are_found() {
        let tree = Tree::of([
            ("docs/x/same.md", "1"),
            ("docs/x/old.md", "1"),
            ("docs/x/gone.md", "1"),
        ]);
        let pages = [
            page("docs/x/same.md", "1"),
            page("docs/x/old.md", "2"),
            page("docs/x/new.md", "3"),
        ];
        let expected = [
            Change::Write(&pages[1]),
            Change::Write(&pages[2]),
            Change::Remove("docs/x/gone.md"),
        ];
        assert_eq!(changes("docs/x/", &pages, &tree), expected);
    }

    #[test]
    fn a_generator_removes_nothing_that_is_not_its_own() {
        let tree = Tree::of([("docs/y.md", "1")]);
        assert_eq!(changes("docs/x/", &[], &tree), []);
    }
}
