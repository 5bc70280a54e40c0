//! Policies through the binary: checked, shown, in force, and only ever narrowed.

use crate::site::Site;

const PLAN: &str = "version: 1\nname: p\nsteps:\n  - {id: a, tool: fs.read, args: {path: notes.txt}}\n  - {id: b, tool: fs.write, args: {path: out.txt, content: hi}}\n";
const READS: &str = "@id(\"reads\") @message(\"{tool} reads\") @severity(\"low\") permit (principal, action, resource) when { resource.effect == \"read\" };\n";
const EVERYTHING: &str = "@id(\"all\") permit (principal, action, resource);\n";

fn site() -> Site {
    let site = Site::new();
    site.write("plan.yaml", PLAN);
    site.write("notes.txt", "x");
    site
}

fn outcome(site: &Site, flags: &[&str]) -> serde_json::Value {
    let args = [&["evaluate", "plan.yaml", "--json"], flags].concat();
    site.run(&args).json()["decision"]["outcome"].clone()
}

#[test]
fn the_starter_set_holds_until_a_project_writes_its_own() {
    let site = site();
    assert_eq!(outcome(&site, &[]), "require_approval");
    site.write("mandate.toml", "");
    std::fs::create_dir_all(site.path("policies")).unwrap();
    site.write("policies/reads.cedar", READS);
    let said = site.run(&["evaluate", "plan.yaml"]);
    assert_eq!(said.code, 3, "{said:#?}");
    for part in [
        "fs.read reads",
        "[reads]",
        "low",
        "resource.effect = \"read\"",
        "policy:",
    ] {
        assert!(said.stdout.contains(part), "{part}: {}", said.stdout);
    }
    let ran = site.run(&["run", "plan.yaml", "--yes", "--json"]);
    assert_eq!(ran.code, 3, "{ran:#?}");
    assert!(!site.path("out.txt").exists());
    site.write("policies/reads.cedar", EVERYTHING);
    assert_eq!(outcome(&site, &[]), "allow");
    // A further set can only narrow.
    site.write("reads.cedar", READS);
    assert_eq!(outcome(&site, &["--policy", "reads.cedar"]), "deny");
    let ran = site.run(&["run", "plan.yaml", "--policy", "reads.cedar", "--json"]);
    assert_eq!(ran.code, 3, "{ran:#?}");
    let ran = site.run(&["run", "plan.yaml", "--json"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    // With the starter set alone, what allows everything allows nothing more.
    std::fs::remove_dir_all(site.path("policies")).unwrap();
    site.write("all.cedar", EVERYTHING);
    assert_eq!(
        outcome(&site, &["--policy", "all.cedar"]),
        "require_approval"
    );
}

#[test]
fn mistakes_are_shown_where_they_stand() {
    let site = site();
    site.write("bad.cedar", "@id(\"x\")\npermit (principal, action, resource)\nwhen { context.catgory == \"file_read\" };\n");
    let checked = site.run(&["policy", "check", "bad.cedar"]);
    assert_eq!(checked.code, 1, "{checked:#?}");
    assert!(
        checked.stdout.contains("bad.cedar:3:8"),
        "{}",
        checked.stdout
    );
    assert!(
        checked.stdout.contains("did you mean `category`?"),
        "{}",
        checked.stdout
    );
    site.write(
        "odd.cedar",
        "@id(\"x\") permit (principal, action, resource == Tool::\"fs.raed\");\n",
    );
    let checked = site.run(&["policy", "check", "odd.cedar", "--json"]);
    assert_eq!(checked.code, 0, "{checked:#?}");
    assert_eq!(
        checked.json()["warnings"][0]["help"],
        "did you mean `fs.read`?"
    );
    let refused = site.run(&["run", "plan.yaml", "--yes", "--policy", "bad.cedar"]);
    assert_eq!(refused.code, 2, "{refused:#?}");
    assert!(!site.path("out.txt").exists());
}

#[test]
fn a_tool_cannot_write_a_policy() {
    let site = site();
    site.write("mandate.toml", "");
    site.write(
        "plan.yaml",
        "version: 1\nname: p\nsteps:\n  - {id: a, tool: fs.write, args: {path: policies/a.cedar, content: x, parents: true}}\n",
    );
    let ran = site.run(&["run", "plan.yaml", "--yes", "--json"]);
    assert_ne!(ran.code, 0, "{ran:#?}");
    assert!(!site.path("policies/a.cedar").exists());
}

#[test]
fn what_is_shown_can_be_used_again() {
    let site = site();
    let starter = site.run(&["policy", "show", "--starter"]);
    let definitions = site.run(&["policy", "show", "--starter", "--definitions"]);
    std::fs::create_dir_all(site.path("copy")).unwrap();
    site.write("copy/starter.cedar", &starter.stdout);
    site.write("copy/policy.toml", &definitions.stdout);
    let checked = site.run(&["policy", "check", "copy"]);
    assert_eq!(checked.code, 0, "{checked:#?}");
    assert!(checked.stdout.contains("9 rules"), "{}", checked.stdout);
    assert!(
        site.run(&["policy", "show", "--schema"])
            .stdout
            .contains("action Call")
    );
    let shown = site.run(&["policy", "show", "--json"]).json();
    assert_eq!(shown["sets"][0]["rules"].as_array().unwrap().len(), 9);
    assert_eq!(shown["limits"]["calls_per_session"], 100);
}
