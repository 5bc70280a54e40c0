//! What counts as narrower, and what does not.

use crate::support::check_yaml;
use mandate_plan::{CheckedPlan, Narrowing, narrows};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A plan with something of everything; the last steps can be left out.
fn base() -> Value {
    json!({
        "version": 1,
        "name": "narrowed",
        "inputs": { "to": { "type": "string" } },
        "constraints": {
            "timeout_ms": 60_000, "max_parallel": 4, "max_tool_calls": 40,
            "forbidden_paths": ["/etc/**"], "budget": { "cost_usd": 2.5 },
        },
        "invariants": [{ "id": "small", "check": "!succeeded(\"read\") || true", "on_violation": "ask" }],
        "steps": [
            { "id": "list", "tool": "fs.list", "args": { "path": "." } },
            {
                "id": "read", "tool": "fs.read", "args": { "path": "a" },
                "timeout_ms": 5_000, "retry": { "max_attempts": 3, "retry_on": ["TOOL_FAILED", "RATE_LIMITED"] },
            },
            {
                "id": "send", "tool": "http.request", "after": ["read"],
                "args": { "url": "https://example.com/${inputs.to}", "to": "${inputs.to}", "n": "${inputs.to}" },
                "allow": {
                    "urls": ["https://example.com/*", "https://example.org/*"],
                    "args": { "to": { "one_of": ["ann", "bob"] }, "n": { "min": 1, "max": 9 }, "url": { "glob": "https://**" } },
                },
                "deny": { "urls": ["https://example.com/admin"], "args": { "body": { "any": true } } },
            },
            { "id": "each", "tool": "data.value", "after": ["list"], "for_each": { "in": "[1, 2]", "max_items": 10 } },
            {
                "id": "write", "tool": "fs.write", "after": ["read"], "args": { "path": "out", "content": "x" },
                "confirm": true, "compensate": { "tool": "fs.delete", "args": { "path": "out" } },
            },
            { "id": "last", "tool": "data.value", "after": ["write"], "if": "succeeded(\"write\")" },
        ],
        "finally": [{ "id": "tidy", "tool": "data.value" }],
    })
}

fn checked(document: &Value) -> Option<Arc<CheckedPlan>> {
    check_yaml(&document.to_string()).plan
}

fn edited(edit: impl FnOnce(&mut Value)) -> Value {
    let mut document = base();
    edit(&mut document);
    document
}

fn compare(old: &Value, new: &Value) -> Result<Narrowing, Vec<String>> {
    let (old, new) = (
        checked(old).unwrap_or_else(|| panic!("{old}")),
        checked(new).unwrap_or_else(|| panic!("{new}")),
    );
    narrows(&old, &new).map_err(|found| found.iter().map(ToString::to_string).collect())
}

type Edit = fn(&mut Value);

/// Edits that narrow, each with what is said of it.
const NARROWER: &[(&str, Edit)] = &[
    ("constraints.timeout_ms", |p| {
        p["constraints"]["timeout_ms"] = json!(59_999)
    }),
    ("constraints.max_parallel", |p| {
        p["constraints"]["max_parallel"] = json!(1)
    }),
    ("constraints.max_tool_calls", |p| {
        p["constraints"]["max_tool_calls"] = json!(39)
    }),
    ("constraints.forbidden_paths", |p| {
        p["constraints"]["forbidden_paths"] = json!(["/etc/**", "/root/**"]);
    }),
    ("constraints.forbidden_urls", |p| {
        p["constraints"]["forbidden_urls"] = json!(["http://**"])
    }),
    ("constraints.budget.cost_usd", |p| {
        p["constraints"]["budget"]["cost_usd"] = json!(2)
    }),
    ("constraints.budget.model_tokens", |p| {
        p["constraints"]["budget"]["model_tokens"] = json!(5)
    }),
    ("invariants.small", |p| {
        p["invariants"][0]["on_violation"] = json!("halt")
    }),
    ("invariants.more", |p| {
        p["invariants"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "id": "more", "check": "true" }));
    }),
    ("steps.read.timeout_ms", |p| {
        p["steps"][1]["timeout_ms"] = json!(4_000)
    }),
    ("steps.list.timeout_ms", |p| {
        p["steps"][0]["timeout_ms"] = json!(4_000)
    }),
    ("steps.read.retry", |p| {
        p["steps"][1]["retry"]["max_attempts"] = json!(1)
    }),
    ("steps.read.retry", |p| {
        p["steps"][1]["retry"]["retry_on"] = json!(["RATE_LIMITED"])
    }),
    ("steps.send.allow.urls", |p| {
        p["steps"][2]["allow"]["urls"] = json!(["https://example.org/*"])
    }),
    ("steps.send.allow.paths", |p| {
        p["steps"][2]["allow"]["paths"] = json!([])
    }),
    ("steps.send.allow.args.to", |p| {
        p["steps"][2]["allow"]["args"]["to"] = json!({ "equals": "bob" })
    }),
    ("steps.send.allow.args.n", |p| {
        p["steps"][2]["allow"]["args"]["n"] = json!({ "min": 2, "max": 9 })
    }),
    ("steps.send.allow.args.n", |p| {
        p["steps"][2]["allow"]["args"]["n"] = json!({ "one_of": [1, 9] })
    }),
    ("steps.send.allow.args.url", |p| {
        p["steps"][2]["allow"]["args"]["url"] = json!({ "equals": "https://example.com/x" });
    }),
    ("steps.send.args.to", |p| {
        p["steps"][2]["args"]["to"] = json!("ann")
    }),
    ("steps.send.args.n", |p| {
        p["steps"][2]["args"]["n"] = json!(9)
    }),
    ("steps.send.args.url", |p| {
        p["steps"][2]["args"]["url"] = json!("https://example.com/x")
    }),
    ("steps.send.deny.urls", |p| {
        p["steps"][2]["deny"]["urls"] =
            json!(["https://example.com/admin", "https://example.com/b"]);
    }),
    ("steps.send.deny.args.x", |p| {
        p["steps"][2]["deny"]["args"]["x"] = json!({ "any": true })
    }),
    ("steps.send.confirm", |p| {
        p["steps"][2]["confirm"] = json!(true)
    }),
    ("steps.each.for_each.max_items", |p| {
        p["steps"][3]["for_each"]["max_items"] = json!(9)
    }),
];

