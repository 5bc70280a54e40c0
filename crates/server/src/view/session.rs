//! What the calls of a session add up to, and how much is left.

use mandate_engine::State;
use mandate_host::{HostError, SESSION_IDLE_MS, set_aside};
use mandate_policy::Limits;
use mandate_store::{Journal, SessionSummary, Tally};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What the calls of one principal's session add up to, and what is set aside in it.
pub struct SessionStanding {
    /// The calls.
    pub tally: Tally,
    /// What is set aside, by execution.
    pub held: Vec<(String, u64)>,
}

impl SessionStanding {
    /// As the journal has it now.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn of(
        journal: &dyn Journal,
        principal: &str,
        session: &str,
        now_ms: i64,
    ) -> Result<Self, HostError> {
        let mut tally = journal.tally(principal, session, now_ms, SESSION_IDLE_MS)?;
        tally.recent.reverse(); // the last one first
        let held = set_aside(journal, &tally)?;
        Ok(Self { tally, held })
    }

    /// How many calls are set aside.
    pub fn reserved(&self) -> u64 {
        let held = self.held.iter().map(|(_, calls)| *calls);
        held.fold(0, u64::saturating_add)
    }

    /// How many calls are left for others; none is no limit.
    pub fn left(&self, limits: Limits) -> Option<u64> {
        let taken = self.tally.calls.saturating_add(self.reserved());
        limits
            .calls_per_session
            .map(|limit| limit.saturating_sub(taken))
    }
}

/// The calls that an approved execution needs to start, of which its session has not enough left: others have set them aside,
/// and give back what they do not use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AwaitedCalls {
    /// Calls that it may make at the most.
    pub needed: u64,
    /// Calls that its session has left for it.
    pub left: u64,
    /// Calls that others of the session have set aside.
    pub reserved: u64,
}

impl AwaitedCalls {
    /// What an execution lacks, as the journal has it now; none unless it waits for calls of others.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn of(
        state: &State,
        journal: &dyn Journal,
        limits: Limits,
        now_ms: i64,
    ) -> Result<Option<Self>, HostError> {
        if !state.awaits_admission() {
            return Ok(None);
        }
        let (created, needed) = (&state.created, state.worst_case());
        let standing = SessionStanding::of(journal, &created.principal, &created.session, now_ms)?;
        let reserved = standing.reserved();
        let left = standing.left(limits).filter(|left| *left < needed);
        Ok(left.filter(|_| reserved > 0).map(|left| Self {
            needed,
            left,
            reserved,
        }))
    }
}

/// A session in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SessionRow)]
pub struct SessionRowView {
    /// Its id.
    pub session: String,
    /// Who acts in it.
    pub principal: String,
    /// Executions.
    pub executions: u64,
    /// Calls, since it was last idle for long.
    pub calls: u64,
    /// Calls that are set aside.
    pub reserved: u64,
    /// Calls of the last minute.
    #[schema(value_type = u64)]
    pub calls_last_minute: usize,
    /// When the first execution was created, Unix milliseconds.
    pub first_ms: i64,
    /// When anything last happened, Unix milliseconds.
    pub last_ms: i64,
}

/// A session in a list, for programs.
pub fn session_row(summary: &SessionSummary, standing: &SessionStanding) -> SessionRowView {
    SessionRowView {
        session: summary.session.clone(),
        principal: summary.principal.clone(),
        executions: summary.executions,
        calls: standing.tally.calls,
        reserved: standing.reserved(),
        calls_last_minute: standing.tally.minute.len(),
        first_ms: summary.first_ms,
        last_ms: summary.last_ms,
    }
}

/// A session of one principal.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionView {
    /// Its id.
    pub session: String,
    /// Who acts in it.
    pub principal: String,
    /// Calls, since it was last idle for long.
    pub calls: u64,
    /// Calls that are set aside.
    pub reserved: u64,
    /// The same, by execution.
    pub reserved_by: BTreeMap<String, u64>,
    /// Calls that are left for others; none is no limit.
    pub left: Option<u64>,
    /// Calls of the last minute.
    #[schema(value_type = u64)]
    pub calls_last_minute: usize,
    /// Categories of the last calls, the newest first.
    pub recent: Vec<String>,
    /// The first call's time, Unix milliseconds.
    pub first_ms: Option<i64>,
    /// The last call's time, Unix milliseconds.
    pub last_ms: Option<i64>,
    /// When it counts anew unless another call comes, Unix milliseconds.
    pub resets_ms: Option<i64>,
    /// The limits.
    #[schema(value_type = Object)]
    pub limits: Limits,
    /// Its last executions.
    pub executions: Vec<String>,
}

/// A session for programs.
pub fn session(
    session: &str,
    principal: &str,
    standing: &SessionStanding,
    limits: Limits,
    executions: &[&str],
) -> SessionView {
    let tally = &standing.tally;
    SessionView {
        session: session.to_owned(),
        principal: principal.to_owned(),
        calls: tally.calls,
        reserved: standing.reserved(),
        reserved_by: standing.held.iter().cloned().collect(),
        left: standing.left(limits),
        calls_last_minute: tally.minute.len(),
        recent: tally.recent.clone(),
        first_ms: tally.first_ms,
        last_ms: tally.last_ms,
        resets_ms: tally
            .last_ms
            .map(|last_ms| last_ms.saturating_add(SESSION_IDLE_MS)),
        limits,
        executions: executions.iter().map(|id| (*id).to_owned()).collect(),
    }
}
