//! Where secrets come from, and who may receive them.

use super::MIN_SECRET_BYTES;
use crate::{Destination, Fault};
use futures_util::{FutureExt as _, future::BoxFuture};
use mandate_plan::ErrorCode;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

/// How long a command that gives a secret may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(15);
/// The largest value taken.
const MAX_SECRET_BYTES: usize = 16 * 1024;

/// `[secrets.NAME]`: exactly one of `env`, `file` and `command`; and who may receive the value, by default nobody.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecretConfig {
    /// The environment variable that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// The file that holds it; one line break at its end is not part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The program, with arguments, that prints it; one line break at its end is not part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// The tools that may receive it: `http.request`, or `github.*` for a whole server.
    pub tools: Vec<String>,
    /// The hosts that may receive it: `api.example.com`, or `*.example.com` for all beneath.
    pub hosts: Vec<String>,
}

impl SecretConfig {
    /// Whether a call of this tool to this place may receive the secret.
    pub fn permits(&self, wanted: &SecretUse<'_>) -> bool {
        let tool = self
            .tools
            .iter()
            .any(|allowed| match allowed.strip_suffix(".*") {
                Some(server) => wanted
                    .tool
                    .split_once('.')
                    .is_some_and(|(own, _)| own == server),
                None => allowed == wanted.tool,
            });
        let place = match wanted.destination {
            Destination::Local => true,
            Destination::Unclear => false,
            Destination::Host(host) => self.hosts.iter().any(|allowed| host_matches(allowed, host)),
        };
        tool && place
    }
}

fn host_matches(allowed: &str, host: &str) -> bool {
    let (allowed, host) = (allowed.to_ascii_lowercase(), host.to_ascii_lowercase());
    match allowed.strip_prefix('*') {
        // With the dot, so that `*.example.com` is not met by `badexample.com`.
        Some(suffix) => {
            suffix.starts_with('.') && host.len() > suffix.len() && host.ends_with(suffix)
        }
        None => allowed == host,
    }
}

/// Who asks for a secret.
#[derive(Debug, Clone, Copy)]
pub struct SecretUse<'a> {
    /// The tool that is called.
    pub tool: &'a str,
    /// Where the call sends what it is given.
    pub destination: &'a Destination,
}

/// A secret's value. It is not printed, compared or serialised.
#[derive(Clone)]
pub struct SecretValue(Arc<str>);

impl SecretValue {
    /// The value, if it is long enough to be one.
    ///
    /// # Errors
    /// A value under 8 bytes.
    pub fn new(name: &str, value: &str) -> Result<Self, SecretError> {
        if value.len() < MIN_SECRET_BYTES {
            return Err(SecretError::TooShort(name.to_owned()));
        }
        Ok(Self(value.into()))
    }

    /// A sensitive part of an output, as short as it may be.
    pub(crate) fn of_output(text: &str) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(…)")
    }
}

/// Why a secret is not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is no such secret, or it may not go there; or its source gives nothing.
    #[error("the secret `{name}` is not there: {why}")]
    Missing {
        /// Its name.
        name: String,
        /// The cause, and what to do.
        why: String,
    },
    /// The tool or the host may not receive it.
    #[error(
        "the secret `{name}` may not be given to {who}; `[secrets.{name}]` in `mandate.toml` names the `tools` and `hosts` that may receive it"
    )]
    NotPermitted {
        /// Its name.
        name: String,
        /// Who asked.
        who: String,
    },
    /// The value is no secret.
    #[error(
        "the value of the secret `{0}` is under 8 bytes: it could not be kept out of outputs, and can be guessed"
    )]
    TooShort(String),
}

/// The fault of a call that lacks a secret.
pub(crate) fn fault(error: &SecretError) -> Fault {
    let code = match error {
        SecretError::NotPermitted { .. } => ErrorCode::PolicyDenied,
        SecretError::Missing { .. } | SecretError::TooShort(_) => ErrorCode::ContextMissing,
    };
    Fault::new(code, error.to_string())
}

/// The values of secrets that the configuration of a tool or server names.
pub(crate) async fn resolve_all(
    source: &dyn SecretSource,
    names: impl IntoIterator<Item = String>,
    wanted: SecretUse<'_>,
) -> Result<BTreeMap<String, SecretValue>, SecretError> {
    let mut values = BTreeMap::new();
    for name in names {
        let value = source.resolve(&name, wanted).await?;
        values.insert(name, value);
    }
    Ok(values)
}

/// Where the runner gets secrets from.
pub trait SecretSource: Send + Sync {
    /// The value of the secret `name` for this use.
    ///
    /// # Errors
    /// The secret is missing, too short, or not for this use.
    fn resolve<'a>(
        &'a self,
        name: &'a str,
        wanted: SecretUse<'a>,
    ) -> BoxFuture<'a, Result<SecretValue, SecretError>>;
}

/// No secrets at all.
pub struct NoSecrets;

impl SecretSource for NoSecrets {
    fn resolve<'a>(
        &'a self,
        name: &'a str,
        _: SecretUse<'a>,
    ) -> BoxFuture<'a, Result<SecretValue, SecretError>> {
        async move { Err(not_configured(name)) }.boxed()
    }
}