/// Edits that ask for more, or could.
const WIDER: &[Edit] = &[
    |p| p["name"] = json!("another"),
    |p| p["constraints"]["timeout_ms"] = json!(60_001),
    |p| p["constraints"]["max_parallel"] = json!(5),
    |p| p["constraints"]["max_tool_calls"] = json!(41),
    |p| p["constraints"]["forbidden_paths"] = json!([]),
    |p| p["constraints"]["forbidden_paths"] = json!(["/etc/*"]),
    |p| drop(p["constraints"].as_object_mut().unwrap().remove("budget")),
    |p| p["constraints"]["budget"]["cost_usd"] = json!(2.6),
    |p| p["priority"] = json!(1),
    |p| p["invariants"] = json!([]),
    |p| p["invariants"][0]["check"] = json!("true"),
    |p| p["inputs"]["to"] = json!({}),
    |p| p["mode"] = json!("hybrid"),
    |p| p["outputs"] = json!({ "all": "steps.read.output" }),
    |p| p["finally"] = json!([]),
    |p| p["finally"][0]["args"] = json!({ "x": 1 }),
    |p| p["retry"] = json!({ "max_attempts": 2 }),
    |p| p["steps"][0]["args"]["path"] = json!(".."),
    |p| p["steps"][0]["tool"] = json!("fs.read"),
    |p| p["steps"][0]["args"]["limit"] = json!(5),
    |p| p["steps"][1]["timeout_ms"] = json!(5_001),
    |p| drop(p["steps"][1].as_object_mut().unwrap().remove("timeout_ms")),
    |p| p["steps"][1]["retry"]["max_attempts"] = json!(4),
    |p| p["steps"][1]["retry"]["retry_on"] = json!([]),
    |p| p["steps"][1]["retry"]["backoff_ms"] = json!(1),
    |p| p["steps"][1]["on_failure"] = json!("skip"),
    |p| drop(p["steps"][2].as_object_mut().unwrap().remove("allow")),
    |p| drop(p["steps"][2].as_object_mut().unwrap().remove("deny")),
    |p| p["steps"][2]["allow"]["urls"] = json!(["https://example.com/*", "https://**"]),
    // Within, but patterns are compared for equality only.
    |p| p["steps"][2]["allow"]["urls"] = json!(["https://example.com/a*"]),
    |p| {
        drop(
            p["steps"][2]["allow"]
                .as_object_mut()
                .unwrap()
                .remove("urls"),
        )
    },
    |p| {
        drop(
            p["steps"][2]["allow"]["args"]
                .as_object_mut()
                .unwrap()
                .remove("to"),
        )
    },
    |p| p["steps"][2]["allow"]["args"]["to"] = json!({ "one_of": ["ann", "eve"] }),
    |p| p["steps"][2]["allow"]["args"]["to"] = json!({ "glob": "ann" }),
    |p| p["steps"][2]["allow"]["args"]["n"] = json!({ "min": 0, "max": 9 }),
    |p| p["steps"][2]["allow"]["args"]["n"] = json!({ "min": 1 }),
    |p| p["steps"][2]["allow"]["args"]["n"] = json!({ "any": true }),
    |p| p["steps"][2]["allow"]["args"]["url"] = json!({ "glob": "https://*" }),
    |p| p["steps"][2]["args"]["to"] = json!("eve"),
    |p| p["steps"][2]["args"]["n"] = json!(10),
    |p| p["steps"][2]["args"]["url"] = json!("http://example.com/x"),
    |p| p["steps"][2]["args"]["to"] = json!("${inputs.to + \"x\"}"),
    |p| p["steps"][2]["args"]["body"] = json!("ann"),
    |p| drop(p["steps"][2]["args"].as_object_mut().unwrap().remove("to")),
    |p| p["steps"][2]["deny"]["urls"] = json!([]),
    |p| p["steps"][2]["deny"]["args"] = json!({}),
    |p| p["steps"][2]["deny"]["args"]["body"] = json!({ "equals": 1 }),
    |p| p["steps"][2]["after"] = json!([]),
    |p| p["steps"][2]["depends_on"] = json!(["read"]),
    |p| p["steps"][3]["for_each"]["in"] = json!("[1, 2, 3]"),
    |p| p["steps"][3]["for_each"]["max_items"] = json!(11),
    |p| p["steps"][3]["for_each"]["on_item_failure"] = json!("continue"),
    |p| p["steps"][4]["confirm"] = json!(false),
    |p| drop(p["steps"][4].as_object_mut().unwrap().remove("compensate")),
    |p| p["steps"][4]["compensate"]["args"]["path"] = json!("other"),
    |p| p["steps"][4]["sensitive"] = json!(["/x"]),
    |p| drop(p["steps"][5].as_object_mut().unwrap().remove("if")),
    |p| p["steps"][5]["if"] = json!("true"),
    |p| {
        p["steps"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "id": "new", "tool": "data.value", "after": [] }))
    },
    |p| p["steps"].as_array_mut().unwrap().swap(0, 1),
    // What came after it comes after another one now.
    |p| {
        drop(p["steps"].as_array_mut().unwrap().remove(4));
        p["steps"][4]["after"] = json!(["read"]);
        p["steps"][4]["if"] = json!("true");
    },
];

