//! What the operator sets: the `[server]` section of the configuration.

use std::time::Duration;

/// What the operator sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Address and port.
    pub listen: String,
    /// Names under which it may be called, beside `localhost` and the address itself.
    pub allowed_hosts: Vec<String>,
    /// It is reached over TLS that something in front of it ends: cookies are for TLS alone.
    pub behind_tls: bool,
    /// How many requests one key may make in a minute; none = no limit.
    pub requests_per_minute: Option<u32>,
    /// The largest body.
    pub max_body_bytes: usize,
    /// How long headers, or a body, may take to come.
    pub read_timeout: Duration,
    /// How long a console log-in may be idle.
    pub session_idle: Duration,
    /// How long a console log-in lasts at most.
    pub session_lasts: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7447".to_owned(),
            allowed_hosts: Vec::new(),
            behind_tls: false,
            requests_per_minute: None,
            max_body_bytes: 10 * 1024 * 1024,
            read_timeout: Duration::from_secs(30),
            session_idle: Duration::from_secs(30 * 60),
            session_lasts: Duration::from_secs(12 * 3_600),
        }
    }
}
