//! What the operator sets for the gateway.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// Which tools of an approved plan a client is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolsList {
    /// Those that may be called now.
    #[default]
    Current,
    /// All of the plan, in one order, so that a client's cached prompt stays good.
    Stable,
}

/// What the operator sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewaySettings {
    /// Which tools are shown.
    pub tools_list: ToolsList,
    /// The longest text of an output that an agent is handed, in bytes.
    pub max_output_bytes: usize,
    /// The client's own user is asked, too, where the client can do that.
    pub ask_client: bool,
    /// Where people answer requests; the request's id is put behind it.
    pub approval_url: Option<String>,
    /// How long a client that takes tasks waits for an answer before it is given one; none: it is never given one.
    pub task_after: Option<Duration>,
    /// Servers whose tools are called by their own names, without the server's.
    pub plain: BTreeSet<String>,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            tools_list: ToolsList::default(),
            max_output_bytes: 1024 * 1024,
            ask_client: false,
            approval_url: None,
            task_after: Some(Duration::from_secs(5)),
            plain: BTreeSet::new(),
        }
    }
}
