//! What is said of a key of `mandate.toml`: its type, and how a later source may change it.

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A path; relative ones start at the file's directory.
    Path,
    /// Paths.
    Paths,
    /// Text.
    Text,
    /// Texts.
    Texts,
    /// A whole number, zero or more.
    Number,
    /// True or false.
    Flag,
    /// A table that is kept as it is; who uses it knows its keys.
    Table,
}

impl Shape {
    /// The shape in words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Shape::Path => "path",
            Shape::Paths => "list of paths",
            Shape::Text => "text",
            Shape::Texts => "list of texts",
            Shape::Number => "whole number",
            Shape::Flag => "flag, true or false",
            Shape::Table => "table",
        }
    }
}

/// What a later source may do with what an earlier one set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Replace it.
    Replace,
    /// Set a smaller number.
    Lower,
    /// Leave entries out.
    Fewer,
    /// Name directories beneath.
    Beneath,
    /// Name paths beneath, or fewer.
    Within,
    /// Switch it on.
    On,
    /// Switch it off.
    Off,
    /// Say `refuse`.
    Refuse,
    /// Say the same again.
    Same,
}

impl Rule {
    /// The rule in words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Rule::Replace => "replace it",
            Rule::Lower => "lower it",
            Rule::Fewer => "leave entries out",
            Rule::Beneath => "name directories beneath",
            Rule::Within => "name paths beneath, or leave entries out",
            Rule::On => "switch it on",
            Rule::Off => "switch it off",
            Rule::Refuse => "set it to `refuse`",
            Rule::Same => "only repeat it",
        }
    }
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// The path, joined by dots; `*` stands for a name that the user chooses.
    pub(crate) path: &'static str,
    pub(crate) shape: Shape,
    pub(crate) rule: Rule,
    /// As it would be written.
    pub(crate) default: &'static str,
    pub(crate) about: &'static str,
}

pub(super) const fn key(
    path: &'static str,
    shape: Shape,
    rule: Rule,
    default: &'static str,
    about: &'static str,
) -> Key {
    Key {
        path,
        shape,
        rule,
        default,
        about,
    }
}
