//! Layers on top of each other: a later source replaces what an earlier one said, or may only narrow it.

use super::{
    keys::Rule,
    layer::{Layer, Set},
    place::Place,
};
use crate::errors::Failure;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// What all layers together say.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    values: BTreeMap<Vec<String>, Value>,
    /// Where each value stands that counts, by its path joined by dots.
    pub(crate) places: BTreeMap<String, Place>,
}

impl Merged {
    /// A value and where it stands.
    pub(crate) fn get(&self, path: &str) -> Option<(&Value, &Place)> {
        let parts: Vec<String> = path.split('.').map(str::to_owned).collect();
        self.at(&parts)
    }

    /// The same by the path's parts, which may hold dots themselves.
    fn at(&self, path: &[String]) -> Option<(&Value, &Place)> {
        self.values.get(path).zip(self.places.get(&path.join(".")))
    }

    /// What stands directly beneath a section, by its path joined by dots.
    pub(crate) fn beneath(&self, section: &str) -> Vec<(String, &Value)> {
        self.values
            .iter()
            .filter(|(path, _)| path.len() == 2 && path.first().is_some_and(|it| it == section))
            .map(|(path, value)| (path.join("."), value))
            .collect()
    }

    /// Everything as one value.
    pub(crate) fn to_value(&self) -> Value {
        let mut whole = Map::new();
        for (path, value) in &self.values {
            insert(&mut whole, path, value);
        }
        Value::Object(whole)
    }
}

