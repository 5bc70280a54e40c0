//! What an agent asks for with a key of its own, where nobody wrote a policy: people who approve answer, and it never does.

use crate::office::{ACTS, Office};

const MISMATCH: &str = "APPROVER_MISMATCH";

/// The agent's plan, which waits for its approval.
fn waits(office: &Office, plan: &str) {
    office.project.write("plan.yaml", plan);
    office.run("bot", &["run", "plan.yaml"]).exits(4);
}

fn approve(office: &Office, who: &str) -> crate::project::Ran {
    office.run(who, &["approvals", "approve", "@last", "--json"])
}

#[test]
fn a_plan_of_an_agent_is_approved_by_people_with_keys() {
    let office = Office::new();
    waits(&office, ACTS);
    let said = office
        .run("bot", &["evaluate", "plan.yaml", "--json"])
        .json();
    assert_eq!(
        said["decision"]["approvers"][0], "requester or other",
        "{said}"
    );
    // Its own yes counts for nothing, also when it is said at once.
    office.run("bot", &["run", "plan.yaml", "--yes"]).exits(3);
    for wrong in ["bot", "", "eve", "vic"] {
        let refused = approve(&office, wrong).exits(3).json();
        assert_eq!(refused["error"]["code"], MISMATCH, "{wrong}: {refused}");
    }
    assert_eq!(office.ledger(), "");
    approve(&office, "bob").exits(0);
    office
        .project
        .run(&["executions", "continue", "@last"])
        .exits(0);
    assert_eq!(office.ledger(), "first\n");
    let replayed = office.project.run(&["executions", "replay", "@last"]);
    assert!(replayed.exits(0).stdout.starts_with("identical: "));
}

#[test]
fn whoever_has_no_agent_answers_for_themselves_as_ever() {
    let office = Office::new();
    office.project.write("plan.yaml", ACTS);
    office.run("", &["run", "plan.yaml"]).exits(4);
    for wrong in ["bob", "root", "bot"] {
        let refused = approve(&office, wrong).exits(3).json();
        assert_eq!(refused["error"]["code"], MISMATCH, "{wrong}: {refused}");
    }
    approve(&office, "").exits(0);
}

#[test]
fn questions_and_confirmations_of_an_agents_plan_can_be_answered() {
    let office = Office::new();
    // What policy lets pass, so that only the step is asked about.
    office.project.write(
        "policies/all.cedar",
        "@id(\"test/all\") permit (principal, action == Action::\"Call\", resource);\n",
    );
    let asks = "version: 1\nname: asks\nsteps:\n  \
        - {id: q, tool: human.ask, args: {question: 'Go?', choices: [go, halt]}}\n  \
        - {id: act, tool: process.exec, confirm: true, args: {argv: [sh, -c, 'echo called >> ledger']}}\n";
    waits(&office, asks);
    for choice in ["go", "approve"] {
        let answer = |who: &str| office.run(who, &["inbox", "answer", "@last", choice, "--json"]);
        for wrong in ["bot", "", "eve"] {
            let refused = answer(wrong).exits(3).json();
            assert_eq!(refused["error"]["code"], MISMATCH, "{wrong}: {refused}");
        }
        answer("bob").exits(0);
        if choice == "go" {
            office
                .project
                .run(&["executions", "continue", "@last"])
                .exits(4);
        }
    }
    office.goes_on_and_acts();
}
