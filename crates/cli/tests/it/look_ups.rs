//! Kill -9 in mid-call, and what the tool's own status look-up then says: a ledger beside it witnesses each effect.

use crate::project::{signal, step_of};
use crate::site::Site;
use rustix::process::Signal;
use std::path::Path;
use std::time::{Duration, Instant};

/// Adds the key to the ledger, has it synced, and does not answer before it is told to.
const PAY: &str = r#"
cat > /dev/null
printf '%s\n' "$MANDATE_IDEMPOTENCY_KEY" >> ledger && sync ledger
while ! test -e go; do sleep 0.02; done
printf '{"receipt": "by the call"}'
"#;

/// Looks into the ledger.
const STATUS: &str = r#"
cat > asked
if grep -q "$MANDATE_IDEMPOTENCY_KEY" ledger; then printf '{"state": "done", "output": {"receipt": "by the look-up"}}'
else printf '{"state": "not_done"}'; fi
"#;

const PLAN: &str = "
version: 1
name: Pay
steps:
  - {id: pay, tool: shop.pay, args: {amount: 3}}
  - {id: note, tool: data.value, args: {value: '${steps.pay.output.receipt}'}}
outputs:
  receipt: steps.note.output
";

fn shop(status: &str) -> Site {
    let site = Site::configured(&format!(
        "[[tools]]\nname = \"shop.pay\"\ncommand = [\"sh\", \"pay.sh\"]\neffect = \"network\"\nstatus = {{ command = {status} }}\n"
    ));
    site.write("pay.sh", PAY);
    site.write("status.sh", STATUS);
    site.write("plan.yaml", PLAN);
    site
}

fn await_file(site: &Site, name: &str) {
    let begun = Instant::now();
    while site.content(name).is_empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "`{name}` does not appear"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn kill_in_mid_call(site: &Site, ledger: &str) {
    let mut host = site.start(&["run", "plan.yaml", "--yes"]);
    await_file(site, ledger);
    signal(&host, Signal::KILL);
    host.wait().unwrap();
}

fn events(site: &Site) -> String {
    site.run(&["executions", "events", "@last", "--json"])
        .exits(0)
        .stdout
}

fn replays(site: &Site) {
    let replayed = site.run(&["executions", "replay", "@last"]).exits(0);
    assert!(replayed.stdout.contains("identical"), "{replayed:#?}");
    site.assert_intact();
}

#[test]
fn after_a_crash_the_tool_says_what_happened_and_nobody_is_asked() {
    let site = shop("[\"sh\", \"status.sh\"]");
    kill_in_mid_call(&site, "ledger");
    let done = site
        .run(&["executions", "continue", "@last", "--json"])
        .exits(0)
        .json();
    assert_eq!(done["outputs"]["receipt"], "by the look-up", "{done:#}");
    assert_eq!(site.content("ledger").lines().count(), 1);
    let asked: serde_json::Value = serde_json::from_str(&site.content("asked")).unwrap();
    assert_eq!(
        asked["idempotency_key"],
        site.content("ledger").trim_end(),
        "the key of the call"
    );
    assert!(events(&site).contains("tool:shop.pay"));
    replays(&site);
}

#[test]
fn what_the_ledger_does_not_have_is_called_again() {
    let site = shop("[\"sh\", \"status.sh\"]");
    kill_in_mid_call(&site, "ledger");
    // As if the crash had come before the effect.
    site.write("ledger", "");
    site.write("go", "");
    let done = site
        .run(&["executions", "continue", "@last", "--json"])
        .exits(0)
        .json();
    assert_eq!(done["outputs"]["receipt"], "by the call", "{done:#}");
    assert_eq!(site.content("ledger").lines().count(), 1);
    replays(&site);
}

#[test]
fn a_look_up_that_does_not_know_leaves_the_doubt_to_a_human() {
    let site = shop("[\"echo\", '{\"state\": \"unknown\"}']");
    kill_in_mid_call(&site, "ledger");
    let waits = site
        .run(&["executions", "continue", "@last", "--json"])
        .exits(4)
        .json();
    assert_eq!(waits["waiting_for"]["kind"], "in_doubt", "{waits:#}");
    assert_eq!(step_of(&site.last(), "pay")["state"], "in_doubt");
    let shown = site.run(&["executions", "events", "@last"]).exits(0);
    assert!(
        shown.stdout.contains("look-up says `unknown`"),
        "{}",
        shown.stdout
    );
    site.write("receipt.json", "{\"receipt\": \"by a human\"}");
    site.run(&[
        "executions",
        "resolve",
        "@last",
        "pay",
        "--done",
        "--output",
        "receipt.json",
    ]);
    let done = site
        .run(&["executions", "continue", "@last", "--json"])
        .exits(0)
        .json();
    assert_eq!(done["outputs"]["receipt"], "by a human", "{done:#}");
    assert_eq!(site.content("ledger").lines().count(), 1);
    replays(&site);
}

#[test]
fn a_server_tells_by_a_tool_of_its_own() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/tests/it/fake_server.py");
    let site = Site::new();
    let log = site.path("log");
    site.write(
        "mandate.toml",
        format!(
            "[mcpServers.fake]\ncommand = \"python3\"\nargs = [{script:?}, {log:?}]\n\
             [mcpServers.fake.tools]\ncharge = {{ effect = \"network\", status = \"charge_status\" }}\n\
             charge_status = {{ effect = \"read\" }}\n"
        ),
    );
    site.write(
        "plan.yaml",
        "version: 1\nname: Charge\nsteps:\n  - {id: pay, tool: fake.charge, args: {then: hang}}\noutputs:\n  key: steps.pay.output.charged\n",
    );
    kill_in_mid_call(&site, "log.ledger");
    let done = site
        .run(&["executions", "continue", "@last", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        done["outputs"]["key"],
        site.content("log.ledger").trim_end(),
        "{done:#}"
    );
    assert!(events(&site).contains("tool:fake.charge"));
    replays(&site);

    // The same within one process: the server dies in mid-call.
    site.write("log.ledger", "");
    site.write(
        "plan.yaml",
        "version: 1\nname: Charge\nsteps:\n  - {id: pay, tool: fake.charge, args: {then: die}}\n",
    );
    site.run(&["run", "plan.yaml", "--yes"]).exits(0);
    assert_eq!(site.content("log.ledger").lines().count(), 1);
    replays(&site);
}
