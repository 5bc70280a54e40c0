//! How many have to say the same before an answer holds, and who has said what so far.
//!
//! An answer that holds closes its request. One that others must join is counted, and the request stays open. A no of
//! anybody who may answer holds at once.

use crate::answer::check_open;
use crate::event::{Answer, HALT, REJECT, Request};
use crate::life::Illegal;
use crate::state::{OpenRequest, State};
use mandate_policy::approver::Approver;
use mandate_policy::assent::{Assent, unmet};
use serde::Serialize;
use serde_json::Value;

/// What one person said to a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Said {
    /// The choice.
    pub choice: String,
    /// The data that came with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who, when, and how that is known.
    pub assent: Assent,
}

/// What an answer comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weighed {
    /// Whoever gives it may not.
    NotTheirs,
    /// They have said that already, and nobody counts twice.
    Again,
    /// It counts, and these must say the same before it holds.
    Counts(Vec<String>),
    /// It holds.
    Holds,
}

/// Answers that keep something from happening: one is enough.
fn is_no(choice: &str) -> bool {
    matches!(choice, REJECT | HALT)
}

impl Answer {
    fn assent(&self, at_ms: i64) -> Assent {
        Assent {
            by: self.by.clone(),
            channel: self.channel.clone(),
            key: self.key.clone(),
            roles: self.roles.clone(),
            at_ms,
        }
    }
}

impl OpenRequest {
    /// Everybody who said what the request was closed with.
    pub fn assents(&self) -> Vec<Assent> {
        let closed = self.closed.as_deref();
        let same = |said: &&Said| Some(said.choice.as_str()) == closed && said.data == self.data;
        self.said
            .iter()
            .filter(same)
            .map(|said| said.assent.clone())
            .collect()
    }
}

impl State {
    /// What an answer to an open request comes to. Whether it fits the request is another question.
    pub fn weigh(&self, answer: &Answer) -> Weighed {
        let Some(open) = self.requests.get(&answer.request_id) else {
            return Weighed::NotTheirs;
        };
        let requester = &self.created.principal;
        let parsed = open.request.approvers.iter().map(|text| text.parse());
        // A rule that nobody understands is satisfied by nobody.
        let Ok(approvers) = parsed.collect::<Result<Vec<Approver>, _>>() else {
            return Weighed::NotTheirs;
        };
        let own = answer.assent(self.at_ms);
        if !approvers
            .iter()
            .any(|approver| own.counts_as(approver, requester))
        {
            return Weighed::NotTheirs;
        }
        if is_no(&answer.choice) {
            return Weighed::Holds;
        }
        let same = |said: &&Said| said.choice == answer.choice && said.data == answer.data;
        let mut assents: Vec<Assent> = open
            .said
            .iter()
            .filter(same)
            .map(|said| said.assent.clone())
            .collect();
        if assents.iter().any(|assent| assent.by == own.by) {
            return Weighed::Again;
        }
        assents.push(own);
        let still = unmet(&approvers, &assents, requester);
        if still.is_empty() {
            return Weighed::Holds;
        }
        Weighed::Counts(still.into_iter().map(ToString::to_string).collect())
    }

    /// Who must still say the same as those who said yes so far.
    pub fn still_wanted(&self, open: &OpenRequest, choice: &str) -> Vec<String> {
        let parsed = open.request.approvers.iter().map(|text| text.parse());
        let approvers: Vec<Approver> = parsed.filter_map(Result::ok).collect();
        let same = open.said.iter().filter(|said| said.choice == choice);
        let assents: Vec<Assent> = same.map(|said| said.assent.clone()).collect();
        let still = unmet(&approvers, &assents, &self.created.principal);
        still.into_iter().map(ToString::to_string).collect()
    }

    /// Somebody answered, and others must say the same before it holds.
    pub(crate) fn count_answer(&mut self, answer: &Answer) -> Result<(), Illegal> {
        let open = self.requests.get(&answer.request_id).ok_or(Illegal)?;
        let fits = check_open(open, self.at_ms).is_ok() && self.fits(&open.request, answer);
        if !fits {
            return Err(Illegal);
        }
        self.note_said(answer);
        Ok(())
    }

    /// Notes who said what; whoever said something else before has changed their mind.
    pub(crate) fn note_said(&mut self, answer: &Answer) {
        let assent = answer.assent(self.at_ms);
        if let Some(open) = self.requests.get_mut(&answer.request_id) {
            open.said.retain(|said| said.assent.by != assent.by);
            open.said.push(Said {
                choice: answer.choice.clone(),
                data: answer.data.clone(),
                reason: answer.reason.clone(),
                assent,
            });
        }
    }

    /// Whether an answer is one to this request, where the execution is.
    pub(crate) fn fits(&self, request: &Request, answer: &Answer) -> bool {
        request.choices.contains(&answer.choice)
            && answer.subject.is_none_or(|shown| shown == request.subject)
            && crate::answer::check_presence(request, answer).is_ok()
            && self.answerable(request)
            && !(request.kind == crate::event::RequestKind::Plan && self.approval_overdue())
    }
}
