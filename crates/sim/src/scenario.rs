//! What one run consists of, written down: plans, how their calls go, and what is done to the host and when. It is drawn
//! from a seed, can be cut down while it still fails, and is what a regression file holds.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// The seed of everything that is decided while it runs: what is next, who answers what.
    pub seed: u64,
    /// On which disk.
    pub disk: DiskKind,
    /// How many executions may be active at a time.
    pub max_active: usize,
    /// How many calls the session may make in a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_per_minute: Option<u64>,
    /// How many calls the session may make in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_per_session: Option<u64>,
    /// What is submitted.
    pub runs: Vec<Run>,
    /// How calls go, by step, one after the other; all that follow go well. Ids of steps are unique over all plans. Calls
    /// that undo a step are listed under `undo:STEP`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calls: BTreeMap<String, Vec<How>>,
    /// What is done to the host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<Act>,
}

/// Which disk the journal is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskKind {
    /// A journal in memory that keeps a durable prefix.
    Memory,
    /// The real store over SQLite, on files that forget or tear what was not synced.
    Sqlite,
}

/// One execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The tick at which it is submitted.
    pub at: u64,
    /// The plan document.
    pub plan: Value,
    /// Its inputs.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
    /// What whoever is asked to approve the plan does.
    pub approval: Approval,
    /// Its deadline, counted from its submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_in_ms: Option<i64>,
    /// Somebody looks on.
    pub watched: bool,
}

/// What whoever is asked to approve a plan does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Says yes.
    Approve,
    /// Says no.
    Reject,
    /// Two people say yes and no at the same time.
    Both,
    /// Says yes when it is too late.
    Late,
    /// Says nothing.
    Never,
}

/// How one call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Well, after so many polls before the effect and after it.
    Well {
        /// Polls before the effect.
        before: u8,
        /// Polls between the effect and the answer.
        after: u8,
    },
    /// The tool answers with an error; there was no effect.
    Error,
    /// Nothing is sent.
    Refused,
    /// The connection breaks.
    Broken {
        /// The effect happened.
        done: bool,
    },
    /// There is never an answer.
    Hangs {
        /// The effect happened.
        done: bool,
    },
    /// The provider panics.
    Panics {
        /// The effect happened.
        done: bool,
    },
    /// The effect happened, and the answer is not what the tool declares or the step expects.
    Misfit,
    /// The answer arrives twice.
    Twice,
    /// It goes well, and the answer never arrives.
    Swallowed,
    /// It goes well, and the answer is large.
    Large,
}

/// Something is done to the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// The tick at which it is done.
    pub at: u64,
    /// What.
    pub what: Deed,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// The process is killed; what it handed to the operating system stays.
    Kill,
    /// The power fails: of what was not synced, anything may be there, in whole or in part.
    PowerLoss,
    /// The power fails after so many further operations of the disk, in the middle of a commit if that is where it is.
    PowerLossIn {
        /// Operations.
        operations: u32,
    },
    /// The disk takes nothing more. After a while somebody makes room and starts the process again.
    DiskFull,
    /// The host is asked to leave, and another one takes over.
    HandOver,
    /// The clock goes forward.
    ClockForward {
        /// By so much.
        by_ms: i64,
    },
    /// The clock goes back.
    ClockBack {
        /// By so much.
        by_ms: i64,
    },
    /// Somebody cancels an execution.
    Cancel {
        /// The run's place in the list.
        run: usize,
        /// Giving up on doubts and compensations.
        force: bool,
    },
    /// Somebody pauses an execution.
    Pause {
        /// The run's place in the list.
        run: usize,
    },
    /// Somebody resumes an execution.
    Resume {
        /// The run's place in the list.
        run: usize,
    },
    /// Calls are frozen.
    Freeze,
    /// Calls are thawed.
    Thaw,
    /// The approval of an execution is taken back.
    Revoke {
        /// The run's place in the list.
        run: usize,
    },
}

impl How {
    /// Its name in the counts.
    pub fn name(self) -> &'static str {
        match self {
            How::Well { .. } => "call: well",
            How::Error => "call: error",
            How::Refused => "call: refused",
            How::Broken { done: true } => "call: broken after the effect",
            How::Broken { done: false } => "call: broken before the effect",
            How::Hangs { done: true } => "call: hangs after the effect",
            How::Hangs { done: false } => "call: hangs before the effect",
            How::Panics { done: true } => "call: panics after the effect",
            How::Panics { done: false } => "call: panics before the effect",
            How::Misfit => "call: answer does not fit",
            How::Twice => "completion: duplicated",
            How::Swallowed => "completion: lost",
            How::Large => "call: large answer",
        }
    }
}
