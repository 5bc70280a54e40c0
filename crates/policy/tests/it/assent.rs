//! Who counts as which approver, alone and as one of several.

use mandate_policy::{
    Approver, Assent, Principal,
    assent::{satisfies, unmet},
    principal::{is_principal, is_role},
};

fn by(name: &str, roles: &str) -> Assent {
    let keyed = roles != "-";
    let principal = Principal {
        name: name.to_owned(),
        key: keyed.then(|| format!("key-{name}")),
        roles: roles
            .split(',')
            .filter(|_| keyed)
            .map(str::to_owned)
            .collect(),
    };
    Assent::of(&principal, "cli", 0)
}

fn approver(text: &str) -> Approver {
    text.parse().unwrap()
}

#[test]
fn one_person_counts_for_what_they_are() {
    // Who asked is `ada`. Columns: `requester`, `other`, `role:sre`, `role:agent`.
    let table = [
        ("ada", "-", [true, false, false, false]),
        ("ada", "approver,sre", [true, false, false, false]),
        ("ada", "agent", [false, false, false, false]),
        ("bob", "-", [false, false, false, false]),
        ("bob", "viewer", [false, false, false, false]),
        (
            "bob",
            "submitter,operator,auditor",
            [false, false, false, false],
        ),
        ("bob", "approver", [false, true, false, false]),
        ("bob", "admin", [false, true, false, false]),
        ("bob", "sre", [false, false, true, false]),
        ("bob", "approver,sre", [false, true, true, false]),
        ("bob", "agent,approver,sre", [false, false, false, false]),
        ("local:0", "-", [false, false, false, false]),
    ];
    let columns = ["requester", "other", "role:sre", "role:agent"];
    for (name, roles, expected) in table {
        for (column, expected) in columns.iter().zip(expected) {
            let found = by(name, roles).counts_as(&approver(column), "ada");
            assert_eq!(found, expected, "{name} with {roles} as {column}");
        }
    }
}

#[test]
fn several_are_different_people() {
    let two = approver("2 of role:sre");
    let (bob, eve) = (by("bob", "sre"), by("eve", "sre,approver"));
    for (assents, enough) in [
        (vec![], false),
        (vec![bob.clone()], false),
        (vec![bob.clone(), bob.clone()], false),
        (vec![bob.clone(), by("bob", "sre,approver")], false),
        (vec![bob.clone(), by("ada", "sre")], false),
        (vec![bob.clone(), by("bot", "agent,sre")], false),
        (vec![bob.clone(), by("joe", "lead")], false),
        (vec![bob.clone(), eve.clone()], true),
    ] {
        assert_eq!(satisfies(&assents, &two, "ada"), enough, "{assents:?}");
    }
    // Each rule is looked at by itself: one person may be what several ask for.
    let rules = Approver::list("2 of role:sre, other, requester").unwrap();
    let texts = |assents: &[Assent]| -> Vec<String> {
        unmet(&rules, assents, "ada")
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(
        texts(std::slice::from_ref(&bob)),
        ["2 of role:sre", "other", "requester"]
    );
    assert_eq!(texts(&[bob.clone(), eve.clone()]), ["requester"]);
    assert!(texts(&[bob, eve, by("ada", "-")]).is_empty());
}

#[test]
fn of_several_ways_one_is_enough() {
    let rule = approver("requester or 2 of role:sre");
    let (bob, eve) = (by("bob", "sre"), by("eve", "sre"));
    for (assents, enough) in [
        (vec![], false),
        (vec![by("ada", "-")], true),
        (vec![bob.clone()], false),
        (vec![bob.clone(), eve.clone()], true),
        (vec![by("joe", "approver"), by("ada", "agent")], false),
    ] {
        assert_eq!(satisfies(&assents, &rule, "ada"), enough, "{assents:?}");
    }
    assert!(bob.counts_as(&rule, "ada") && !by("joe", "approver").counts_as(&rule, "ada"));
}

#[test]
fn for_an_agent_somebody_else_answers_and_never_it() {
    let agents = ["agent".to_owned(), "submitter".to_owned()];
    let rule = approver("requester").where_asked_with(&agents);
    assert_eq!(rule, approver("requester or other"));
    for (name, roles, enough) in [
        ("bot", "agent", false),
        ("bot", "agent,approver,admin", false),
        ("twin", "agent,admin", false),
        ("bob", "approver", true),
        ("root", "admin", true),
        ("ops", "operator", false),
        ("vic", "viewer", false),
        ("local:0", "-", false),
        // Whoever has a key beside that of their agent, under one name, is the one who asked.
        ("bot", "submitter", true),
    ] {
        let said = [by(name, roles)];
        assert_eq!(satisfies(&said, &rule, "bot"), enough, "{name} {roles}");
    }
    for (text, roles) in [
        ("other", agents.as_slice()),
        ("role:sre", &agents),
        ("2 of other", &agents),
        ("requester or role:sre", &agents),
        ("requester", &[]),
        ("requester", &["submitter".to_owned()]),
    ] {
        assert_eq!(approver(text).where_asked_with(roles), approver(text));
    }
}

#[test]
fn approvers_are_read_as_they_are_written() {
    for text in [
        "requester",
        "other",
        "role:sre",
        "2 of other",
        "3 of role:on-call_2",
        "requester or other",
        "2 of role:sre or role:lead or requester",
    ] {
        assert_eq!(approver(text).to_string(), text);
    }
    assert_eq!(approver("1 of role:sre"), approver("role:sre"));
    for text in [
        "",
        "Other",
        "role:",
        "role:SRE",
        "role:a b",
        "0 of other",
        "17 of other",
        "2 of requester",
        "2 of 2 of other",
        "-1 of other",
        "2 of",
        "two of other",
        "other,",
        "all",
        "requester or",
        " or other",
        "requester or or other",
        "requester or anybody",
        "other or role:",
        &["other"; 17].join(" or "),
    ] {
        assert!(text.parse::<Approver>().is_err(), "{text}");
    }
    assert!(Approver::list("other,,requester").is_err());
    assert!(Approver::list("").is_err());
}

#[test]
fn no_name_is_that_of_a_user_of_this_machine() {
    for bad in [
        "local:0",
        "",
        "Ann",
        "a b",
        "-a",
        "a/b",
        "ann\u{202e}",
        &"a".repeat(65),
    ] {
        assert!(!is_principal(bad) && !is_role(bad), "{bad}");
    }
    assert!(is_principal("ann.smith") && !is_role("ann.smith"));
    assert!(is_role("on-call"));
}
