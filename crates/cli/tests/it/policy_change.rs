//! Another policy while executions are unfinished, and single calls that pass a deny, through the binary.

use crate::project::Ran;
use crate::site::Site;

const ASKS: &str = "@id(\"asks\")\n@decision(\"require_approval\")\n\
    permit (principal, action == Action::\"Call\", resource);\n";

const PLAN: &str = "version: 1
name: witnessed
constraints: {sequential: true}
steps:
  - {id: a, tool: process.exec, args: {argv: [sh, -c, 'echo a >> ledger']}}
  - {id: b, tool: process.exec, args: {argv: [sh, -c, 'echo b >> ledger']}}
  - {id: c, tool: process.exec, args: {argv: [sh, -c, 'echo c >> ledger']}}
";

fn denies(step: &str, annotation: &str) -> String {
    format!(
        "{ASKS}@id(\"no-{step}\")\n{annotation}\nforbid (principal, action == Action::\"Call\", resource)\n\
         when {{ context.moment == \"call\" && context.step == \"{step}\" }};\n"
    )
}

fn site(configuration: &str) -> Site {
    let site = Site::configured(configuration);
    std::fs::create_dir(site.path("policies")).unwrap();
    site.write("policies/own.cedar", ASKS);
    site.write("plan.yaml", PLAN);
    site
}

fn ledger(site: &Site) -> Vec<String> {
    site.content("ledger").lines().map(str::to_owned).collect()
}

/// An approved execution of which nothing has run, and that nobody drives.
fn held(site: &Site) {
    site.run(&["freeze"]).exits(0);
    site.run(&["run", "plan.yaml", "--yes"]).exits(4);
    site.run(&["thaw"]).exits(0);
}

fn carried_on(site: &Site) -> Ran {
    site.run(&["executions", "continue", "@last", "--json"])
}

fn kinds(site: &Site, stream: &[&str]) -> String {
    site.run(stream).exits(0).stdout
}

#[test]
fn what_a_later_policy_denies_is_blocked_when_it_is_reached() {
    let site = site("");
    held(&site);
    site.write("policies/own.cedar", denies("c", ""));
    let ran = carried_on(&site);
    assert_eq!(ran.json()["error"]["code"], "POLICY_DENIED", "{ran:#?}");
    assert_eq!(ledger(&site), ["a", "b"]);
    let events = kinds(&site, &["executions", "events", "@last", "--json"]);
    assert!(events.contains("policy_changed"), "{events}");
    let exported = kinds(&site, &["audit", "export"]);
    assert_eq!(
        exported.matches("policy_activated").count(),
        2,
        "{exported}"
    );
    site.assert_intact();
    let replayed = site.run(&["executions", "replay", "@last"]).exits(0);
    assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
}

#[test]
fn a_pinned_execution_keeps_the_policy_that_it_began_with() {
    let site = site("[policy]\non_change = \"pin\"\n");
    held(&site);
    site.write("policies/own.cedar", denies("c", ""));
    let ran = carried_on(&site);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert_eq!(ledger(&site), ["a", "b", "c"]);
    // What begins now is judged by the new one.
    let ran = site.run(&["run", "plan.yaml", "--yes", "--json"]);
    assert_eq!(ran.json()["error"]["code"], "POLICY_DENIED", "{ran:#?}");
    site.assert_intact();
}

#[test]
fn what_is_asked_is_asked_as_the_policy_says_that_is_in_force() {
    let site = site("");
    site.run(&["run", "plan.yaml"]).exits(4);
    let first = site.run(&["approvals", "list", "--json"]).json();
    site.write(
        "policies/own.cedar",
        ASKS.replace("@id", "@approvers(\"other\")\n@id"),
    );
    assert_eq!(carried_on(&site).code, 4);
    let asked = site.run(&["approvals", "list", "--json"]).json();
    assert_ne!(asked, first);
    let refused = site.run(&["approvals", "approve", "@last", "--json"]);
    assert!(refused.stdout.contains("APPROVER_MISMATCH"), "{refused:#?}");
    assert_eq!(ledger(&site), Vec::<String>::new());
    // And where nobody is to be asked any more, it begins.
    site.write(
        "policies/own.cedar",
        ASKS.replace("@decision(\"require_approval\")\n", ""),
    );
    let ran = carried_on(&site);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert_eq!(ledger(&site), ["a", "b", "c"]);
    site.assert_intact();
    site.run(&["executions", "replay", "@last"]).exits(0);
}