fn insert(map: &mut Map<String, Value>, path: &[String], value: &Value) {
    match path {
        [] => {}
        [name] => {
            map.insert(name.clone(), value.clone());
        }
        [name, rest @ ..] => {
            let inner = map
                .entry(name.clone())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// Puts the layers on top of each other, the earliest first.
///
/// # Errors
/// A layer that widens what an earlier one set.
pub(crate) fn merge(layers: Vec<Layer>) -> Result<Merged, Failure> {
    let mut merged = Merged::default();
    for layer in layers {
        let earlier_secrets = sources_of_secrets(&merged);
        for set in &layer.sets {
            if let Some((earlier, place)) = merged.at(&set.path)
                && !may_follow(set.key.rule, earlier, &set.value)
            {
                return Err(widens(set, place));
            }
            check_secret(set, &merged, &earlier_secrets)?;
        }
        for set in layer.sets {
            merged.places.insert(set.path.join("."), set.place);
            merged.values.insert(set.path, set.value);
        }
    }
    Ok(merged)
}

fn may_follow(rule: Rule, earlier: &Value, later: &Value) -> bool {
    let all = |fits: &dyn Fn(&Value, &Value) -> bool| match (earlier, later) {
        (Value::Array(earlier), Value::Array(later)) => later
            .iter()
            .all(|one| earlier.iter().any(|other| fits(other, one))),
        _ => false,
    };
    match rule {
        Rule::Replace => true,
        Rule::Same => earlier == later,
        Rule::On => *later == Value::Bool(true) || earlier == later,
        Rule::Off => *later == Value::Bool(false) || earlier == later,
        Rule::Within => all(&|earlier, later| is_beneath(earlier, later)),
        Rule::Refuse => later == "refuse" || earlier == later,
        Rule::Lower => later
            .as_u64()
            .zip(earlier.as_u64())
            .is_some_and(|(later, earlier)| later <= earlier),
        Rule::Fewer => all(&|earlier, later| earlier == later),
        // An empty list of roots means the project, wherever that is: it is not beneath anything.
        Rule::Beneath => {
            later.as_array().is_some_and(|roots| !roots.is_empty())
                && all(&|earlier, later| is_beneath(earlier, later))
        }
    }
}

/// By name, and by what the names lead to: a link within a root must not lead out of it.
fn is_beneath(above: &Value, path: &Value) -> bool {
    let Some((above, path)) = above.as_str().zip(path.as_str()) else {
        return false;
    };
    let real = |path: &str| std::fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    Path::new(path).starts_with(above) && real(path).starts_with(real(above))
}

fn widens(set: &Set, earlier: &Place) -> Failure {
    let name = set.path.join(".");
    Failure::config(format!(
        "{}: `{name}` was set at {earlier}; a later source may only {}",
        set.place,
        set.key.rule.as_str()
    ))
    .remedy(format!("change it at {earlier}, or leave it out here"))
}

type Source = (String, Value);

/// What secrets draw on, and the secret that does.
fn sources_of_secrets(merged: &Merged) -> Vec<(Source, String)> {
    let secrets = merged
        .values
        .iter()
        .filter_map(|(path, value)| match path.as_slice() {
            [section, name, source] if section == "secrets" && is_source(source) => {
                Some(((source.clone(), value.clone()), name.clone()))
            }
            _ => None,
        });
    secrets.collect()
}

fn is_source(key: &str) -> bool {
    matches!(key, "env" | "file" | "command")
}

/// An earlier source's secret keeps its source and cannot be had under another name.
fn check_secret(set: &Set, merged: &Merged, earlier: &[(Source, String)]) -> Result<(), Failure> {
    let [section, name, key] = set.path.as_slice() else {
        return Ok(());
    };
    if section != "secrets" || !is_source(key) {
        return Ok(());
    }
    let taken = earlier.iter().find(|((source, value), other)| {
        let alias = source == key && *value == set.value && other != name;
        let moved = other == name && (source != key || *value != set.value);
        alias || moved
    });
    let Some(((source, _), other)) = taken else {
        return Ok(());
    };
    let place = merged.places.get(&format!("secrets.{other}.{source}"));
    let place = place.map(ToString::to_string).unwrap_or_default();
    Err(Failure::config(format!(
        "{}: `{}` would give the secret `{other}` of {place} another name or source",
        set.place,
        set.path.join(".")
    ))
    .remedy(format!("use the secret `{other}`, or change it at {place}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn merged(texts: &[&str]) -> Result<Value, String> {
        let layers = texts
            .iter()
            .enumerate()
            .map(|(n, text)| Layer::parse(Path::new(&format!("/{n}/mandate.toml")), text).unwrap());
        merge(layers.collect())
            .map(|merged| merged.to_value())
            .map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn later_sources_replace_what_is_not_about_safety() {
        let both = merged(&[
            "[http]\ntimeout_ms = 1\nmax_bytes = 9",
            "[http]\ntimeout_ms = 2",
        ]);
        assert_eq!(
            both.unwrap(),
            json!({"http": {"timeout_ms": 2, "max_bytes": 9}})
        );
    }

    #[test]
    fn limits_go_down_only() {
        assert!(merged(&["[fs]\nmax_bytes = 10", "[fs]\nmax_bytes = 10"]).is_ok());
        assert!(merged(&["[fs]\nmax_bytes = 10", "[fs]\nmax_bytes = 9"]).is_ok());
        let wider = merged(&["[fs]\nmax_bytes = 10", "[fs]\nmax_bytes = 11"]).unwrap_err();
        assert_eq!(
            wider,
            "/1/mandate.toml:2:1: `fs.max_bytes` was set at /0/mandate.toml:2:1; a later source may only lower it"
        );
    }

    #[test]
    fn what_agents_may_do_is_narrowed_only() {
        let first = "[gateway]\nunplanned = \"refuse\"\nallow_unplanned = false\nagent_idle_ms = 9";
        for wrong in [
            "unplanned = \"ask\"",
            "allow_unplanned = true",
            "agent_idle_ms = 10",
        ] {
            assert!(
                merged(&[first, &format!("[gateway]\n{wrong}")]).is_err(),
                "{wrong}"
            );
        }
        let wide = "[gateway]\nunplanned = \"ask\"\nallow_unplanned = true";
        let narrowed = merged(&[
            wide,
            "[gateway]\nunplanned = \"refuse\"\nallow_unplanned = false",
        ]);
        assert_eq!(
            narrowed.unwrap(),
            json!({"gateway": {"unplanned": "refuse", "allow_unplanned": false}})
        );
    }

    #[test]
    fn what_is_said_of_a_servers_tools_is_only_repeated() {
        let first = "[mcpServers.s]\ncommand = \"a\"\ntools.t = { effect = \"network\" }";
        assert!(merged(&[first, first]).is_ok());
        for wrong in [
            "[mcpServers.s]\ncommand = \"a\"\ntools.t = { effect = \"network\", sinks = { to = \"none\" } }",
            "[mcpServers.s]\ntools.t.sinks = { to = \"none\" }",
            "[mcpServers.s]\ncommand = \"a\"\ntools.t = { effect = \"network\" }\ntrust_annotations = true",
            "mcpServers.s.tools.t.sinks.to = \"none\"",
        ] {
            assert!(merged(&[first, wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn roots_lie_beneath_earlier_roots() {
        let first = "[fs]\nroots = [\"/srv/a\"]";
        assert!(merged(&[first, "[fs]\nroots = [\"/srv/a/b\"]"]).is_ok());
        for wrong in ["/srv/ab", "/srv", "/srv/a/../b"] {
            assert!(
                merged(&[first, &format!("[fs]\nroots = [\"{wrong}\"]")]).is_err(),
                "{wrong}"
            );
        }
        assert!(merged(&[first, "[fs]\nroots = []"]).is_err());
    }

    #[test]
    fn a_secret_keeps_its_source_and_its_receivers() {
        let first = "[secrets.A]\nenv = \"X\"\ntools = [\"http.request\"]\nhosts = [\"a.example\"]";
        assert!(merged(&[first, "[secrets.A]\ntools = []"]).is_ok());
        assert!(merged(&[first, "[secrets.B]\nenv = \"Y\""]).is_ok());
        for wrong in [
            "[secrets.A]\nhosts = [\"b.example\"]",
            "[secrets.A]\nenv = \"Y\"",
            "[secrets.A]\nfile = \"/x\"",
            "[secrets.B]\nenv = \"X\"",
        ] {
            assert!(merged(&[first, wrong]).is_err(), "{wrong}");
        }
    }
}