/// The secrets of `mandate.toml`. A value is fetched for each call and never kept.
pub struct ConfiguredSecrets {
    secrets: BTreeMap<String, SecretConfig>,
}

impl ConfiguredSecrets {
    /// The secrets as configured.
    pub fn new(secrets: BTreeMap<String, SecretConfig>) -> Self {
        Self { secrets }
    }
}

impl SecretSource for ConfiguredSecrets {
    fn resolve<'a>(
        &'a self,
        name: &'a str,
        wanted: SecretUse<'a>,
    ) -> BoxFuture<'a, Result<SecretValue, SecretError>> {
        async move {
            let config = self.secrets.get(name).ok_or_else(|| not_configured(name))?;
            if !config.permits(&wanted) {
                return Err(SecretError::NotPermitted {
                    name: name.to_owned(),
                    who: match wanted.destination {
                        Destination::Host(host) => {
                            format!("`{}` for the host `{host}`", wanted.tool)
                        }
                        _ => format!("`{}`", wanted.tool),
                    },
                });
            }
            let value = fetch(name, config).await?;
            SecretValue::new(name, &value)
        }
        .boxed()
    }
}

impl SecretConfig {
    /// The value, for the program itself: whoever configures it has named where it goes.
    ///
    /// # Errors
    /// Its source gives nothing.
    pub async fn value(&self, name: &str) -> Result<Vec<u8>, SecretError> {
        fetch(name, self).await.map(String::into_bytes)
    }
}

fn not_configured(name: &str) -> SecretError {
    missing(name, format!("add `[secrets.{name}]` to `mandate.toml`"))
}

fn missing(name: &str, why: impl Into<String>) -> SecretError {
    SecretError::Missing {
        name: name.to_owned(),
        why: why.into(),
    }
}

async fn fetch(name: &str, config: &SecretConfig) -> Result<String, SecretError> {
    match (&config.env, &config.file, &config.command) {
        (Some(variable), None, None) => std::env::var(variable).map_err(|_| {
            missing(
                name,
                format!("the environment variable `{variable}` is not set, or is not UTF-8"),
            )
        }),
        (None, Some(path), None) => {
            let path = path.clone();
            let shown = path.display().to_string();
            let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
            let bytes = read
                .map_err(|_| missing(name, "the process is shutting down"))?
                .map_err(|error| {
                    missing(name, format!("the file `{shown}` cannot be read: {error}"))
                })?;
            text(name, bytes)
        }
        (None, None, Some(argv)) => command(name, argv).await,
        _ => Err(missing(
            name,
            format!("`[secrets.{name}]` needs exactly one of `env`, `file` and `command`"),
        )),
    }
}

async fn command(name: &str, argv: &[String]) -> Result<String, SecretError> {
    let (program, arguments) = argv
        .split_first()
        .ok_or_else(|| missing(name, "its `command` is empty"))?;
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .envs([crate::builtin::process::environment::mark()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(COMMAND_LIMIT, output)
        .await
        .map_err(|_| {
            missing(
                name,
                format!(
                    "its command `{program}` took more than {} s",
                    COMMAND_LIMIT.as_secs()
                ),
            )
        })?
        .map_err(|error| {
            missing(
                name,
                format!("its command `{program}` does not start: {error}"),
            )
        })?;
    if !output.status.success() {
        return Err(missing(
            name,
            format!("its command `{program}` failed: {}", output.status),
        ));
    }
    text(name, output.stdout)
}

fn text(name: &str, bytes: Vec<u8>) -> Result<String, SecretError> {
    if bytes.len() > MAX_SECRET_BYTES {
        return Err(missing(
            name,
            format!("it has more than {MAX_SECRET_BYTES} bytes"),
        ));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| missing(name, "it is not UTF-8 text"))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{SecretConfig, SecretUse};
    use crate::Destination;

    #[test]
    fn nobody_receives_it_by_default() {
        let config = SecretConfig::default();
        let local = Destination::Local;
        let wanted = SecretUse {
            tool: "process.exec",
            destination: &local,
        };
        assert!(!config.permits(&wanted));
    }

    #[test]
    fn tool_and_host_must_both_be_named() {
        let config = SecretConfig {
            tools: vec!["http.request".into(), "github.*".into()],
            hosts: vec!["api.example.com".into(), "*.internal.example".into()],
            ..SecretConfig::default()
        };
        let permits = |tool: &str, destination: Destination| {
            config.permits(&SecretUse {
                tool,
                destination: &destination,
            })
        };
        let host = |name: &str| Destination::Host(name.to_owned());
        assert!(permits("http.request", host("API.example.com")));
        assert!(permits("http.request", host("a.b.internal.example")));
        assert!(permits("github.create_issue", Destination::Local));
        assert!(!permits("http.request", host("internal.example")));
        assert!(!permits("http.request", host("badinternal.example")));
        assert!(!permits("http.request", host("example.com")));
        assert!(!permits("http.request", Destination::Unclear));
        assert!(!permits("githubx.create_issue", Destination::Local));
        assert!(!permits("process.exec", Destination::Local));
    }
}
