//! Where policies lie, and the sets that they make. Each source of configuration has a set of its own, so that a later
//! one can only narrow what an earlier one says.

use super::{layer::Layer, merge::Merged};
use crate::{errors::Failure, render};
use mandate_policy::{Limits, Rules};
use mandate_rules::{Active, PolicyError, PolicySet, Source, load, starter::starter};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The folder beside `mandate.toml` that policies are looked for in.
pub(crate) const DIR_NAME: &str = "policies";
/// The definitions in a folder of policies.
const DEFINITIONS: &str = "policy.toml";
/// No text of a policy is longer.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Whether the policies are read with the other settings.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Policies<'a> {
    /// Not at all.
    Unread,
    /// Those of the configuration, and these.
    With(&'a [PathBuf]),
}

impl<'a> Policies<'a> {
    pub(super) fn further(self) -> &'a [PathBuf] {
        match self {
            Policies::Unread => &[],
            Policies::With(further) => further,
        }
    }
}

/// What one set is read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SetPaths {
    /// A folder with `*.cedar` and `policy.toml`.
    pub(crate) dir: Option<PathBuf>,
    /// Further files.
    pub(crate) files: Vec<PathBuf>,
}

impl SetPaths {
    /// A file or a folder.
    pub(crate) fn at(path: &Path) -> Self {
        match path.is_dir() {
            true => Self {
                dir: Some(path.to_owned()),
                files: Vec::new(),
            },
            false => Self {
                dir: None,
                files: vec![path.to_owned()],
            },
        }
    }

    /// Every path that the policy depends on.
    pub(crate) fn all(&self) -> Vec<PathBuf> {
        let beside = self.files.iter().filter_map(|file| file.parent());
        let beside = beside.map(|dir| dir.join(DEFINITIONS));
        let named = self.dir.iter().chain(&self.files).cloned();
        named.chain(beside).collect()
    }

    /// The texts: rules, then definitions.
    ///
    /// # Errors
    /// A path that cannot be read, or a folder without a policy.
    pub(crate) fn texts(&self) -> Result<(Vec<Source>, Vec<Source>), Failure> {
        let mut rules = Vec::new();
        let mut beside: Vec<PathBuf> = Vec::new();
        for file in &self.files {
            rules.push(file.clone());
            beside.extend(file.parent().map(|dir| dir.join(DEFINITIONS)));
        }
        if let Some(dir) = &self.dir {
            let found = cedar_files(dir).map_err(|error| unreadable(dir, &error))?;
            if found.is_empty() {
                let message = format!("there is no `*.cedar` in `{}`", dir.display());
                return Err(Failure::config(message)
                    .remedy("`mandate policy show --starter` prints one to begin with"));
            }
            rules.extend(found);
            beside.push(dir.join(DEFINITIONS));
        }
        rules.sort();
        rules.dedup();
        beside.sort();
        beside.dedup();
        beside.retain(|path| path.exists());
        let read = |paths: Vec<PathBuf>| -> Result<Vec<Source>, Failure> {
            paths.iter().map(|path| text(path)).collect()
        };
        Ok((read(rules)?, read(beside)?))
    }

    /// The set that they make, if nothing is wrong with it.
    ///
    /// # Errors
    /// A path that cannot be read.
    pub(crate) fn loaded(&self) -> Result<Result<PolicySet, Vec<PolicyError>>, Failure> {
        let (rules, definitions) = self.texts()?;
        Ok(load(&rules, &definitions))
    }
}

fn cedar_files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "cedar") && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn text(path: &Path) -> Result<Source, Failure> {
    let large = std::fs::metadata(path).is_ok_and(|about| about.len() > MAX_BYTES);
    if large {
        let message = format!("`{}` is larger than 4 MiB", path.display());
        return Err(Failure::config(message));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    Ok(Source::new(&path.display().to_string(), &text))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::config(format!(
        "cannot read the policy `{}`: {error}",
        path.display()
    ))
    .remedy("mend its path or its permissions; a policy that is named must be there")
}

/// The sets that the sources name, from the first source to the last, then those of `--policy`.
pub(super) fn sets(layers: &[Layer], further: &[PathBuf], here: &Path) -> Vec<SetPaths> {
    let mut sets = Vec::new();
    for layer in layers {
        let named = |key: &str| {
            let set = layer.sets.iter().find(|set| set.key.path == key);
            set.map(|set| &set.value)
        };
        let dir = named("policy.dir")
            .and_then(Value::as_str)
            .map(PathBuf::from);
        let files = named("policy.files").and_then(Value::as_array);
        let files = files.into_iter().flatten().filter_map(Value::as_str);
        let set = SetPaths {
            dir: dir.or_else(|| beside(layer.file.as_deref()?)),
            files: files.map(PathBuf::from).collect(),
        };
        if set != SetPaths::default() {
            sets.push(set);
        }
    }
    sets.extend(further.iter().map(|path| SetPaths::at(&here.join(path))));
    sets
}

/// `policies/` beside a configuration file, if there is a policy in it.
fn beside(file: &Path) -> Option<PathBuf> {
    let dir = file.parent()?.join(DIR_NAME);
    let found = cedar_files(&dir).is_ok_and(|files| !files.is_empty());
    found.then_some(dir)
}

/// The policy that these sets make; the starter set where only `--policy` or nothing names one.
///
/// # Errors
/// A policy that cannot be read, or in which something is wrong.
pub(super) fn active(
    paths: &[SetPaths],
    from_flags: usize,
    limits: Limits,
) -> Result<Active, Failure> {
    let mut sets = Vec::new();
    if paths.len() == from_flags {
        sets.push(starter());
    }
    for one in paths {
        sets.push(Arc::new(one.loaded()?.map_err(|wrong| broken(&wrong))?));
    }
    Ok(Active::new(sets, limits))
}

/// The policy that is asked beside the one in force.
#[derive(Debug)]
pub(crate) struct Shadow {
    pub(crate) path: PathBuf,
    /// It, or why it cannot be asked: that keeps nothing from running.
    pub(crate) rules: Result<Arc<dyn Rules>, String>,
}

/// The shadow, if one is named.
pub(super) fn shadow(merged: &Merged, limits: Limits) -> Option<Shadow> {
    let (value, _) = merged.get("policy.shadow")?;
    let path = PathBuf::from(value.as_str()?);
    let rules = match SetPaths::at(&path).loaded() {
        Ok(Ok(set)) => {
            let rules: Arc<dyn Rules> = Arc::new(Active::new(vec![Arc::new(set)], limits));
            Ok(rules)
        }
        Ok(Err(wrong)) => Err(broken(&wrong).message().to_owned()),
        Err(failure) => Err(failure.message().to_owned()),
    };
    Some(Shadow { path, rules })
}

/// What is wrong with a policy, shown where it stands.
pub(crate) fn broken(wrong: &[PolicyError]) -> Failure {
    let first = wrong.first().map(ToString::to_string).unwrap_or_default();
    let message = match wrong.len() {
        0 | 1 => format!("the policy cannot be used: {first}"),
        many => format!("the policy cannot be used, {many} mistakes: {first}"),
    };
    Failure::config(message)
        .with_violations(Vec::new(), render::policy::plain(wrong))
        .remedy("mend what is marked; `mandate policy check` looks again")
}
