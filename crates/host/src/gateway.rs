//! What the operator lets agents do.

/// What becomes of a call that the plan does not hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unplanned {
    /// It is refused.
    #[default]
    Refuse,
    /// A revision is proposed that adds it, and somebody is asked.
    Ask,
}

/// What a host keeps to when agents call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gateway {
    /// How long an agent may leave an execution alone, in milliseconds; none = [`mandate_engine::AGENT_IDLE_MS`].
    pub agent_idle_ms: Option<i64>,
    /// How many refusals of an execution are written one by one in a minute; the others are counted.
    pub refusals_per_minute: u64,
    /// What becomes of a call that the plan does not hold.
    pub unplanned: Unplanned,
    /// Plans may say `allow_unplanned`.
    pub allow_unplanned: bool,
    /// Outputs of open-world calls are looked through for words meant for a model.
    pub scan_outputs: bool,
}

/// How many refusals are written in a minute where nothing is said.
pub const REFUSALS_PER_MINUTE: u64 = 60;

impl Default for Gateway {
    fn default() -> Self {
        Self {
            agent_idle_ms: None,
            refusals_per_minute: REFUSALS_PER_MINUTE,
            unplanned: Unplanned::Refuse,
            allow_unplanned: false,
            scan_outputs: false,
        }
    }
}
