//! Text of the configuration with placeholders in it: `Bearer ${secrets.API_TOKEN}`.

use super::SecretValue;
use std::collections::{BTreeMap, BTreeSet};

/// Text with the places of secrets in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SecretText(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Secret(String),
}

impl SecretText {
    /// Splits the text at its placeholders; what stands between them goes through `plain`.
    ///
    /// # Errors
    /// What `plain` gives.
    pub(crate) fn read<E>(
        text: &str,
        plain: impl Fn(&str) -> Result<String, E>,
    ) -> Result<Self, E> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${secrets.") {
            let Some((name, behind)) = after.split_once('}') else {
                break;
            };
            parts.push(Part::Text(plain(before)?));
            parts.push(Part::Secret(name.to_owned()));
            rest = behind;
        }
        parts.push(Part::Text(plain(rest)?));
        Ok(Self(parts))
    }

    /// The names of its secrets.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let names = self.0.iter().filter_map(|part| match part {
            Part::Secret(name) => Some(name.clone()),
            Part::Text(_) => None,
        });
        names.collect()
    }

    /// As it was written, placeholders in place of secrets.
    pub(crate) fn shown(&self) -> String {
        self.join(|name| format!("${{secrets.{name}}}"))
    }

    /// With the values in it. All that [`SecretText::names`] gives must be there.
    pub(crate) fn with(&self, values: &BTreeMap<String, SecretValue>) -> String {
        self.join(|name| {
            let value = values.get(name).map(SecretValue::expose);
            value.unwrap_or_default().to_owned()
        })
    }

    fn join(&self, secret: impl Fn(&str) -> String) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Secret(name) => secret(name),
        });
        parts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{SecretText, SecretValue};
    use std::collections::BTreeMap;

    #[test]
    fn placeholders_are_places_and_nothing_else_is() {
        let read =
            |text: &str| SecretText::read(text, |plain| Ok::<_, ()>(plain.to_uppercase())).unwrap();
        let values = BTreeMap::from([(
            "A".to_owned(),
            SecretValue::new("A", "value-${secrets.B}").unwrap(),
        )]);
        let text = read("bearer ${secrets.A}, ${secrets.A}${x}");
        assert_eq!(text.names().into_iter().collect::<Vec<_>>(), ["A"]);
        assert_eq!(text.shown(), "BEARER ${secrets.A}, ${secrets.A}${X}");
        assert_eq!(
            text.with(&values),
            "BEARER value-${secrets.B}, value-${secrets.B}${X}"
        );
        assert_eq!(read("a ${secrets.A").shown(), "A ${SECRETS.A");
        assert!(read("a").names().is_empty());
    }
}
