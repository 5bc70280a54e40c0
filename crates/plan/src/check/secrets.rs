//! Where secrets and sensitive outputs may stand.

use super::{assemble::Facts, reader::Reader};
use crate::{
    ViolationCode,
    document::child,
    expr::{References, Template},
    model::Step,
};

/// Servers whose tools keep, show or send on what they are given.
const NEVER: &[&str] = &["data.", "llm.", "human.", "plan."];

fn may_receive(tool: &str) -> bool {
    !NEVER.iter().any(|server| tool.starts_with(server))
}

impl Reader<'_> {
    /// Notes secrets in an argument of a tool that must not receive any.
    pub(super) fn secrets_for(&mut self, tool: &str, pointer: &str, template: &Template) {
        let holds = !template.secret_names().is_empty() || !template.secret_inputs().is_empty();
        if holds && !may_receive(tool) {
            let message = format!("`{tool}` must not receive secrets");
            self.error(ViolationCode::SecretMisplaced, pointer, message);
        }
    }

    /// Notes expressions that read what a step declares as sensitive. An argument that is one whole `${…}` may: `whole`
    /// gives the tool and the text of such a string.
    pub(super) fn sensitive_reads(
        &mut self,
        references: &References,
        pointer: &str,
        facts: &Facts<'_>,
        whole: Option<(&str, &str)>,
        own: Option<&Step>,
    ) {
        for path in &references.paths {
            let (step, rest) = match path.as_slice() {
                [root, id, field, rest @ ..] if root == "steps" && field == "output" => {
                    let step = facts.ids.top(id).and_then(|i| facts.plan.steps.get(i));
                    (step, rest)
                }
                [root, rest @ ..] if root == "output" => (own, rest),
                _ => continue,
            };
            let Some(step) = step else { continue };
            let read: String = rest
                .iter()
                .fold(String::new(), |pointer, token| child(&pointer, token));
            let hidden = step.sensitive.iter().any(|sensitive| {
                read.strip_prefix(sensitive.as_str())
                    .is_some_and(|below| below.is_empty() || below.starts_with('/'))
            });
            let whole = whole.is_some_and(|(tool, text)| {
                may_receive(tool) && stands_alone(text, &path.join("."))
            });
            if hidden && !whole {
                let message = format!(
                    "`{}` is sensitive: it may only be a whole `${{…}}` in the arguments of a tool that may receive secrets",
                    path.join(".")
                );
                self.error(ViolationCode::SecretMisplaced, pointer, message);
            }
        }
    }
}

/// Whether a string is nothing but the path in `${…}`.
fn stands_alone(text: &str, path: &str) -> bool {
    text.strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .is_some_and(|inner| inner.trim_ascii() == path)
}
