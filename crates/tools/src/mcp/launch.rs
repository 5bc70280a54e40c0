//! How a server is started: its configuration with variables replaced and paths made whole.

use super::{McpServerConfig, expand::expand, remote::Address};
use crate::{
    Confining,
    builtin::process::{confinement::Confinement, environment},
    secret::SecretText,
};
use mandate_plan::Digest;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a server may take to start where nothing is said; the first start of a package runner downloads it.
const START: Duration = Duration::from_secs(60);

/// How one server is started.
pub(super) struct Launch {
    /// A path, or a name that is looked up.
    pub(super) program: String,
    pub(super) args: Vec<String>,
    /// Variables of Mandate's own environment.
    pub(super) basics: BTreeMap<OsString, OsString>,
    /// Variables that its configuration sets.
    pub(super) env: BTreeMap<String, SecretText>,
    pub(super) cwd: PathBuf,
    /// None if it may do what its user may.
    pub(super) confinement: Option<Confinement>,
    pub(super) start_timeout: Duration,
    /// Where it is, if it is no process here; then nothing above is used.
    pub(super) address: Option<Address>,
    /// Over everything that makes it this server and no other.
    pub(super) digest: Digest,
}

impl Launch {
    /// How the entry is started, from `project`, with the variables of Mandate's environment that `basics` names.
    ///
    /// # Errors
    /// What keeps it from being started, and what to do.
    pub(super) fn new(
        config: &McpServerConfig,
        project: &Path,
        basics: &[String],
        confining: &Confining,
    ) -> Result<Self, String> {
        let full = |text: &str| {
            let variable = |name: &str| match name {
                "workspaceFolder" => Some(project.to_string_lossy().into_owned()),
                name => std::env::var(name).ok(),
            };
            expand(text, variable).map_err(|name| {
                if name.starts_with("secrets.") {
                    format!("`${{{name}}}` stands outside of its `env`, where others on this machine could read the value")
                } else {
                    format!("its configuration uses `${{{name}}}`, and that variable is not set")
                }
            })
        };
        let over_http = match (config.transport.as_deref(), &config.command, &config.url) {
            (Some("stdio"), Some(_), None) | (None, Some(_), None) => false,
            (Some("http" | "streamable-http" | "streamableHttp") | None, None, Some(_)) => true,
            (Some("sse"), _, _) => {
                return Err(
                    "its type is `sse`, which the protocol has given up; most such servers have another URL for `http`"
                        .to_owned(),
                );
            }
            (_, Some(_), Some(_)) => return Err("it has a `command` and a `url`".to_owned()),
            (_, None, None) => return Err("it has neither `command` nor `url`".to_owned()),
            (kind, ..) => {
                let kind = kind.unwrap_or_default();
                return Err(format!(
                    "its type is `{kind}`, which does not go with what it has: `stdio` with a `command`, `http` with a `url`"
                ));
            }
        };
        let start_timeout = config.start_timeout_ms.map_or(START, Duration::from_millis);
        if over_http {
            let url = config.url.as_deref().unwrap_or_default();
            let address = Address::read(url, &config.headers, &full)?;
            let shown: BTreeMap<&String, String> = { address.headers.iter() }
                .map(|(name, value)| (name, value.shown()))
                .collect();
            let digest = Digest::of_json(&serde_json::json!({
                "url": address.url.as_str(), "headers": shown,
            }));
            return Ok(Self {
                program: String::new(),
                args: Vec::new(),
                basics: BTreeMap::new(),
                // What of secrets it is given stands in its headers.
                env: address.headers.clone(),
                cwd: project.to_owned(),
                confinement: None,
                start_timeout,
                address: Some(address),
                digest,
            });
        }
        let command = config.command.as_deref().unwrap_or_default();
        let cwd = match &config.cwd {
            Some(cwd) => project.join(full(&cwd.to_string_lossy())?),
            None => project.to_owned(),
        };
        let command = full(command)?;
        let args = config
            .args
            .iter()
            .map(|arg| full(arg))
            .collect::<Result<Vec<_>, _>>()?;
        let mut given = BTreeMap::new();
        for (name, value) in &config.env {
            if !environment::may_be_set(name) {
                return Err(format!(
                    "`{name}` is not a name for an environment variable"
                ));
            }
            given.insert(name.clone(), SecretText::read(value, full)?);
        }
        let nul = |text: &String| text.contains('\0');
        if nul(&command) || args.iter().any(nul) || given.values().any(|text| nul(&text.shown())) {
            return Err("its configuration holds a NUL".to_owned());
        }
        // By the system a relative path would be sought from Mandate's own directory.
        let program = if command.contains('/') {
            cwd.join(&command).to_string_lossy().into_owned()
        } else {
            command
        };
        let shown: BTreeMap<&String, String> = given
            .iter()
            .map(|(name, value)| (name, value.shown()))
            .collect();
        let digest = Digest::of_json(&serde_json::json!({
            "program": program, "args": args, "env": shown, "cwd": cwd.to_string_lossy(),
        }));
        let sandbox = config.sandbox.as_ref();
        let confinement =
            sandbox.map(|sandbox| Confinement::of_program(sandbox, confining, project, &cwd));
        Ok(Self {
            confinement,
            program,
            args,
            basics: environment::allowed(basics).into_iter().collect(),
            env: given,
            cwd,
            start_timeout,
            address: None,
            digest,
        })
    }
}
