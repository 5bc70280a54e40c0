//! A server's tools: from the raw definitions to what plans see.

use super::config::ToolFacts;
use crate::{Definition, FactsFrom, ToolLock, sink::in_words};
use mandate_plan::{Digest, Effect, Facts, ToolSpec};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The tools of one server, by the names that plans use.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    tools: BTreeMap<String, Listed>,
}

#[derive(Debug)]
struct Listed {
    definition: Definition,
    /// What the operator says of it.
    said: ToolFacts,
    /// What the server says of it, where it is trusted.
    claimed: ToolFacts,
}

impl Catalogue {
    /// Reads raw definitions. What has no name, or a name that came before, is left out.
    pub(super) fn read(
        server: &str,
        raw: &[Value],
        said: &BTreeMap<String, ToolFacts>,
        trusted: bool,
    ) -> Self {
        let mut tools = BTreeMap::new();
        for raw in raw {
            let Some(own) = raw
                .get("name")
                .and_then(Value::as_str)
                .filter(|name| !name.is_empty())
            else {
                tracing::warn!(%server, "a tool without a name is left out");
                continue;
            };
            let name = format!("{server}.{own}");
            if tools.contains_key(&name) {
                tracing::warn!(%server, tool = %own, "a second tool of that name is left out");
                continue;
            }
            let listed = Listed {
                definition: define(name.clone(), raw),
                said: said.get(own).cloned().unwrap_or_default(),
                claimed: claimed(raw.get("annotations").filter(|_| trusted)),
            };
            tools.insert(name, listed);
        }
        for own in said.keys() {
            if !raw.is_empty() && !tools.contains_key(&format!("{server}.{own}")) {
                tracing::warn!(%server, tool = %own, "the configuration names a tool that the server does not have");
            }
        }
        Self { tools }
    }

    pub(super) fn definitions(&self) -> Vec<Definition> {
        self.tools
            .values()
            .map(|listed| listed.definition.clone())
            .collect()
    }

    /// The names that plans use.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tools.keys().map(String::as_str)
    }

    /// What the operator says, then what was said when the definition was accepted, then what a trusted server says, else
    /// the worst.
    pub(super) fn facts(&self, tool: &str, lock: &ToolLock) -> Facts {
        let Some(listed) = self.tools.get(tool) else {
            return Facts::WORST;
        };
        let accepted = lock.facts(tool, &listed.definition.spec.digest);
        let all = [&listed.said, &accepted, &listed.claimed];
        let first =
            |fact: &dyn Fn(&ToolFacts) -> Option<bool>| all.iter().find_map(|one| fact(one));
        Facts {
            effect: all
                .iter()
                .find_map(|one| one.effect)
                .unwrap_or(Facts::WORST.effect),
            idempotent: first(&|one| one.idempotent).unwrap_or(Facts::WORST.idempotent),
            open_world: first(&|one| one.open_world).unwrap_or(Facts::WORST.open_world),
        }
    }

    /// What the operator says of its sensitive arguments.
    pub(super) fn sinks(&self, tool: &str) -> BTreeMap<String, String> {
        let listed = self.tools.get(tool);
        listed.map_or_else(BTreeMap::new, |listed| in_words(&listed.said.sinks))
    }

    /// Where the effect among them comes from.
    pub(super) fn facts_from(&self, tool: &str, lock: &ToolLock) -> FactsFrom {
        let Some(listed) = self.tools.get(tool) else {
            return FactsFrom::Default;
        };
        let accepted = lock.facts(tool, &listed.definition.spec.digest);
        match (&listed.said.effect, accepted.effect, listed.claimed.effect) {
            (Some(_), _, _) => FactsFrom::Configuration,
            (None, Some(_), _) => FactsFrom::Accepted,
            (None, None, Some(_)) => FactsFrom::Server,
            (None, None, None) => FactsFrom::Default,
        }
    }

    pub(super) fn digest(&self, tool: &str) -> Option<Digest> {
        self.tools
            .get(tool)
            .map(|listed| listed.definition.spec.digest)
    }

    /// Whether these are the same tools, by their definitions.
    pub(super) fn same(&self, other: &Self) -> bool {
        let digests = |catalogue: &Self| -> Vec<Digest> {
            let tools = catalogue.tools.values();
            tools.map(|listed| listed.definition.spec.digest).collect()
        };
        digests(self) == digests(other)
    }
}

