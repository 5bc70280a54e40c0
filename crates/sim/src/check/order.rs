//! The order of what the journal says: what may not begin any more, what may not be said twice, what is too late, and
//! what is undone first.

use super::{Faults, Found};
use mandate_engine::event::{FailureKind, Resolution};
use mandate_engine::{Body, Event};
use mandate_plan::{Effect, Facts};
use mandate_policy::Purpose;
use mandate_store::Journal;
use std::collections::{BTreeMap, BTreeSet};

type Place = (String, Option<u32>);

/// Over all streams: while calls are frozen, none begins.
pub(super) fn check_all(journal: &dyn Journal, all: &[Found], faults: &mut Faults) {
    let mut switches = Vec::new();
    for kind in ["frozen", "thawed"] {
        let rows = journal.system_rows(kind).unwrap_or_default();
        switches.extend(rows.into_iter().map(|row| (row.gseq, kind == "frozen")));
    }
    switches.sort_unstable();
    if switches.is_empty() {
        return;
    }
    let frozen_at = |gseq: u64| {
        let before = switches.iter().take_while(|(at, _)| *at < gseq);
        before.last().is_some_and(|(_, frozen)| *frozen)
    };
    for found in all {
        let rows = journal
            .read(&found.id, 1, usize::MAX >> 1)
            .unwrap_or_default();
        for (row, event) in rows.iter().zip(&found.events) {
            // A read inside this machine may run ahead of the disk, and its start come to the disk later.
            let begins = start(&event.body)
                .is_some_and(|(.., facts)| facts.effect != Effect::Read || facts.open_world);
            if begins && frozen_at(row.gseq) {
                let what = format!("seq {} of {}", event.seq, found.id);
                faults.push(("no call begins while calls are frozen", what));
            }
        }
    }
}

/// Step, item, attempt and facts of a call that begins.
fn start(body: &Body) -> Option<(&str, Option<u32>, u32, Facts)> {
    match body {
        Body::StepStarted {
            step,
            item,
            attempt,
            facts,
            ..
        }
        | Body::CompensationStarted {
            step,
            item,
            attempt,
            facts,
            ..
        } => Some((step, *item, *attempt, *facts)),
        _ => None,
    }
}

/// Within one stream.
pub(super) fn check(found: &Found, faults: &mut Faults) {
    let mut bans = Bans::default();
    let mut said = Said::default();
    let mut last_ms = i64::MIN;
    for event in &found.events {
        if event.at_ms < last_ms {
            faults.push(("time never goes back in a journal", at(found, event)));
        }
        last_ms = event.at_ms;
        if let Some(why) = bans.broken_by(&event.body) {
            let what = format!("{}: {why}", at(found, event));
            faults.push(("nothing begins that may not", what));
        }
        bans.note(&event.body);
        if let Some(why) = said.twice(&event.body) {
            faults.push((
                "nothing is said twice",
                format!("{}: {why}", at(found, event)),
            ));
        }
        if let Some(why) = said.late(event) {
            faults.push((
                "no answer counts after its time",
                format!("{}: {why}", at(found, event)),
            ));
        }
    }
    undone_in_order(found, faults);
}

fn at(found: &Found, event: &Event) -> String {
    format!(
        "`{}` at seq {} of {}",
        event.body.kind(),
        event.seq,
        found.id
    )
}

/// What stands in the way of a call.
#[derive(Default)]
struct Bans {
    began: bool,
    paused: bool,
    leaving: bool,
    cancelled: bool,
    revoked: bool,
    closing: bool,
    finished: bool,
}

impl Bans {
    fn broken_by(&self, body: &Body) -> Option<&'static str> {
        if self.finished && start(body).is_some() {
            return Some("the execution has ended");
        }
        start(body)?;
        let undoes = matches!(body, Body::CompensationStarted { .. });
        let bans = [
            (!self.began, "the plan was not admitted"),
            (self.leaving, "no host drives it"),
            (self.paused && !self.closing && !undoes, "it is paused"),
            (
                self.cancelled && !self.closing && !undoes,
                "it was cancelled",
            ),
            (self.revoked, "the approval was taken back"),
        ];
        bans.into_iter().find(|(ban, _)| *ban).map(|(_, why)| why)
    }

    fn note(&mut self, body: &Body) {
        match body {
            Body::ExecutionStarted { .. } => self.began = true,
            Body::HostStarted { .. } => self.leaving = false,
            Body::HostLeaving { .. } | Body::HostStopped { .. } => self.leaving = true,
            Body::ExecutionPaused { .. } => self.paused = true,
            Body::ExecutionResumed { .. } => self.paused = false,
            Body::CancelRequested { .. } => self.cancelled = true,
            Body::ApprovalRevoked { .. } => self.revoked = true,
            Body::FinallyStarted { .. } => self.closing = true,
            Body::ExecutionFinished { .. } => self.finished = true,
            _ => {}
        }
    }
}

