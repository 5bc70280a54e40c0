//! A project with people who have keys, and what is asked of them.

use crate::project::{Project, Ran};
use serde_json::Value;

/// A project with keys; the name of each is the person it is of.
pub(crate) struct Office {
    pub(crate) project: Project,
    pub(crate) keys: Vec<(String, String)>,
}

impl Office {
    pub(crate) fn new() -> Self {
        let mut office = Self {
            project: Project::new(),
            keys: Vec::new(),
        };
        for (name, roles) in [
            ("root", "admin"),
            ("bob", "approver,sre"),
            ("eve", "sre"),
            ("vic", "viewer"),
            ("bot", "agent,approver,sre"),
        ] {
            let by = if name == "root" { "" } else { "root" };
            let made = office
                .run(by, &["keys", "create", name, "--role", roles])
                .exits(0);
            office
                .keys
                .push((name.to_owned(), made.stdout.trim().to_owned()));
        }
        office
    }

    pub(crate) fn key(&self, who: &str) -> &str {
        &self.keys.iter().find(|(name, _)| name == who).unwrap().1
    }

    /// As somebody; as the user without a key where that is empty.
    pub(crate) fn run(&self, who: &str, args: &[&str]) -> Ran {
        let mut command = self.project.command(args);
        if !who.is_empty() {
            command.env("MANDATE_API_KEY", self.key(who));
        }
        Ran::of(command.output().unwrap())
    }

    /// A plan whose effect stands behind a question to these approvers, run by somebody up to that question.
    pub(crate) fn asks(&self, by: &str, approvers: &str) {
        self.project.write(
            "plan.yaml",
            format!(
                "version: 1\nname: asks\nsteps:\n  - id: q\n    tool: human.ask\n    \
                 args: {{question: Go?, choices: [go, halt], approvers: [{approvers}]}}\n  \
                 - id: act\n    tool: process.exec\n    if: steps.q.output.choice == 'go'\n    \
                 args: {{argv: [sh, -c, 'echo called >> ledger']}}\n"
            ),
        );
        self.run(by, &["run", "plan.yaml", "--yes"]).exits(4);
    }

    pub(crate) fn answer(&self, who: &str) -> Ran {
        self.run(who, &["inbox", "answer", "@last", "go", "--json"])
    }

    /// The answer is refused with that code, and stands in the journal as refused.
    pub(crate) fn refuses(&self, who: &str, code: &str) {
        let before = self.refused().len();
        let refused = self.answer(who).exits(3).json();
        assert_eq!(refused["error"]["code"], code, "{refused}");
        let rows = self.refused();
        assert_eq!(rows.len(), before + 1, "{rows:?}");
        let row = rows.last().unwrap();
        assert_eq!(row["code"], code);
        assert_eq!(row["choice"], "go");
        match who {
            "" => assert_eq!(row["key"], Value::Null),
            who => {
                assert_eq!(row["by"], who);
                assert!(row["key"].as_str().unwrap().starts_with("key-"), "{row}");
            }
        }
        assert!(!self.project.path("ledger").exists());
    }

    pub(crate) fn refused(&self) -> Vec<Value> {
        self.rows("answer_refused")
    }

    /// What the journal holds of that kind outside of executions.
    pub(crate) fn rows(&self, kind: &str) -> Vec<Value> {
        let exported = self.project.run(&["audit", "export"]).exits(0).stdout;
        let lines = exported
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|row| row["kind"] == kind)
            .map(|row| row["payload"].clone())
            .collect()
    }

    pub(crate) fn goes_on_and_acts(&self) {
        self.project
            .run(&["executions", "continue", "@last"])
            .exits(0);
        assert_eq!(self.project.read("ledger"), "called\n");
        let replayed = self
            .project
            .run(&["executions", "replay", "@last"])
            .exits(0)
            .stdout;
        assert!(replayed.starts_with("identical: "), "{replayed}");
        self.project.run(&["audit", "verify"]).exits(0);
    }
}

/// One effect, which leaves a line in the ledger, with an input.
pub(crate) const ACTS: &str = "\
version: 1
name: acts
inputs:
  word: {type: string, default: first}
  count: {type: integer, default: 1}
steps:
  - id: act
    tool: process.exec
    args: {argv: [sh, -c, 'echo \"$0\" >> ledger', '${inputs.word}']}
";

impl Office {
    /// The same; a policy lets every call happen once these have approved.
    pub(crate) fn with_approvers(approvers: &str) -> Self {
        let office = Self::new();
        office.project.write(
            "policies/four-eyes.cedar",
            format!(
                "@id(\"test/approved\")\n@decision(\"require_approval\")\n@approvers(\"{approvers}\")\n\
                 @message(\"somebody must say yes\")\npermit (principal, action == Action::\"Call\", resource);\n"
            ),
        );
        office.project.write("plan.yaml", ACTS);
        office
    }

    /// What the ledger holds.
    pub(crate) fn ledger(&self) -> String {
        std::fs::read_to_string(self.project.path("ledger")).unwrap_or_default()
    }
}
