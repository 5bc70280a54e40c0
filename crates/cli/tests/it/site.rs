//! A project whose journal and ledger a test looks into.

use crate::project::{Project, Ran};
use serde_json::Value;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;

pub(crate) struct Site(Project);

impl Deref for Site {
    type Target = Project;
    fn deref(&self) -> &Project {
        &self.0
    }
}

impl Site {
    pub(crate) fn new() -> Self {
        Self(Project::new())
    }

    pub(crate) fn configured(configuration: &str) -> Self {
        let site = Self::new();
        site.write("mandate.toml", configuration);
        site
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path(".mandate")
    }

    /// What a file holds; nothing if it is not there.
    pub(crate) fn content(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Another program in the same place and environment.
    pub(crate) fn prepare(&self, command: &mut Command) {
        let ours = self.command(&[]);
        command.current_dir(self.dir()).env_clear();
        command.envs(
            ours.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    }

    /// The id of the newest execution, if there is one.
    pub(crate) fn newest(&self) -> Option<String> {
        let listed: Ran = self.run(&["executions", "list", "--json"]).exits(0);
        let value = listed.json();
        let rows = value.get("executions").and_then(Value::as_array).unwrap();
        rows.first()
            .map(|row| row["execution_id"].as_str().unwrap().to_owned())
    }

    pub(crate) fn assert_intact(&self) {
        let verified = self.run(&["audit", "verify"]).exits(0);
        assert!(verified.stdout.contains("intact"), "{verified:#?}");
    }
}
