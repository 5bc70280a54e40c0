//! Help, completions, usage errors.

use crate::project::Project;

/// Every command, groups included.
fn commands() -> Vec<Vec<String>> {
    fn visit(command: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
        for inner in command
            .get_subcommands()
            .filter(|inner| !inner.is_hide_set())
        {
            let mut path = path.to_vec();
            path.push(inner.get_name().to_owned());
            visit(inner, &path, found);
            found.push(path);
        }
    }
    let mut found = Vec::new();
    visit(&mandate_cli::command(), &[], &mut found);
    found
}

#[test]
fn every_command_has_help_and_every_leaf_an_example() {
    let project = Project::new();
    let all = commands();
    assert!(all.len() > 30);
    for path in &all {
        let args: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = project.run(&args).exits(0).stdout;
        let group = all
            .iter()
            .any(|other| other.len() > path.len() && other.starts_with(path));
        assert!(
            group || help.contains("Examples:\n  mandate "),
            "{path:?}: {help}"
        );
        assert!(help.contains("--json"), "{path:?}");
    }
}

#[test]
fn completions_know_the_commands() {
    let project = Project::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = project.run(&["completions", shell]).exits(0).stdout;
        assert!(
            script.contains("executions") && !script.contains("__docs cli"),
            "{shell}"
        );
    }
    project.run(&["completions", "basic"]).exits(2);
}

#[test]
fn usage_errors_exit_with_2_and_are_json_where_asked() {
    let project = Project::new();
    assert!(project.run(&["runn"]).exits(2).stderr.contains("'run'"));
    let error = project.run(&["run", "--json"]).exits(2).json();
    assert_eq!(error["error"]["kind"], "usage");
    assert!(
        project
            .run(&["--version"])
            .exits(0)
            .stdout
            .starts_with("mandate ")
    );
    project.run(&[]).exits(2);
}

#[test]
fn documentation_comes_from_the_program() {
    let project = Project::new();
    let cli = project.run(&["__docs", "cli"]).exits(0).stdout;
    assert!(cli.contains("## mandate executions resolve"));
    let keys = project.run(&["__docs", "configuration"]).exits(0).stdout;
    assert!(keys.contains("| `fs.roots` |"));
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(
        page.contains(keys.trim()),
        "docs/configuration.md does not hold this table:\n{keys}"
    );
}