fn define(name: String, raw: &Value) -> Definition {
    let text = |key: &str| {
        raw.get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let description = text("description").or_else(|| text("title"));
    Definition {
        spec: ToolSpec {
            name,
            description: description.unwrap_or_default().to_owned(),
            input_schema: raw
                .get("inputSchema")
                .cloned()
                .unwrap_or_else(|| json!({ "type": "object" })),
            output_schema: raw.get("outputSchema").filter(|it| !it.is_null()).cloned(),
            digest: Digest::of_json(raw),
            engine_handled: false,
            external: false,
        },
        raw: raw.clone(),
    }
}

/// What a trusted server says.
fn claimed(annotations: Option<&Value>) -> ToolFacts {
    let hint = |key: &str| annotations.and_then(|hints| hints.get(key)?.as_bool());
    let open = hint("openWorldHint");
    let effect = match (hint("readOnlyHint"), hint("destructiveHint")) {
        (Some(true), _) => Some(Effect::Read),
        (_, Some(true)) => Some(Effect::Delete),
        (_, Some(false)) if open == Some(false) => Some(Effect::Write),
        (_, Some(false)) => Some(Effect::Network),
        (_, None) => None,
    };
    ToolFacts {
        effect,
        idempotent: hint("idempotentHint"),
        open_world: open,
        ..ToolFacts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(said: ToolFacts, hints: Value, trusted: bool) -> Facts {
        let raw = [json!({"name": "t", "annotations": hints})];
        let said = BTreeMap::from([("t".to_owned(), said)]);
        Catalogue::read("s", &raw, &said, trusted).facts("s.t", &ToolLock::default())
    }

    #[test]
    fn what_the_operator_says_of_arguments_is_known_by_the_plans_name_of_the_tool() {
        let said: ToolFacts =
            serde_json::from_value(json!({ "sinks": { "entry": "recipient", "to": "none" } }))
                .unwrap();
        let said = BTreeMap::from([("t".to_owned(), said)]);
        let raw = [json!({ "name": "t" }), json!({ "name": "u" })];
        let catalogue = Catalogue::read("s", &raw, &said, false);
        let words = [("entry", "recipient"), ("to", "none")];
        let words = words.map(|(name, word)| (name.to_owned(), word.to_owned()));
        assert_eq!(catalogue.sinks("s.t"), BTreeMap::from(words));
        assert!(catalogue.sinks("s.u").is_empty());
        assert!(serde_json::from_value::<ToolFacts>(json!({ "sinks": { "x": "who" } })).is_err());
    }

    #[test]
    fn claims_count_only_where_they_are_trusted() {
        let harmless =
            json!({"readOnlyHint": true, "idempotentHint": true, "openWorldHint": false});
        let none = ToolFacts::default();
        assert_eq!(of(none.clone(), harmless.clone(), false), Facts::WORST);
        assert!(of(none.clone(), harmless.clone(), true).closed_world_read());
        assert_eq!(of(none.clone(), json!({}), true), Facts::WORST);
        assert_eq!(
            of(none.clone(), json!({"destructiveHint": true}), true).effect,
            Effect::Delete
        );
        assert_eq!(
            of(none, json!({"destructiveHint": false}), true).effect,
            Effect::Network
        );
        let said = ToolFacts {
            effect: Some(Effect::Network),
            idempotent: Some(false),
            open_world: Some(true),
            ..ToolFacts::default()
        };
        assert_eq!(
            of(said, harmless, true),
            Facts {
                effect: Effect::Network,
                idempotent: false,
                open_world: true
            }
        );
    }

    #[test]
    fn the_digest_covers_what_nobody_here_understands() {
        let read = |raw: Value| {
            let all = Catalogue::read("s", &[raw], &BTreeMap::new(), false);
            all.digest("s.t").unwrap()
        };
        let plain = read(json!({"name": "t"}));
        assert_ne!(plain, read(json!({"name": "t", "execution": {"x": 1}})));
        assert_ne!(plain, read(json!({"name": "t", "annotations": {}})));
        assert_eq!(plain, read(json!({"name": "t"})));
    }

    #[test]
    fn broken_and_second_definitions_are_left_out() {
        let raw = [
            json!({"name": "a.b", "title": "T"}),
            json!({"name": "a.b"}),
            json!({"description": "no name"}),
            json!(3),
        ];
        let all = Catalogue::read("s", &raw, &BTreeMap::new(), false).definitions();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].spec.name, "s.a.b");
        assert_eq!(all[0].spec.description, "T");
        assert_eq!(all[0].spec.input_schema, json!({"type": "object"}));
    }
}