#[test]
fn each_edit_that_narrows_is_seen_as_such_and_named() {
    for (number, (place, edit)) in NARROWER.iter().enumerate() {
        let new = edited(edit);
        let found =
            compare(&base(), &new).unwrap_or_else(|found| panic!("{number} {place}: {found:?}"));
        assert_eq!(found.tightened, [*place], "{number}");
        assert!(found.removed.is_empty());
        // And back is wider.
        assert!(compare(&new, &base()).is_err(), "{number} {place}");
    }
}

#[test]
fn no_edit_that_asks_for_more_passes() {
    let no_plan = |edit: &&Edit| checked(&edited(*edit)).is_none();
    let useless: Vec<String> = WIDER
        .iter()
        .filter(no_plan)
        .map(|edit| {
            let new = edited(edit);
            format!("{new}\n{:?}\n", check_yaml(&new.to_string()).violations)
        })
        .collect();
    assert!(useless.is_empty(), "{}", useless.join("\n"));
    for (number, edit) in WIDER.iter().enumerate() {
        let new = edited(edit);
        let found = compare(&base(), &new).expect_err(&format!("edit {number}: {new}"));
        assert!(!found.is_empty());
    }
}

#[test]
fn a_step_that_nothing_kept_comes_after_can_be_left_out() {
    let without = |ids: &[&str]| {
        edited(|p| {
            let steps = p["steps"].as_array_mut().unwrap();
            steps.retain(|step| !ids.contains(&step["id"].as_str().unwrap()));
        })
    };
    for ids in [
        &["last"][..],
        &["send"],
        &["each"],
        &["list", "each"],
        &["write", "last", "send"],
    ] {
        // `read` has no `after`: it comes after everything above it.
        let expected = !ids.contains(&"list");
        let found = compare(&base(), &without(ids));
        assert_eq!(found.is_ok(), expected, "{ids:?} {found:?}");
        if let Ok(found) = found {
            let mut removed: Vec<&str> = found.removed.iter().map(String::as_str).collect();
            let mut ids = ids.to_vec();
            removed.sort_unstable();
            ids.sort_unstable();
            assert_eq!(removed, ids);
        }
    }
    // An expression of what is kept names it.
    let mut old = base();
    old["outputs"] = json!({ "sent": "steps.?send.orValue(null)" });
    if checked(&old).is_some() {
        let mut new = old.clone();
        new["steps"]
            .as_array_mut()
            .unwrap()
            .retain(|step| step["id"] != "send");
        if checked(&new).is_some() {
            assert!(compare(&old, &new).is_err());
        }
    }
}

