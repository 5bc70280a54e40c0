//! One place of a template that is not literal: what its value is made of.

use super::super::{placeholder::Part, references::References};

/// A string of the arguments that holds `${…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// Its JSON pointer in the arguments.
    pub pointer: String,
    /// What its expressions refer to, sensitive parts of outputs included; secrets are not among it.
    pub references: References,
    /// The literal text that it begins with.
    pub prefix: String,
    /// Whether the author wrote any part of it.
    pub literal: bool,
}

impl Hole {
    pub(super) fn new(pointer: &str, parts: &[Part]) -> Self {
        let mut texts = parts.iter().filter_map(Part::as_text);
        Self {
            pointer: pointer.to_owned(),
            references: References::default(),
            prefix: parts
                .first()
                .and_then(Part::as_text)
                .unwrap_or_default()
                .to_owned(),
            literal: texts.any(|text| !text.is_empty()),
        }
    }
}
