//! The kernel sandbox through the binary, as root and as a user without rights.

use crate::project::{Ran, step_of};
use crate::site::Site;
use serde_json::Value;
use std::{
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
};

/// Who has no rights.
const NOBODY: u32 = 65534;

fn plan(step: &str) -> String {
    format!("version: 1\nname: Program\nsteps:\n  - {step}\n")
}

/// A plan with one shell command.
fn shell(command: &str) -> String {
    let command = serde_json::to_string(command).unwrap();
    plan(&format!(
        "{{id: go, tool: process.exec, args: {{shell: true, command: {command}, timeout_ms: 60000}}}}"
    ))
}

fn go(site: &Site, plan: &str) -> Value {
    site.write("plan.yaml", plan);
    site.run(&["run", "plan.yaml", "--yes"]);
    with_output(&site.last())
}

/// The step with what it gave, which stands with the execution.
pub(crate) fn with_output(execution: &Value) -> Value {
    let mut step = step_of(execution, "go");
    step["output"] = execution["outputs"]["go"].clone();
    step
}

#[test]
fn a_plan_cannot_write_outside_or_see_the_journal_and_the_journal_says_what_held_it() {
    let site = Site::new();
    let outside = site.dir().parent().unwrap().join("outside");
    let attack = format!(
        "echo x > {0}; echo x > mandate.toml; echo x >> .mandate/journal.db; cat ~/.profile; ls .mandate | wc -l; echo in > made; cat made",
        outside.display()
    );
    let step = go(&site, &shell(&attack));
    assert_eq!(step["state"], "completed", "{step}");
    assert_eq!(step["output"]["stdout"], "0\nin\n", "{step}");
    assert!(!outside.exists());
    assert_eq!(site.content("mandate.toml"), "");
    site.assert_intact();
    let events = site.run(&["executions", "events", "@last", "--json"]);
    assert!(
        events.stdout.contains(r#""sandbox":"landlock-abi"#)
            || events.stdout.contains(r#""sandbox": "landlock-abi"#),
        "{}",
        events.stdout
    );
    let shown = site.run(&["tools", "show", "process.exec"]).exits(0);
    assert!(shown.stdout.contains("network no"), "{}", shown.stdout);
    let doctor = site.run(&["doctor"]);
    assert!(
        doctor.stdout.contains("confines programs"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn own_tools_and_servers_are_confined_where_they_have_a_sandbox() {
    let script = "cat > /dev/null; echo x > free 2> /dev/null; cat secret 2> /dev/null; (echo x > /tmp/mandate-own-test-$$ && rm /tmp/mandate-own-test-$$) 2> /dev/null && echo '\"out\"' || echo '\"held\"'";
    let tool = |name: &str, sandbox: &str| {
        format!(
            "[[tools]]\nname = \"own.{name}\"\ncommand = [\"sh\", \"-c\", {script:?}]\n{sandbox}\n"
        )
    };
    let site = Site::configured(&format!(
        "{}{}{}",
        tool("free", ""),
        tool("held", "sandbox = {}"),
        tool("writer", "sandbox = { write = [\".\"] }"),
    ));
    let output = |name: &str| {
        let _ = std::fs::remove_file(site.path("free"));
        let step = go(&site, &plan(&format!("{{id: go, tool: own.{name}}}")));
        (step["output"].clone(), site.path("free").exists())
    };
    assert_eq!(output("free"), (Value::from("out"), true));
    assert_eq!(output("held"), (Value::from("held"), false));
    assert_eq!(output("writer"), (Value::from("held"), true));
    let shown = site.run(&["tools", "show", "own.free"]).exits(0);
    assert!(
        shown.stdout.contains("may do what your user may"),
        "{}",
        shown.stdout
    );

    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/tests/it/fake_server.py");
    let log = site.path("log");
    site.write("server.py", std::fs::read(server).unwrap());
    let configure = |sandbox: &str| {
        site.write(
            "mandate.toml",
            format!("[mcpServers.fake]\ncommand = \"/usr/bin/python3\"\nargs = [\"server.py\", {log:?}]\n{sandbox}"),
        );
    };
    configure("sandbox = { write = [\"log\"] }\n");
    site.write("log", "");
    let listed = site.run(&["tools", "show", "fake.echo"]);
    let held = format!("{}{}", listed.stdout, listed.stderr);
    assert!(held.contains("landlock-abi"), "{held}");
}

/// A settings file that a project may only narrow.
#[test]
fn an_earlier_source_is_not_widened() {
    let site = Site::configured("[sandbox]\nnetwork = true\n");
    let user = site.dir().parent().unwrap().join("home/.config/mandate");
    std::fs::create_dir_all(&user).unwrap();
    std::fs::write(user.join("mandate.toml"), "[sandbox]\nnetwork = false\n").unwrap();
    let refused = site.run(&["tools", "list"]);
    assert!(
        refused.stderr.contains("sandbox.network"),
        "{}",
        refused.stderr
    );
    std::fs::write(user.join("mandate.toml"), "[sandbox]\nread = [\"/srv\"]\n").unwrap();
    for (project, fits) in [
        ("[\"/srv/a\"]", true),
        ("[]", true),
        ("[\"/\"]", false),
        ("[\"/srv/..\"]", false),
    ] {
        site.write("mandate.toml", format!("[sandbox]\nread = {project}\n"));
        let ran = site.run(&["tools", "list"]);
        assert_eq!(ran.code == 0, fits, "{project}: {}", ran.stderr);
    }
}

/// A project and a copy of the binary that a user without rights can use.
struct Unprivileged {
    site: Site,
    binary: PathBuf,
}

impl Unprivileged {
    /// None where the tests themselves have no right to become somebody else.
    fn new(configuration: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let site = Site::configured(configuration);
        let top = site.dir().parent().unwrap().to_owned();
        let binary = top.join("mandate");
        let built = env!("CARGO_BIN_EXE_mandate");
        if std::fs::hard_link(built, &binary).is_err() {
            std::fs::copy(built, &binary).unwrap();
        }
        std::fs::set_permissions(&top, std::fs::Permissions::from_mode(0o755)).unwrap();
        for path in ["work", "work/mandate.toml", "home"] {
            chown(top.join(path), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        Some(Self { site, binary })
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = Command::new("setpriv");
        self.site.prepare(&mut command);
        let id = NOBODY.to_string();
        command
            .args(["--reuid", &id, "--regid", &id, "--clear-groups"])
            .arg(&self.binary)
            .args(args);
        Ran::of(command.output().unwrap())
    }

    fn go(&self, plan: &str) -> Value {
        self.site.write("plan.yaml", plan);
        let ran = self.run(&["run", "plan.yaml", "--yes"]);
        let shown = self.run(&["executions", "show", "@last", "--json"]);
        assert_eq!(shown.code, 0, "{} {}", ran.stderr, shown.stderr);
        with_output(&shown.json())
    }
}

#[test]
fn it_holds_for_a_user_without_rights() {
    let Some(user) = Unprivileged::new("") else {
        return;
    };
    let step = user.go(&shell(
        "echo x > ../outside; echo x > mandate.toml; cat .mandate/journal.db; ls .mandate | wc -l; echo in > made; cat made; id -u",
    ));
    assert_eq!(step["output"]["stdout"], "0\nin\n65534\n", "{step}");
}

#[test]
fn fork_bombs_of_a_user_without_rights_are_ended() {
    let bomb = "bomb() { bomb | bomb & }; bomb; sleep 50";
    let limits = "sandbox = { write = [\".\"], limits = { processes = 30 } }\n";
    let Some(user) = Unprivileged::new(&format!(
        "[process.limits]\nprocesses = 30\n\
         [[tools]]\nname = \"own.bomb\"\ncommand = [\"sh\", \"-c\", {bomb:?}]\n{limits}\
         [mcpServers.fake]\ncommand = \"/usr/bin/python3\"\nargs = [\"server.py\", \"log\", \"bombs\"]\n{limits}"
    )) else {
        return;
    };
    let server = include_str!("../../../tools/tests/it/fake_server.py");
    user.site.write(
        "server.py",
        server.replace(
            "\"sleep\", \"50\"",
            "\"sh\", \"-c\", \"bomb() { sleep 50; }; bomb\"",
        ),
    );
    for (plan, code, said) in [
        (shell(bomb), "RESOURCE_EXHAUSTED", ""),
        (
            plan("{id: go, tool: own.bomb}"),
            "RESOURCE_EXHAUSTED",
            "more than 30 processes",
        ),
        (
            plan("{id: go, tool: fake.fork}"),
            "TOOL_FAILED",
            "more than 30 processes",
        ),
    ] {
        let step = user.go(&plan);
        // What it did before it was killed, nobody knows.
        assert_eq!(step["state"], "in_doubt", "{step}");
        let cause = &step["error"]["cause"];
        assert_eq!(cause["code"], code, "{step}");
        assert!(cause["message"].as_str().unwrap().contains(said), "{step}");
    }
    let left = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|process| {
            let path = process.path();
            let line = std::fs::read_to_string(path.join("cmdline")).unwrap_or_default();
            line.contains("bomb() {")
        });
    assert_eq!(left.count(), 0);
    assert_eq!(user.run(&["audit", "verify"]).code, 0);
}