#[test]
fn in_agent_mode_a_rule_opens_an_argument() {
    let agent = |allow: Value, args: Value| {
        json!({
            "version": 1, "name": "agent", "mode": "agent",
            "steps": [{ "id": "a", "tool": "data.value", "args": args, "allow": { "args": allow } }],
        })
    };
    let old = agent(
        json!({ "to": { "one_of": ["ann", "bob"] } }),
        json!({ "x": 1 }),
    );
    for (allow, args, narrower) in [
        (
            json!({ "to": { "equals": "ann" } }),
            json!({ "x": 1 }),
            true,
        ),
        (json!({}), json!({ "x": 1, "to": "ann" }), true),
        (
            json!({ "to": { "one_of": ["ann", "bob"] } }),
            json!({ "x": 1, "to": "bob" }),
            true,
        ),
        (json!({}), json!({ "x": 1, "to": "eve" }), false),
        (json!({}), json!({ "x": 1, "to": "${1}" }), false),
        (
            json!({ "to": { "one_of": ["ann", "bob"] }, "y": { "equals": 1 } }),
            json!({ "x": 1 }),
            false,
        ),
        (json!({ "to": { "any": true } }), json!({ "x": 1 }), false),
    ] {
        let new = agent(allow, args);
        assert_eq!(compare(&old, &new).is_ok(), narrower, "{new}");
    }
}

/// All of these edits, one after the other.
fn with(edits: &[Edit]) -> Value {
    let mut document = base();
    for edit in edits {
        edit(&mut document);
    }
    document
}

fn some_narrower() -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec(prop::sample::select(NARROWER), 0..6)
        .prop_map(|picked| picked.into_iter().map(|(_, edit)| edit).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn narrowing_is_reflexive_and_transitive(first in some_narrower(), second in some_narrower()) {
        let (a, b) = (base(), with(&first));
        let c = with(&[first.clone(), second.clone()].concat());
        // Two edits together can contradict each other.
        prop_assume!(checked(&b).is_some() && checked(&c).is_some());
        let plans = [&a, &b, &c].map(|document| checked(document).unwrap());
        for plan in &plans {
            prop_assert_eq!(narrows(plan, plan), Ok(Narrowing::default()));
        }
        let (ab, bc) = (narrows(&plans[0], &plans[1]), narrows(&plans[1], &plans[2]));
        prop_assert!(ab.is_ok(), "{ab:?}");
        if bc.is_ok() {
            let ac = narrows(&plans[0], &plans[2]);
            prop_assert!(ac.is_ok(), "{ac:?}");
        }
    }

    #[test]
    fn one_wider_edit_among_narrower_ones_is_never_narrowing(
        before in some_narrower(),
        wider in prop::sample::select(WIDER),
    ) {
        let edits = [before, vec![wider]].concat();
        let new = with(&edits);
        // Some edits take away what another one made, or give no plan.
        prop_assume!(checked(&new).is_some());
        let old = checked(&base()).unwrap();
        prop_assert!(narrows(&old, &checked(&new).unwrap()).is_err(), "{new}");
    }

    /// Whatever value is put wherever: two plans narrow each other only if they mean the same.
    #[test]
    fn any_one_change_is_wider_in_at_least_one_direction(place in any::<prop::sample::Index>(), value in leaf()) {
        let mut new = base();
        let mut pointers = Vec::new();
        leaves(&new, String::new(), &mut pointers);
        let pointer = &pointers[place.index(pointers.len())];
        *new.pointer_mut(pointer).unwrap() = value;
        if let Some(new) = checked(&new) {
            let old = checked(&base()).unwrap();
            if old.plan() != new.plan() {
                let both = narrows(&old, &new).is_ok() && narrows(&new, &old).is_ok();
                prop_assert!(!both, "{pointer}");
            }
        }
    }
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        (0_i64..100_000).prop_map(Value::from),
        prop::sample::select(vec![
            "ann",
            "halt",
            "ask",
            "true",
            "fs.read",
            "read",
            "a",
            "https://example.com/x",
            "${inputs.to}"
        ])
        .prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
    ]
}

fn leaves(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            let map: &Map<String, Value> = map;
            for (key, value) in map {
                leaves(value, format!("{pointer}/{key}"), found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                leaves(value, format!("{pointer}/{index}"), found);
            }
        }
        _ => found.push(pointer),
    }
}
