//! What a task is named by. The name says what it stands for, so that whoever knows the journal finds it again: nothing
//! about a task is kept anywhere else.

/// What a client may come back for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Handle {
    /// A call that is under way.
    Call {
        execution_id: String,
        step: String,
        item: Option<u32>,
        attempt: u32,
    },
    /// A call that somebody must say yes to first.
    Asked {
        execution_id: String,
        request_id: String,
    },
    /// A plan, or a revision, that somebody must approve.
    Proposal {
        execution_id: String,
        request_id: String,
    },
    /// A plan that Mandate runs, in that revision.
    Run { execution_id: String, revision: u32 },
}

impl Handle {
    pub(crate) fn execution_id(&self) -> &str {
        match self {
            Handle::Call { execution_id, .. }
            | Handle::Asked { execution_id, .. }
            | Handle::Proposal { execution_id, .. }
            | Handle::Run { execution_id, .. } => execution_id,
        }
    }

    /// The task's id.
    pub(crate) fn id(&self) -> String {
        match self {
            Handle::Call {
                execution_id,
                step,
                item,
                attempt,
            } => {
                let item = item.map_or_else(|| "-".to_owned(), |item| item.to_string());
                format!("call.{attempt}.{item}.{step}.{execution_id}")
            }
            Handle::Asked {
                execution_id,
                request_id,
            } => format!("ask.{request_id}.{execution_id}"),
            Handle::Proposal {
                execution_id,
                request_id,
            } => format!("plan.{request_id}.{execution_id}"),
            Handle::Run {
                execution_id,
                revision,
            } => format!("run.{revision}.{execution_id}"),
        }
    }

    /// From a task's id; none if it is none of ours.
    pub(crate) fn read(id: &str) -> Option<Self> {
        let (kind, rest) = id.split_once('.')?;
        let (first, rest) = rest.split_once('.')?;
        let handle = match kind {
            "call" => {
                let (item, rest) = rest.split_once('.')?;
                let (step, execution_id) = rest.split_once('.')?;
                Handle::Call {
                    execution_id: execution_id.to_owned(),
                    step: step.to_owned(),
                    item: match item {
                        "-" => None,
                        item => Some(item.parse().ok()?),
                    },
                    attempt: first.parse().ok()?,
                }
            }
            "ask" => Handle::Asked {
                execution_id: rest.to_owned(),
                request_id: first.to_owned(),
            },
            "plan" => Handle::Proposal {
                execution_id: rest.to_owned(),
                request_id: first.to_owned(),
            },
            "run" => Handle::Run {
                execution_id: rest.to_owned(),
                revision: first.parse().ok()?,
            },
            _ => return None,
        };
        // One task has one id.
        (handle.id() == id).then_some(handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_what_it_stands_for() {
        let execution_id = || "01a2292f-9bec".to_owned();
        let all = [
            Handle::Call {
                execution_id: execution_id(),
                step: "fetch".to_owned(),
                item: Some(3),
                attempt: 2,
            },
            Handle::Call {
                execution_id: "of.a.caller".to_owned(),
                step: "fetch_it".to_owned(),
                item: None,
                attempt: 1,
            },
            Handle::Asked {
                execution_id: execution_id(),
                request_id: "req-1".to_owned(),
            },
            Handle::Proposal {
                execution_id: execution_id(),
                request_id: "req-1".to_owned(),
            },
            Handle::Run {
                execution_id: execution_id(),
                revision: 4,
            },
        ];
        for handle in all {
            assert_eq!(Handle::read(&handle.id()), Some(handle));
        }
    }

    #[test]
    fn what_is_no_id_stands_for_nothing() {
        for id in [
            "",
            "call",
            "call.1.-.fetch",
            "call.01.-.fetch.e",
            "call.1.+3.fetch.e",
            "call.-1.-.fetch.e",
            "run.x.e",
            "walk.1.e",
            "tasks-conformance-nonexistent-12345",
        ] {
            assert_eq!(Handle::read(id), None, "{id}");
        }
    }
}
