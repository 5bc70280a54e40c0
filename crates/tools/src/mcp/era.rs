//! Which revision of the protocol a server speaks, and how a session with it begins.
//!
//! Up to 2025-11-25 a session begins with `initialize`; from 2026-07-28 on there is no session, and every request says
//! what it needs. A server of the new kind answers `server/discover`; any other answer means the old kind.

use super::connection::{Connection, RequestError};
use serde_json::{Map, Value, json};
use std::time::Duration;

const MODERN: &str = "2026-07-28";
const LEGACY: &[&str] = &["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// The server knows the new protocol, but not this revision of it.
const UNSUPPORTED_VERSION: i64 = -32022;
const PROBE: Duration = Duration::from_secs(10);
/// Where a call's idempotency key stands in `_meta`.
pub(super) const IDEMPOTENCY_KEY: &str = "dev.mandate/idempotencyKey";

/// How requests to a server look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// A session that `initialize` began.
    Session,
    /// Every request for itself.
    Stateless,
}

/// Why a session did not begin.
#[derive(Debug, PartialEq)]
pub(super) enum Unready {
    /// It ended at the first question, which an old server may have taken amiss.
    DiedAtProbe(String),
    /// Anything else.
    Other(String),
}

impl Era {
    /// Begins with a server that was just started. Without `probe` it is taken for an old one. `can` is what callers can
    /// be asked, which an old one is told once.
    pub(super) async fn begin(
        connection: &Connection,
        start_timeout: Duration,
        probe: bool,
        can: Map<String, Value>,
    ) -> Result<Self, Unready> {
        if !probe {
            initialize(connection, &can).await.map_err(Unready::Other)?;
            return Ok(Era::Session);
        }
        let asked = connection.request(
            "server/discover",
            |_| json!({ "_meta": Era::Stateless.meta() }),
        );
        tokio::pin!(asked);
        let limit = PROBE.min(start_timeout / 2);
        if let Ok(answer) = tokio::time::timeout(limit, &mut asked).await {
            if is_modern(answer)? {
                return Ok(Era::Stateless);
            }
            initialize(connection, &can).await.map_err(Unready::Other)?;
            return Ok(Era::Session);
        }
        // An old server that passes over what it does not know; or one that is only slow, and still answers the first.
        let begun = initialize(connection, &can);
        tokio::pin!(begun);
        tokio::select! {
            answer = &mut asked => {
                if is_modern(answer)? {
                    return Ok(Era::Stateless);
                }
                begun.await.map_err(Unready::Other)?;
            }
            done = &mut begun => if let Err(why) = done {
                return match is_modern(asked.await)? {
                    true => Ok(Era::Stateless),
                    false => Err(Unready::Other(why)),
                };
            },
        }
        Ok(Era::Session)
    }

    /// The revision of the protocol that is spoken over a connection.
    pub(super) fn revision(self, connection: &Connection) -> String {
        match self {
            Era::Session => connection.agreed().to_owned(),
            Era::Stateless => MODERN.to_owned(),
        }
    }

    /// The `_meta` that every request has.
    pub(super) fn meta(self) -> Map<String, Value> {
        let meta = match self {
            Era::Session => json!({}),
            Era::Stateless => json!({
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientInfo": client(),
                "io.modelcontextprotocol/clientCapabilities": {},
            }),
        };
        match meta {
            Value::Object(meta) => meta,
            _ => Map::new(),
        }
    }
}

/// What the answer to `server/discover` says of the server.
fn is_modern(answer: Result<Value, RequestError>) -> Result<bool, Unready> {
    match answer {
        Ok(discovered) => Ok(supports(&discovered, "supportedVersions")),
        Err(RequestError::Answered(error)) if error.code == UNSUPPORTED_VERSION => {
            Err(Unready::Other(format!(
                "it does not speak the protocol's revision {MODERN}: {}",
                error.message
            )))
        }
        Err(RequestError::Answered(_)) => Ok(false),
        Err(RequestError::Lost(why) | RequestError::NotSent(why)) => Err(Unready::DiedAtProbe(why)),
    }
}

fn client() -> Value {
    json!({ "name": "mandate", "version": env!("CARGO_PKG_VERSION") })
}

fn supports(answer: &Value, key: &str) -> bool {
    answer
        .get(key)
        .and_then(Value::as_array)
        .is_some_and(|versions| versions.iter().any(|version| version == MODERN))
}

async fn initialize(connection: &Connection, can: &Map<String, Value>) -> Result<(), String> {
    let asked = LEGACY.first().copied().unwrap_or_default();
    let answer = connection
        .request(
            "initialize",
            |_| json!({ "protocolVersion": asked, "capabilities": can, "clientInfo": client() }),
        )
        .await;
    let answer = answer.map_err(|error| match error {
        RequestError::Answered(error) => format!("it refused to begin: {}", error.message),
        RequestError::NotSent(why) | RequestError::Lost(why) => why,
    })?;
    match answer.get("protocolVersion").and_then(Value::as_str) {
        Some(version) if LEGACY.contains(&version) => {
            connection.agree(version);
            connection.notify("notifications/initialized", &json!({}));
            Ok(())
        }
        Some(version) => Err(format!(
            "it speaks the protocol's revision `{version}`, which is not supported"
        )),
        None => Err("its answer to `initialize` has no `protocolVersion`".to_owned()),
    }
}