/// What was said already.
#[derive(Default)]
struct Said {
    /// Ends of attempts.
    ends: BTreeSet<(String, Option<u32>, u32, bool)>,
    /// Attempts under way.
    open: BTreeSet<(String, Option<u32>, u32, bool)>,
    requests: BTreeMap<String, Option<i64>>,
    closed: BTreeSet<String>,
    approved: BTreeSet<String>,
    began: bool,
}

impl Said {
    fn twice(&mut self, body: &Body) -> Option<&'static str> {
        let undoes = |purpose: &Purpose| *purpose == Purpose::Compensate;
        match body {
            Body::StepStarted {
                step,
                item,
                attempt,
                ..
            } => {
                let new = self.open.insert((step.clone(), *item, *attempt, false));
                (!new).then_some("the attempt began already")
            }
            Body::CompensationStarted {
                step,
                item,
                attempt,
                ..
            } => {
                let new = self.open.insert((step.clone(), *item, *attempt, true));
                (!new).then_some("the attempt began already")
            }
            Body::StepCompleted {
                step,
                item,
                attempt,
                ..
            }
            | Body::StepFailed {
                step,
                item,
                attempt,
                ..
            } if self.open.contains(&(step.clone(), *item, *attempt, false)) => {
                let new = self.ends.insert((step.clone(), *item, *attempt, false));
                (!new).then_some("the attempt has ended already")
            }
            Body::CompensationCompleted {
                step,
                item,
                attempt,
                ..
            }
            | Body::CompensationFailed {
                step,
                item,
                attempt,
                ..
            } if self.open.contains(&(step.clone(), *item, *attempt, true)) => {
                let new = self.ends.insert((step.clone(), *item, *attempt, true));
                (!new).then_some("the attempt has ended already")
            }
            Body::AttemptInterrupted {
                step,
                item,
                attempt,
                purpose,
            } => {
                let place = (step.clone(), *item, *attempt, undoes(purpose));
                let new = self.ends.insert(place);
                (!new).then_some("the attempt has ended already")
            }
            Body::RequestOpened(request) => {
                let id = request.request_id.clone();
                let before = self.requests.insert(id, request.expires_ms);
                before.is_some().then_some("the request is open already")
            }
            Body::RequestAnswered(answer) => {
                if answer.choice == "approve" {
                    self.approved.insert(answer.request_id.clone());
                }
                let new = self.closed.insert(answer.request_id.clone());
                (!new).then_some("the request is closed already")
            }
            Body::RequestExpired { request_id } => {
                // An approval that was given must also be used in time: a plan that still waits for its turn loses it.
                let unused = self.approved.contains(request_id) && !self.began;
                let new = self.closed.insert(request_id.clone());
                (!new && !unused).then_some("the request is closed already")
            }
            Body::ExecutionStarted { .. } => {
                let again = std::mem::replace(&mut self.began, true);
                again.then_some("the execution began already")
            }
            _ => None,
        }
    }

    fn late(&self, event: &Event) -> Option<String> {
        let Body::RequestAnswered(answer) = &event.body else {
            return None;
        };
        let expires_ms = self.requests.get(&answer.request_id).copied()??;
        (event.at_ms >= expires_ms)
            .then(|| format!("answered at {}, expired at {expires_ms}", event.at_ms))
    }
}

/// What is undone is undone in the reverse order of its doing, and only what was done.
fn undone_in_order(found: &Found, faults: &mut Faults) {
    let mut done: BTreeMap<Place, u64> = BTreeMap::new();
    let mut last: Option<u64> = None;
    for event in &found.events {
        match &event.body {
            Body::StepCompleted { step, item, .. } => {
                done.insert((step.clone(), *item), event.seq);
            }
            Body::StepFailed {
                step,
                item,
                outcome: FailureKind::Invalid,
                ..
            } => {
                done.insert((step.clone(), *item), event.seq);
            }
            Body::StepResolved {
                step,
                item,
                resolution: Resolution::Done { .. },
                ..
            } => {
                done.entry((step.clone(), *item)).or_insert(event.seq);
            }
            Body::CompensationStarted {
                step,
                item,
                attempt: 1,
                ..
            } => {
                let Some(seq) = done.get(&(step.clone(), *item)).copied() else {
                    let what = format!("{}: it was never done", at(found, event));
                    faults.push(("undone is what was done, the newest first", what));
                    continue;
                };
                if last.is_some_and(|last| seq > last) {
                    let what = format!(
                        "{}: done at seq {seq}, after the one before",
                        at(found, event)
                    );
                    faults.push(("undone is what was done, the newest first", what));
                }
                last = Some(seq);
            }
            _ => {}
        }
    }
}
