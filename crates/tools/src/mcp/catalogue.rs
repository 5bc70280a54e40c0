//! A server's tools: from the raw definitions to what plans see.

use super::config::ToolFacts;
use crate::Definition;
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
    facts: Facts,
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
            let said = said.get(own).copied().unwrap_or_default();
            let listed = Listed {
                definition: define(name.clone(), raw),
                facts: facts(said, raw.get("annotations").filter(|_| trusted)),
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

    pub(super) fn facts(&self, tool: &str) -> Facts {
        self.tools
            .get(tool)
            .map_or(Facts::WORST, |listed| listed.facts)
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
        },
        raw: raw.clone(),
    }
}

/// What the operator says, else what a trusted server says, else the worst.
fn facts(said: ToolFacts, annotations: Option<&Value>) -> Facts {
    let hint = |key: &str| annotations.and_then(|hints| hints.get(key)?.as_bool());
    let open = hint("openWorldHint");
    let effect = match (hint("readOnlyHint"), hint("destructiveHint")) {
        (Some(true), _) => Effect::Read,
        (_, Some(true)) => Effect::Delete,
        (_, Some(false)) if open == Some(false) => Effect::Write,
        (_, Some(false)) => Effect::Network,
        (_, None) => Facts::WORST.effect,
    };
    Facts {
        effect: said.effect.unwrap_or(effect),
        idempotent: said
            .idempotent
            .or_else(|| hint("idempotentHint"))
            .unwrap_or(Facts::WORST.idempotent),
        open_world: said.open_world.or(open).unwrap_or(Facts::WORST.open_world),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(said: ToolFacts, hints: Value, trusted: bool) -> Facts {
        let raw = [json!({"name": "t", "annotations": hints})];
        let said = BTreeMap::from([("t".to_owned(), said)]);
        Catalogue::read("s", &raw, &said, trusted).facts("s.t")
    }

    #[test]
    fn claims_count_only_where_they_are_trusted() {
        let harmless =
            json!({"readOnlyHint": true, "idempotentHint": true, "openWorldHint": false});
        let none = ToolFacts::default();
        assert_eq!(of(none, harmless.clone(), false), Facts::WORST);
        assert!(of(none, harmless.clone(), true).closed_world_read());
        assert_eq!(of(none, json!({}), true), Facts::WORST);
        assert_eq!(
            of(none, json!({"destructiveHint": true}), true).effect,
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
