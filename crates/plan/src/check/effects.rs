//! Steps with effects that no edge orders.

use super::reader::Reader;
use crate::{CheckedStep, ToolLookup, Violation, ViolationCode, model::Plan};

/// Notes each step with effects that may run at the same time as one above it that has effects too.
pub(super) fn unordered(
    reader: &mut Reader<'_>,
    plan: &Plan,
    base: &str,
    steps: &[CheckedStep],
    tools: &dyn ToolLookup,
) {
    if plan.constraints.sequential {
        return;
    }
    // Of each step, the steps that are settled before it starts: a bit set.
    let words = steps.len().div_ceil(64);
    let mut before: Vec<Vec<u64>> = Vec::with_capacity(steps.len());
    let mut with_effects: Vec<&CheckedStep> = Vec::new();
    for step in steps {
        let mut own = vec![0_u64; words];
        for &above in &step.order {
            for (word, theirs) in own.iter_mut().zip(before.get(above).into_iter().flatten()) {
                *word |= theirs;
            }
            if let Some(word) = own.get_mut(above / 64) {
                *word |= 1 << (above % 64);
            }
        }
        if has_effects(step, tools) {
            let free: Vec<&str> = with_effects
                .iter()
                .filter(|other| {
                    own.get(other.index / 64)
                        .is_some_and(|word| word & (1 << (other.index % 64)) == 0)
                })
                .map(|other| other.step.id.as_str())
                .collect();
            note(reader, step, base, &free);
            with_effects.push(step);
        }
        before.push(own);
    }
}

fn has_effects(step: &CheckedStep, tools: &dyn ToolLookup) -> bool {
    tools
        .facts(&step.step.tool, step.args.literal())
        .is_some_and(|facts| !facts.read_only())
}

fn note(reader: &mut Reader<'_>, step: &CheckedStep, base: &str, free: &[&str]) {
    let Some(first) = free.first() else { return };
    let others: Vec<String> = free.iter().take(3).map(|id| format!("`{id}`")).collect();
    let more = match free.len() {
        0..=3 => String::new(),
        count => format!(" and {} more", count - 3),
    };
    let message = format!(
        "`{}` has effects and may run at the same time as {}{more}, which have effects too",
        step.step.id,
        others.join(", "),
    );
    let pointer = format!("{base}/steps/{}", step.index);
    reader.note(
        Violation::new(ViolationCode::EffectsUnordered, pointer, message)
            .warning()
            .suggest(Some(format!(
                "name `{first}` under `after` if the order matters"
            ))),
    );
}
