//! The files of the repository, read once; rules work on this and never on the disk, so that a test can hand them a
//! small tree of its own.

use crate::Failure;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Folders that hold nothing of the project's own.
const LEFT_OUT: &[&str] = &["target", ".git", ".mandate", "node_modules"];

/// Endings of the files whose text the rules look at; of all others they see the name only.
const TEXT: &[&str] = &["rs", "md", "toml", "yaml", "yml", "json", "sh"];

/// What lies about and is not the project's: files that git is told to ignore. None where git does not answer.
fn ignored(root: &Path) -> Vec<String> {
    let args = [
        "ls-files",
        "-z",
        "--others",
        "--ignored",
        "--exclude-standard",
        "--exclude=/target",
    ];
    let output = Command::new("git").current_dir(root).args(args).output();
    let listed = output.map(|output| output.stdout).unwrap_or_default();
    let listed = String::from_utf8_lossy(&listed).into_owned();
    listed
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Path (from the root, with `/`) and text of every file.
#[derive(Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads every file beneath `root`.
    pub(crate) fn read(root: &Path) -> Result<Self, Failure> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        for path in ignored(root) {
            tree.files.remove(&path);
        }
        Ok(tree)
    }

    /// A tree for a test.
    #[cfg(test)]
    pub(crate) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        Self {
            files: files.into(),
        }
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> Result<(), Failure> {
        let failed = |source| Failure::File {
            path: folder.to_path_buf(),
            source,
        };
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if kind.is_dir() && !LEFT_OUT.contains(&name.as_str()) {
                self.read_folder(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_file() {
                let text = if TEXT.contains(&extension(&name)) {
                    let bytes = fs::read(entry.path()).map_err(|source| Failure::File {
                        path: entry.path(),
                        source,
                    })?;
                    String::from_utf8_lossy(&bytes).into_owned()
                } else {
                    String::new()
                };
                self.files.insert(path, text);
            }
        }
        Ok(())
    }

    /// Every file, in the order of the paths.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files with that ending.
    pub(crate) fn with_extension<'a>(
        &'a self,
        wanted: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files()
            .filter(move |(path, _)| extension(path) == wanted)
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether there is a file or a folder at the path.
    pub(crate) fn holds(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.keys().any(|file| file.starts_with(&folder))
    }
}

/// What stands behind the last dot of the path's last part.
pub(crate) fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, end)| end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_held_too() {
        let tree = Tree::of([("docs/errors/README.md", "")]);
        assert!(tree.holds("docs/errors"));
        assert!(tree.holds("docs/errors/"));
        assert!(!tree.holds("docs/err"));
    }

    #[test]
    fn an_extension_is_what_follows_the_last_dot() {
        assert_eq!(extension("a.b/plan.schema.json"), "json");
        assert_eq!(extension("a.b/LICENSE"), "");
    }
}
