//! Standing approvals: a yes to further executions of one plan with the same tools, so many and so long, for inputs as
//! they were shown or as patterns allow. One satisfies what its giver satisfies, and nothing else.
//!
//! They are rows of the `system` stream, and so are their uses: the row of a use comes before the answer that it gives.

mod ledger;
mod terms;

pub use ledger::{Ledger, StandingApproval};
pub use terms::{InputRule, StandingTerms};

use crate::ask::HostError;
use crate::host::Host;
use crate::recovery::load;
use crate::system_rows::{append, batch};
use ledger::{GIVEN, Given, REVOKED, Revoked, USED, Used};
use mandate_engine::event::{APPROVE, Answer, RequestKind};
use mandate_engine::{Applied, Body, Event, State, Weighed};
use mandate_plan::{Digest, ErrorCode};
use mandate_policy::principal::APPROVER;
use mandate_policy::{Principal, Right};
use mandate_store::Journal;
use mandate_tools::Fault;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What is to be done to standing approvals.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StandingAct {
    /// Let an approval that was given stand for further executions.
    Give {
        /// The execution whose plan was approved.
        execution_id: String,
        /// The request that was answered.
        request_id: String,
        /// How far it goes.
        terms: StandingTerms,
    },
    /// Let one hold no longer.
    Revoke {
        /// Which.
        standing_id: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// Does it, and gives the id of the standing approval. Returns when the disk has it.
///
/// # Errors
/// It does not fit, or whoever asks may not.
pub fn act(
    journal: &dyn Journal,
    act: StandingAct,
    by: &Principal,
    now_ms: i64,
) -> Result<String, HostError> {
    match act {
        StandingAct::Give {
            execution_id,
            request_id,
            terms,
        } => give(journal, (&execution_id, &request_id), terms, by, now_ms),
        StandingAct::Revoke {
            standing_id,
            reason,
        } => {
            let ledger = Ledger::of(journal)?;
            let Some(found) = ledger.get(&standing_id) else {
                return Err(wrong(format!(
                    "there is no standing approval `{standing_id}`"
                )));
            };
            if let Some(why) = found.over(now_ms) {
                return Err(HostError::NotNow(format!(
                    "`{standing_id}` holds no longer: {why}"
                )));
            }
            let own = found.assent.by == by.name;
            if !own && !by.may(Right::Operate) && !by.roles.contains(APPROVER) {
                return Err(HostError::MayNot {
                    by: by.name.clone(),
                    what: "revoke approvals of others".to_owned(),
                    roles: vec![
                        APPROVER.to_owned(),
                        "operator".to_owned(),
                        "admin".to_owned(),
                    ],
                });
            }
            let row = Revoked {
                standing_id: standing_id.clone(),
                by: by.name.clone(),
                key: by.key.clone(),
                reason,
            };
            append(journal, now_ms, REVOKED, &json!(row))?;
            Ok(standing_id)
        }
    }
}

fn wrong(why: String) -> HostError {
    HostError::Tool(Fault::new(ErrorCode::InvalidPayload, why))
}

/// Only what somebody said yes to, as they were shown it, can stand.
fn give(
    journal: &dyn Journal,
    (execution_id, request_id): (&str, &str),
    terms: StandingTerms,
    by: &Principal,
    now_ms: i64,
) -> Result<String, HostError> {
    let state = load(journal, execution_id)?;
    let open = state.requests.get(request_id);
    let open = open.ok_or_else(|| wrong(format!("there is no request `{request_id}`")))?;
    if open.request.kind != RequestKind::Plan {
        return Err(wrong(
            "only the approval of a plan can stand for further executions".to_owned(),
        ));
    }
    let said = open
        .said
        .iter()
        .find(|said| said.assent.by == by.name && said.choice == APPROVE);
    let Some(said) = said else {
        return Err(HostError::NotNow(format!(
            "{} did not approve `{request_id}`",
            by.name
        )));
    };
    let (created, plan) = state.submitted();
    let inputs = terms.rules(created, now_ms).map_err(wrong)?;
    let number = Digest::framed(
        "mandate/standing/v1",
        [
            request_id.as_bytes(),
            by.name.as_bytes(),
            &now_ms.to_be_bytes(),
        ],
    )
    .to_string();
    let row = Given {
        standing_id: format!("stand-{}", number.get(..12).unwrap_or(&number)),
        plan: plan.plan().name.clone(),
        plan_hash: created.plan_hash,
        tools: created.tools.clone(),
        inputs,
        secrets: created.secrets.clone(),
        runs: terms.runs,
        until_ms: terms.until_ms,
        execution_id: execution_id.to_owned(),
        request_id: request_id.to_owned(),
        assent: said.assent.clone(),
        reason: said.reason.clone(),
    };
    append(journal, now_ms, GIVEN, &json!(row))?;
    Ok(row.standing_id)
}

/// What standing approvals say to the request of an execution that begins.
pub(crate) struct Applying {
    answers: Vec<(String, Body)>,
    /// With them, the plan is approved.
    pub(crate) approved: bool,
}

impl Host {
    /// Which standing approvals answer the request for the plan of an execution that begins. One that adds nothing is
    /// not used.
    pub(crate) fn standing_for(&mut self, state: &State, now_ms: i64) -> Applying {
        let mut applying = Applying {
            answers: Vec::new(),
            approved: false,
        };
        let Some(open) = state
            .open_request()
            .filter(|open| open.request.kind == RequestKind::Plan)
        else {
            return applying;
        };
        // A journal that cannot tell has none: somebody is asked.
        if self.standing.catch_up(self.parts.journal.as_ref()).is_err() {
            return applying;
        }
        let matching = self.standing.matching(&state.created, now_ms);
        if matching.is_empty() {
            return applying;
        }
        let mut after = state.clone();
        for found in matching {
            let answer = Answer {
                reason: found.reason.clone(),
                subject: Some(open.request.subject),
                key: found.assent.key.clone(),
                roles: found.assent.roles.clone(),
                ..Answer::new(
                    &open.request.request_id,
                    APPROVE,
                    &found.assent.by,
                    &format!("standing:{}", found.standing_id),
                )
            };
            let body = match after.weigh(&answer) {
                Weighed::Holds => Body::RequestAnswered(answer),
                Weighed::Counts(_) => Body::AnswerCounted(answer),
                Weighed::NotTheirs | Weighed::Again => continue,
            };
            let event = Event {
                seq: after.seq.saturating_add(1),
                at_ms: after.at_ms,
                body: body.clone(),
            };
            if after.apply(&event) != Applied::Changed {
                continue;
            }
            applying.approved = matches!(body, Body::RequestAnswered(_));
            applying.answers.push((found.standing_id.clone(), body));
            if applying.approved {
                break;
            }
        }
        applying
    }

    /// Gives the answers of standing approvals in, each after the row that counts its use.
    pub(crate) fn apply_standing(&mut self, execution_id: &str, applying: Applying, now_ms: i64) {
        for (standing_id, body) in applying.answers {
            self.standing.note_use(&standing_id, execution_id);
            let row = Used {
                standing_id,
                execution_id: execution_id.to_owned(),
            };
            // A use whose row is lost comes with an answer that is lost: what is appended later is durable later.
            let row = batch(now_ms, USED, &json!(row));
            self.parts.journal.append(row, Box::new(|_| {}));
            self.take_turn(execution_id, body);
        }
    }
}