#[test]
fn a_plan_that_is_denied_meanwhile_never_begins() {
    let site = site("");
    site.run(&["run", "plan.yaml"]).exits(4);
    site.run(&["approvals", "approve", "@last"]).exits(0);
    site.write(
        "policies/own.cedar",
        denies("c", "").replace("context.moment == \"call\" && ", ""),
    );
    let ran = carried_on(&site);
    assert_eq!(ran.json()["error"]["code"], "POLICY_DENIED", "{ran:#?}");
    assert_eq!(ledger(&site), Vec::<String>::new());
    site.assert_intact();
}

#[test]
fn an_override_lets_one_call_pass_once() {
    let site = site("");
    site.write("policies/own.cedar", denies("c", ""));
    let ran = site.run(&["run", "plan.yaml", "--yes", "--json"]);
    assert_eq!(ran.json()["error"]["code"], "POLICY_DENIED", "{ran:#?}");
    let ended = site.run(&["executions", "override", "@last", "c", "--reason", "late"]);
    assert_eq!(ended.code, 1, "{ended:#?}");

    site.run(&["executions", "rerun", "@last"]).exits(4);
    let other = site.run(&["executions", "override", "@last", "nope", "--reason", "x"]);
    assert_ne!(other.code, 0, "{other:#?}");
    site.run(&["executions", "override", "@last", "c", "--reason", "agreed"])
        .exits(0);
    site.run(&["approvals", "approve", "@last"]).exits(0);
    let ran = carried_on(&site);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert_eq!(ledger(&site), ["a", "b", "c"]);
    let events = kinds(&site, &["executions", "events", "@last"]);
    assert!(
        events.contains("override_granted") && events.contains("agreed"),
        "{events}"
    );
    // The log says who, over what, by which policy, with what outcome; and comes in pages.
    let log = |args: &[&str]| {
        let args = [&["audit", "log", "--json"], args].concat();
        site.run(&args).exits(0).json()
    };
    let all = log(&["--limit", "500"]);
    let entries = all["entries"].as_array().unwrap();
    let oldest = |kind: &str| entries.iter().rfind(|it| it["kind"] == kind).unwrap();
    let of = oldest;
    let granted = of("override_granted");
    assert!(granted["principal"].is_string(), "{granted:#}");
    assert!(granted["summary"].as_str().unwrap().contains("agreed"));
    assert_eq!(granted["args_digest"].as_str().unwrap().len(), 64);
    assert_eq!(of("request_answered")["outcome"], "approve", "{all:#}");
    assert!(of("request_answered")["channel"].is_string(), "{all:#}");
    assert_eq!(of("step_blocked")["outcome"], "POLICY_DENIED", "{all:#}");
    assert_eq!(of("execution_finished")["outcome"], "failure", "{all:#}");
    assert_eq!(
        of("policy_activated")["policy_version"]
            .as_str()
            .unwrap()
            .len(),
        64
    );
    let newest_first =
        |it: &[serde_json::Value]| it.is_sorted_by(|a, b| a["gseq"].as_u64() > b["gseq"].as_u64());
    assert!(newest_first(entries), "{all:#}");
    let (mut paged, mut page) = (Vec::new(), log(&["--limit", "3"]));
    loop {
        paged.extend(page["entries"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_u64() else {
            break;
        };
        page = log(&["--limit", "3", "--after", &next.to_string()]);
    }
    assert_eq!(paged, *entries);
    let since = log(&["--limit", "500", "--since", "1h"]);
    assert_eq!(since["entries"], all["entries"]);
    let system = log(&["--execution", "system", "--kind", "policy_activated"]);
    let expected = entries.iter().filter(|it| it["kind"] == "policy_activated");
    assert!(
        expected.eq(system["entries"].as_array().unwrap()),
        "{system:#}"
    );
    let nobody = log(&["--principal", "nobody"]);
    assert_eq!(nobody["entries"], serde_json::json!([]));
    let one = log(&["--kind", "override_granted", "--execution", "@last"]);
    assert_eq!(one["entries"].as_array().unwrap().len(), 1, "{one:#}");
    let text = kinds(&site, &["audit", "log", "--since", "1h"]);
    assert!(
        text.contains("override_granted") && text.contains("agreed") && text.contains("CHANNEL"),
        "{text}"
    );
    let answered = text.lines().find(|line| line.contains("request_answered"));
    assert!(answered.unwrap().contains("  cli  "), "{text}");
    site.assert_intact();
    site.run(&["executions", "replay", "@last"]).exits(0);
}

#[test]
fn an_absolute_rule_is_never_passed() {
    let site = site("");
    site.write("policies/own.cedar", denies("c", "@absolute"));
    site.run(&["run", "plan.yaml"]).exits(4);
    site.run(&["executions", "override", "@last", "c", "--reason", "agreed"])
        .exits(0);
    site.run(&["approvals", "approve", "@last"]).exits(0);
    let ran = carried_on(&site);
    assert_eq!(ran.json()["error"]["code"], "POLICY_DENIED", "{ran:#?}");
    assert_eq!(ledger(&site), ["a", "b"]);
    site.assert_intact();
}

#[test]
fn an_override_is_used_up_by_one_attempt() {
    let site = site("");
    site.write("policies/own.cedar", denies("c", ""));
    let failing = "'echo c >> ledger; exit 3']}, retry: {max_attempts: 2, retry_on: [TOOL_FAILED], backoff_ms: 1}}";
    site.write("plan.yaml", PLAN.replace("'echo c >> ledger']}}", failing));
    site.run(&["run", "plan.yaml"]).exits(4);
    site.run(&["executions", "override", "@last", "c", "--reason", "agreed"])
        .exits(0);
    site.run(&["approvals", "approve", "@last"]).exits(0);
    let ran = carried_on(&site);
    assert_eq!(ran.json()["error"]["code"], "POLICY_DENIED", "{ran:#?}");
    assert_eq!(ledger(&site), ["a", "b", "c"]);
}

#[test]
fn no_override_passes_a_freeze() {
    let site = site("");
    site.write("policies/own.cedar", denies("a", ""));
    site.run(&["freeze"]).exits(0);
    site.run(&["run", "plan.yaml", "--yes"]).exits(4);
    site.run(&["executions", "override", "@last", "a", "--reason", "agreed"])
        .exits(0);
    assert_eq!(carried_on(&site).code, 4);
    assert_eq!(ledger(&site), Vec::<String>::new());
    // Bound to the call that was seen, and it waits for the thaw as everything does.
    site.run(&["thaw"]).exits(0);
    assert_eq!(carried_on(&site).code, 0);
    assert_eq!(ledger(&site), ["a", "b", "c"]);
}

/// A revision that waits for its approval is judged by the policy in force, as a plan that waits is.
#[test]
fn a_revision_that_waits_is_asked_about_anew_or_is_off() {
    let revised = PLAN.replace(
        "  - {id: c,",
        "  - {id: d, tool: process.exec, args: {argv: [sh, -c, 'echo d >> ledger']}}\n  - {id: c,",
    );
    let waits = |configuration: &str| {
        let site = site(configuration);
        held(&site);
        site.write("revised.yaml", &revised);
        let args = ["executions", "replan", "@last", "--plan", "revised.yaml"];
        site.run(&args).exits(4);
        site
    };
    let open = |site: &Site| site.run(&["inbox", "list", "--json"]).exits(0).json();
    // Others are to approve: the request is taken back, and another one opened.
    let site = waits("");
    let first = open(&site)["requests"][0].clone();
    assert_eq!(first["kind"], "revision", "{first:#}");
    site.write(
        "policies/own.cedar",
        ASKS.replace("@id", "@approvers(\"other\")\n@id"),
    );
    assert_eq!(carried_on(&site).code, 4);
    let requests = open(&site);
    let all = requests["requests"].as_array().unwrap();
    let again = all.iter().find(|it| it["kind"] == "revision").unwrap();
    assert_ne!(again["request_id"], first["request_id"], "{requests:#}");
    assert_eq!(again["detail"]["approvers"][0], "other", "{again:#}");
    let gone = first["request_id"].as_str().unwrap();
    assert_ne!(site.run(&["approvals", "approve", gone]).code, 0);
    // The process that proposed it drove the approved plan as well; of the revision nothing runs.
    assert!(!ledger(&site).contains(&"d".to_owned()));
    site.assert_intact();
    // Denied: it is off, and what was approved goes on.
    let site = waits("");
    let denies = denies("d", "").replace("context.moment == \"call\" && ", "");
    site.write("policies/own.cedar", denies);
    let ran = carried_on(&site);
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert_eq!(ledger(&site), ["a", "b", "c"]);
    let replayed = site.run(&["executions", "replay", "@last"]).exits(0);
    assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
    site.assert_intact();
}
