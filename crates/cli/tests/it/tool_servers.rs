//! Plans over tool servers and own tools, end to end.

use crate::example_scenes::installed;
use crate::project::{Project, step_of};
use std::path::Path;

/// The fake server of the tools' tests, called `fake`, with the facts of its tools.
fn fake(project: &Project, options: &str, tools: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/tests/it/fake_server.py");
    let log = project.path("log");
    project.write(
        "mandate.toml",
        format!(
            "[mcpServers.fake]\ncommand = \"python3\"\nargs = [{script:?}, {log:?}, {options:?}]\n{tools}\n"
        ),
    );
}

fn starts(project: &Project) -> usize {
    project.read("log").matches("\"start\"").count()
}

#[test]
fn the_example_runs_over_real_servers() {
    let Some(files) = installed("npm/node_modules/.bin/mcp-server-filesystem") else {
        return;
    };
    let Some(git) = installed("py/bin/mcp-server-git") else {
        return;
    };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tool-servers");
    let read = |name: &str| std::fs::read_to_string(example.join(name)).unwrap();
    let project = Project::new();
    project.write("plan.yaml", read("plan.yaml"));
    let servers = "../../target/tool-servers/";
    let config = read("mandate.toml")
        .replace(
            &format!("{servers}npm/node_modules/.bin/mcp-server-filesystem"),
            &files.to_string_lossy(),
        )
        .replace(
            &format!("{servers}py/bin/mcp-server-git"),
            &git.to_string_lossy(),
        );
    assert!(!config.contains(servers), "{config}");
    project.write("mandate.toml", config);
    project.write("demo/TEMPLATE.md", "Changes in %s\n\n");
    for args in [
        "init --quiet",
        "config user.name Test",
        "config user.email test@example.com",
        "add TEMPLATE.md",
        "commit --quiet -m Template",
    ] {
        let mut command = std::process::Command::new("git");
        command
            .args(args.split(' '))
            .current_dir(project.path("demo"));
        assert!(command.status().unwrap().success(), "{args}");
    }
    let done = project
        .run(&[
            "run",
            "plan.yaml",
            "--yes",
            "--input",
            "release=2.0",
            "--json",
        ])
        .exits(0)
        .json();
    let notes = "Changes in 2.0\n\n- Template\n";
    assert_eq!(done["outputs"]["notes"], notes);
    assert_eq!(project.read("demo/NOTES.md"), notes);
    let log = std::process::Command::new("git")
        .args(["log", "--format=%s"])
        .current_dir(project.path("demo"))
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(log.stdout).unwrap(),
        "Notes for 2.0\nTemplate\n"
    );
    let replay = project.run(&["executions", "replay", "@last"]).exits(0);
    assert!(replay.stdout.contains("identical"), "{}", replay.stdout);
    let git_status = project
        .run(&["tools", "show", "git.git_commit", "--json"])
        .exits(0)
        .json();
    assert_eq!(git_status["facts"]["effect"], "write");
    assert_eq!(git_status["lifecycle"], "INITIALIZED");
}

#[test]
fn a_read_is_tried_again_after_the_servers_death_and_an_effect_is_in_doubt() {
    let plan = |tool: &str| {
        format!(
            "version: 1\nname: Death\nsteps:\n  - id: call\n    tool: fake.{tool}\n    args: {{seconds: 0.1}}\n    retry: {{max_attempts: 3}}\n"
        )
    };
    let project = Project::new();
    fake(
        &project,
        "single",
        "tools.die = { effect = \"read\", open_world = false }",
    );
    project.write("plan.yaml", plan("die"));
    let read = project
        .run(&["run", "plan.yaml", "--yes", "--json"])
        .exits(1)
        .json();
    // It dies each time; each time it was asked again.
    assert_eq!(project.read("log").matches("\"call\"").count(), 3);
    assert_eq!(step_of(&read, "call")["state"], "failed");

    let project = Project::new();
    fake(&project, "single", "tools.die = { effect = \"write\" }");
    project.write("plan.yaml", plan("die"));
    let effect = project
        .run(&["run", "plan.yaml", "--yes", "--json"])
        .exits(4)
        .json();
    assert_eq!(project.read("log").matches("\"call\"").count(), 1);
    assert_eq!(step_of(&effect, "call")["state"], "in_doubt");
}

#[test]
fn a_hanging_call_ends_at_the_steps_limit() {
    let project = Project::new();
    fake(&project, "single", "tools.hang = { effect = \"read\" }");
    project.write(
        "plan.yaml",
        "version: 1\nname: Hang\nsteps:\n  - {id: call, tool: fake.hang, timeout_ms: 300}\n",
    );
    let ran = project
        .run(&["run", "plan.yaml", "--yes", "--json"])
        .exits(1)
        .json();
    assert_eq!(ran["error"]["code"], "STEP_TIMEOUT");
}

#[test]
fn listing_starts_a_server_once_and_a_plan_starts_those_it_names() {
    let project = Project::new();
    fake(&project, "banner", "");
    let listed = project.run(&["tools", "list"]).exits(0);
    assert!(listed.stdout.contains("fake.echo"), "{}", listed.stdout);
    assert_eq!(starts(&project), 1);
    project.run(&["tools", "list"]).exits(0);
    project.run(&["tools", "show", "fake.echo"]).exits(0);
    project.run(&["tools", "call", "time.now"]).exits(0);
    assert_eq!(starts(&project), 1);
    project
        .run(&["tools", "call", "fake.echo", "--yes"])
        .exits(0);
    assert_eq!(starts(&project), 2);
}

