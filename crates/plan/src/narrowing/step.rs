//! A step that both plans hold.

use super::{
    Findings,
    bounds::{Bound, at_most, note, only_on, retry},
    rules,
};
use crate::{checked::CheckedStep, model::Mode};

pub(super) fn step(old: &CheckedStep, new: &CheckedStep, mode: Mode, found: &mut Findings) {
    let (was, is) = (&*old.step, &*new.step);
    let id = &is.id;
    let place = |name: &str| format!("steps.{id}.{name}");
    rules::args(was, is, mode, found);
    rules::allow(was, is, mode, found);
    rules::deny(was, is, found);
    let bounds = [
        ("timeout_ms", at_most(was.timeout_ms, is.timeout_ms)),
        ("retry", retry(&old.retry, &new.retry)),
        (
            "max_invocations",
            at_most(Some(was.max_invocations), Some(is.max_invocations)),
        ),
        ("confirm", only_on(was.confirm, is.confirm)),
    ];
    for (name, bound) in bounds {
        note(found, Some(id), place(name), bound);
    }
    // Everything else is the same, fields that a later version adds among it.
    let mut expected = was.clone();
    expected.args.clone_from(&is.args);
    expected.allow.clone_from(&is.allow);
    expected.deny.clone_from(&is.deny);
    expected.timeout_ms = is.timeout_ms;
    expected.retry.clone_from(&is.retry);
    expected.max_invocations = is.max_invocations;
    expected.confirm = is.confirm;
    if let (Some(before), Some(after)) = (&mut expected.for_each, &is.for_each) {
        let most = at_most(Some(before.max_items), Some(after.max_items));
        note(found, Some(id), place("for_each.max_items"), most);
        if most != Bound::Wider {
            before.max_items = after.max_items;
        }
    }
    if expected == *is {
        return;
    }
    let (Ok(before), Ok(after)) = (serde_json::to_value(&expected), serde_json::to_value(is))
    else {
        return found.wider(Some(id), format!("steps.{id}"), "it is another one");
    };
    let mut named = false;
    for (key, value) in after.as_object().into_iter().flatten() {
        if before.get(key) != Some(value) {
            found.wider(Some(id), place(key), "it is another one");
            named = true;
        }
    }
    for key in before.as_object().into_iter().flat_map(|map| map.keys()) {
        if after.get(key).is_none() {
            found.wider(Some(id), place(key), "it is gone");
            named = true;
        }
    }
    if !named {
        found.wider(Some(id), format!("steps.{id}"), "it is another one");
    }
}
