//! What is done to the host: submissions, crashes, full disks, clocks, and what operators do.

use super::{Promise, World};
use crate::scenario::{Deed, Run};
use mandate_host::{Ask, Clock as _, HostError, Input, Submission, Switch, Update};
use mandate_plan::{CheckedPlan, Format, ToolLookup, check, parse};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

/// Who asks for everything.
pub(super) const ANN: &str = "ann";
/// Ticks after which a host that was asked to leave, or whose disk is full, is replaced.
const PATIENCE: u64 = 60;

impl World<'_> {
    /// Does what its time has come for.
    pub(super) fn deeds_due(&mut self) {
        if self.restart_at.is_some_and(|at| at <= self.tick) {
            self.restart(false);
        }
        for place in 0..self.scenario.runs.len() {
            let due = self
                .scenario
                .runs
                .get(place)
                .filter(|run| run.at <= self.tick);
            let asked = self.submitted.get(place).is_none_or(|known| known.asked);
            if let Some(run) = due
                && !asked
            {
                self.submit(place, run);
            }
        }
        while let Some(act) = self.scenario.acts.get(self.next_act)
            && act.at <= self.tick
        {
            self.next_act = self.next_act.saturating_add(1);
            self.do_deed(act.what);
        }
    }

    /// The tick of the next thing that is to be done.
    pub(super) fn next_deed_at(&self) -> Option<u64> {
        let act = self.scenario.acts.get(self.next_act).map(|act| act.at);
        let runs = self.scenario.runs.iter().zip(&self.submitted);
        let run = runs
            .filter(|(_, known)| !known.asked)
            .map(|(run, _)| run.at);
        act.into_iter().chain(run).chain(self.restart_at).min()
    }

    fn submit(&mut self, place: usize, run: &Run) {
        if let Some(known) = self.submitted.get_mut(place) {
            known.asked = true;
        }
        let plan = match checked(run, self.surroundings.tools.lookup().as_ref()) {
            Ok(plan) => plan,
            Err(why) => {
                self.violate("the scenario is valid", why);
                return;
            }
        };
        let now_ms = self.surroundings.clock.now_ms();
        let submission = Submission {
            plan,
            inputs: run.inputs.clone(),
            principal: ANN.to_owned(),
            roles: Vec::new(),
            session: "session".to_owned(),
            deadline_ms: run.deadline_in_ms.map(|in_ms| now_ms.saturating_add(in_ms)),
            rerun: None,
            revises: None,
            execution_id: None,
            asked: None,
        };
        let (reply, answer) = channel();
        self.say(&format!("run {place} is submitted"));
        self.put(Input::Ask(Ask::Submit(Box::new(submission), reply)));
        self.promise(Promise::Submission(place, answer));
    }

    /// A run was taken.
    pub(super) fn taken(&mut self, place: usize, execution_id: String) {
        self.say(&format!("run {place} is {execution_id}"));
        if self.scenario.runs.get(place).is_some_and(|run| run.watched) {
            let (watcher, updates) = channel::<Update>();
            let (reply, _) = channel();
            self.put(Input::Ask(Ask::Watch(execution_id.clone(), watcher, reply)));
            self.promise(Promise::Watch(execution_id.clone(), updates));
        }
        if let Some(known) = self.submitted.get_mut(place) {
            known.execution_id = Some(execution_id);
        }
    }

    pub(super) fn put(&mut self, input: Input) {
        if let Some(process) = &self.process {
            process.put(input);
        }
    }

    /// Asks for something that leaves a row behind.
    pub(super) fn ask_for_row(
        &mut self,
        stream: &str,
        kind: &'static str,
        ask: impl FnOnce(Sender<Result<(), HostError>>) -> Ask,
    ) {
        let (reply, answer) = channel();
        self.put(Input::Ask(ask(reply)));
        self.promise(Promise::Row {
            stream: stream.to_owned(),
            kind,
            answer,
        });
    }

    fn id_of(&self, run: usize) -> Option<String> {
        self.submitted.get(run)?.execution_id.clone()
    }

    fn do_deed(&mut self, deed: Deed) {
        self.say(&format!("deed: {deed:?}"));
        let by = ANN.to_owned();
        match deed {
            Deed::Kill => {
                self.meet("kill");
                self.restart(false);
            }
            Deed::PowerLoss => {
                self.meet("power loss");
                self.restart(true);
            }
            Deed::PowerLossIn { operations } => {
                if let Some(process) = &self.process {
                    process.journal.disk.fail_power_in(operations);
                }
            }
            Deed::DiskFull => {
                self.meet("disk full");
                if let Some(process) = &self.process {
                    process.journal.disk.fill();
                }
                let later = self.random.below(PATIENCE);
                self.restart_at = Some(self.tick.saturating_add(later));
            }
            Deed::HandOver => {
                self.meet("hand-over");
                let (reply, answer) = channel();
                self.put(Input::Ask(Ask::Leave(false, reply)));
                self.promise(Promise::Left(answer));
                self.restart_at = Some(self.tick.saturating_add(PATIENCE));
            }
            Deed::ClockForward { by_ms } => {
                self.meet("clock forward");
                self.surroundings.clock.pass(by_ms);
            }
            Deed::ClockBack { by_ms } => {
                self.meet("clock back");
                self.surroundings.clock.pass(by_ms.saturating_neg());
            }
            Deed::Cancel { run, force } => {
                let Some(execution_id) = self.id_of(run) else {
                    return;
                };
                self.meet(if force { "cancel by force" } else { "cancel" });
                let stream = execution_id.clone();
                self.ask_for_row(&stream, "cancel_requested", |reply| Ask::Cancel {
                    execution_id,
                    by,
                    reason: None,
                    force,
                    reply,
                });
            }
            Deed::Pause { run } => {
                let Some(id) = self.id_of(run) else { return };
                self.meet("pause");
                let stream = id.clone();
                self.ask_for_row(&stream, "execution_paused", |reply| {
                    Ask::Pause(id, by, reply)
                });
            }
            Deed::Resume { run } => {
                let Some(id) = self.id_of(run) else { return };
                self.meet("resume");
                let stream = id.clone();
                self.ask_for_row(&stream, "execution_resumed", |reply| {
                    Ask::Resume(id, by, reply)
                });
            }
            Deed::Freeze => {
                self.meet("freeze");
                let switch = Switch::Freeze { reason: None };
                self.ask_for_row("system", "frozen", |reply| Ask::Switch(switch, by, reply));
            }
            Deed::Thaw => {
                self.meet("thaw");
                let switch = Switch::Thaw { reason: None };
                self.ask_for_row("system", "thawed", |reply| Ask::Switch(switch, by, reply));
            }
            Deed::Revoke { run } => {
                let Some(execution_id) = self.id_of(run) else {
                    return;
                };
                self.meet("revoke");
                let stream = execution_id.clone();
                self.ask_for_row(&stream, "approval_revoked", |reply| Ask::Revoke {
                    execution_id,
                    by,
                    reason: None,
                    reply,
                });
            }
        }
    }

    /// The power may have failed by itself.
    pub(super) fn watch_machine(&mut self) {
        let dead = { self.process.as_ref() }.is_some_and(|process| process.journal.disk.is_dead());
        if dead {
            self.meet("power loss within the disk's work");
            self.say("the power has failed");
            self.restart(true);
        }
    }

    /// The process is gone, and another one starts.
    pub(super) fn restart(&mut self, power: bool) {
        self.restart_at = None;
        self.promises.clear();
        self.agents.clear();
        // Before the process lets go of anything: what it does from here on never was.
        self.machine.crash(power, &mut self.random);
        self.process = None;
        // Starting takes a moment.
        let moment = self.random.below(2_000).cast_signed();
        self.surroundings.clock.pass(moment);
        self.start();
        // What was asked for last may have gone with the process: it is asked for once more.
        self.settling = false;
    }

    /// Everything that was to be done is done: whatever keeps executions from their end is taken away.
    pub(super) fn settle(&mut self) {
        self.settling = true;
        self.say("settling");
        let by = ANN.to_owned();
        let switch = Switch::Thaw { reason: None };
        self.ask_for_row("system", "thawed", |reply| Ask::Switch(switch, by, reply));
        let ids = crate::hold::hold(&self.acknowledged).executions();
        for id in ids {
            let by = ANN.to_owned();
            let stream = id.clone();
            self.ask_for_row(&stream, "execution_resumed", |reply| {
                Ask::Resume(id, by, reply)
            });
        }
    }
}

/// The plan of a run, as it is checked before it is submitted.
pub(crate) fn checked(run: &Run, lookup: &dyn ToolLookup) -> Result<Arc<CheckedPlan>, String> {
    let text = run.plan.to_string();
    let faults = |found: &[mandate_plan::Violation]| {
        let told = found.iter().map(|violation| violation.message.clone());
        told.collect::<Vec<_>>().join("; ")
    };
    let document = parse(text.as_bytes(), Format::Json).map_err(|found| faults(&found))?;
    let checked = check(&document, Some(lookup));
    checked.plan.ok_or_else(|| faults(&checked.violations))
}