#[test]
fn a_tool_that_changed_after_approval_is_not_called() {
    let project = Project::new();
    fake(&project, "banner", "tools.change = { effect = \"write\" }");
    project.write(
        "plan.yaml",
        "version: 1\nname: Change\nsteps:\n  - {id: change, tool: fake.change}\n  - {id: echo, tool: fake.echo}\n",
    );
    let ran = project
        .run(&["run", "plan.yaml", "--yes", "--json"])
        .exits(1)
        .json();
    assert_eq!(ran["error"]["code"], "TOOL_CHANGED");
    assert_eq!(step_of(&ran, "change")["state"], "completed");
    assert!(!project.read("log").contains("\"echo\""));
}

#[test]
fn a_server_that_does_not_start_is_named_before_anything_runs() {
    let project = Project::new();
    fake(&project, "broken", "");
    project.write(
        "plan.yaml",
        "version: 1\nname: Broken\nsteps:\n  - {id: echo, tool: fake.echo}\n",
    );
    for command in [
        &["run", "plan.yaml", "--yes"][..],
        &["evaluate", "plan.yaml"],
        &["plan", "validate", "plan.yaml"],
    ] {
        let ran = project.run(command);
        assert_ne!(ran.code, 0, "{command:?}");
        assert!(
            ran.stderr.contains("cannot open the database"),
            "{command:?}: {}",
            ran.stderr
        );
    }
    let listed = project.run(&["tools", "list"]).exits(0);
    assert!(listed.stderr.contains("the server `fake` does not work"));
    project.run(&["tools", "call", "time.now"]).exits(0);
    let doctor = project.run(&["doctor"]).exits(1);
    assert!(doctor.stdout.contains("cannot open the database"));
}

#[test]
fn the_file_of_another_client_is_read() {
    let project = Project::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/tests/it/fake_server.py");
    let file = serde_json::json!({
        "mcpServers": {"My Server": {
            "type": "stdio",
            "command": "python3",
            "args": [script, "${HOME}/log"],
            "env": {"NOTE": "${NO_SUCH_VARIABLE:-a default}"},
            "autoApprove": ["echo"],
        }},
        "other": true,
    });
    project.write("mcp.json", file.to_string());
    project.write("mandate.toml", "mcp_servers_file = \"mcp.json\"\n");
    let said = project
        .run(&["tools", "call", "my-server.echo", "--yes"])
        .exits(0);
    assert!(said.stdout.contains("a default"), "{}", said.stdout);
}

#[test]
fn mistakes_in_the_configuration_have_their_place() {
    for (config, says) in [
        (
            "[mcpServers.time]\ncommand = \"x\"\n",
            "add `alias = \"time-server\"` to `mcpServers.time`",
        ),
        (
            "[mcpServers.a]\ncomand = \"x\"\n",
            "mandate.toml:1:13: there is no setting `mcpServers.a.comand`",
        ),
        (
            "[mcpServers.a]\nargs = \"x\"\n",
            "mandate.toml:1:13: `mcpServers.a` cannot be used",
        ),
        (
            "mcp_servers_file = \"gone.json\"\n",
            "mandate.toml:1:1: cannot read",
        ),
        (
            "[[tools]]\ncommand = [\"x\"]\n",
            "mandate.toml:1:1: a tool has no `name`",
        ),
        (
            "[[tools]]\nname = \"a.b\"\ncomand = [\"x\"]\n",
            "mandate.toml:1:1: `tools.a.b` cannot be used: unknown field `comand`",
        ),
        (
            "[[tools]]\nname = \"a.b\"\ncommand = [\"x\"]\n[[tools]]\nname = \"a.b\"\ncommand = [\"x\"]\n",
            "mandate.toml:4:1: there are two tools `a.b`",
        ),
        (
            "[[tools]]\nname = \"fs.b\"\ncommand = [\"x\"]\n",
            "`fs` is reserved for built-in tools",
        ),
        (
            "[[tools]]\nname = \"a.b\"\ncommand = [\"x\"]\n[mcpServers.A]\ncommand = \"x\"\n",
            "both called `a`",
        ),
    ] {
        let project = Project::new();
        project.write("mandate.toml", config);
        let ran = project.run(&["tools", "list"]).exits(2);
        assert!(ran.stderr.contains(says), "{config}: {}", ran.stderr);
    }
}

#[test]
fn the_recipe_of_the_documentation_runs() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/own-tools.md");
    let text = std::fs::read_to_string(docs).unwrap();
    let block = |language: &str| {
        let (_, after) = text.split_once(&format!("```{language}\n")).unwrap();
        after.split_once("```").unwrap().0.to_owned()
    };
    let project = Project::new();
    project.write("mandate.toml", block("toml"));
    project.write("tools/add_customer.py", block("python"));
    project.write("plan.yaml", block("yaml"));
    let run = || {
        project
            .run(&["run", "plan.yaml", "--yes", "--json"])
            .exits(0)
            .json()
    };
    assert_eq!(run()["outputs"]["customer"]["number"], 1);
    assert_eq!(run()["outputs"]["customer"]["number"], 2);
    let nobody = project
        .run(&[
            "tools",
            "call",
            "crm.add_customer",
            "--arg",
            "name= ",
            "--yes",
            "--json",
        ])
        .exits(1)
        .json();
    let message = nobody["error"]["message"].as_str().unwrap();
    assert!(message.contains("a customer needs a name"), "{message}");
    // The same key twice, as after a lost answer: one customer.
    let script = project.path("tools/add_customer.py");
    for _ in 0..2 {
        let shell = format!(
            "echo '{{\"name\": \"Twice\"}}' | python3 {}",
            script.display()
        );
        let out = std::process::Command::new("sh")
            .args(["-c", &shell])
            .env("MANDATE_IDEMPOTENCY_KEY", "the-same")
            .current_dir(project.dir())
            .output()
            .unwrap();
        let said: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(said["number"], 3);
    }
}
