//! What the operator says of a tool's sensitive arguments: `sinks = { recipient_id = "recipient", note = "none" }`.

use mandate_policy::SinkKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an argument is, for the rules about data flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SinkWord {
    /// Who gets it.
    Recipient,
    /// Which address is reached.
    Url,
    /// Which file is touched.
    Path,
    /// What is executed.
    Command,
    /// How much.
    Amount,
    /// Nothing sensitive, whatever its name looks like.
    None,
}

impl SinkWord {
    fn as_str(self) -> &'static str {
        match self {
            SinkWord::Recipient => SinkKind::Recipient.as_str(),
            SinkWord::Url => SinkKind::Url.as_str(),
            SinkWord::Path => SinkKind::Path.as_str(),
            SinkWord::Command => SinkKind::Command.as_str(),
            SinkWord::Amount => SinkKind::Amount.as_str(),
            SinkWord::None => "none",
        }
    }
}

/// The words as `ToolLookup` gives them.
pub(crate) fn in_words(sinks: &BTreeMap<String, SinkWord>) -> BTreeMap<String, String> {
    let words = sinks.iter();
    words
        .map(|(argument, word)| (argument.clone(), word.as_str().to_owned()))
        .collect()
}
