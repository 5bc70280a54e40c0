//! Answers that somebody waits for: once given, what they say must be on the disk.

use super::World;
use crate::hold::hold;
use mandate_host::{HostError, Submitted, Update};
use std::sync::mpsc::{Receiver, TryRecvError};

/// Somebody waits for an answer.
pub(crate) enum Promise {
    /// Whether a plan was taken.
    Submission(usize, Receiver<Result<Submitted, HostError>>),
    /// Whether something is so: then the stream has a row of this kind.
    Row {
        stream: String,
        kind: &'static str,
        answer: Receiver<Result<(), HostError>>,
    },
    /// An answer that promises nothing.
    Plain(Receiver<Result<(), HostError>>),
    /// Where an execution rests.
    Watch(String, Receiver<Update>),
    /// The host has left.
    Left(Receiver<Result<(), HostError>>),
}

impl Promise {
    pub(crate) fn plain(answer: Receiver<Result<(), HostError>>) -> Self {
        Promise::Plain(answer)
    }
}

enum Came {
    Nothing,
    Over,
    Taken(usize, String),
    Broken(&'static str, String),
    Left,
    Refused(String),
}

impl World<'_> {
    pub(crate) fn promise(&mut self, promise: Promise) {
        self.promises.push(promise);
    }

    /// What was answered meanwhile.
    pub(crate) fn collect_promises(&mut self) {
        let mut kept = Vec::new();
        for promise in std::mem::take(&mut self.promises) {
            match self.collect(&promise) {
                Came::Nothing => kept.push(promise),
                Came::Over => {}
                Came::Refused(why) => self.say(&format!("refused: {why}")),
                Came::Taken(run, execution_id) => self.taken(run, execution_id),
                Came::Broken(check, what) => self.violate(check, what),
                Came::Left => {
                    self.say("the host has left");
                    self.restart_at = Some(self.tick);
                }
            }
        }
        self.promises.extend(kept);
    }

    fn collect(&self, promise: &Promise) -> Came {
        const ANSWERED: &str = "what is answered is on the disk";
        match promise {
            Promise::Submission(run, answer) => match answer.try_recv() {
                Err(TryRecvError::Empty) => Came::Nothing,
                Err(TryRecvError::Disconnected) => Came::Over,
                Ok(Err(error)) => Came::Refused(error.to_string()),
                Ok(Ok(submitted)) => {
                    let id = submitted.execution_id;
                    match hold(&self.acknowledged).has(&id, "execution_created") {
                        true => Came::Taken(*run, id),
                        false => Came::Broken(ANSWERED, format!("{id} was taken")),
                    }
                }
            },
            Promise::Row {
                stream,
                kind,
                answer,
            } => match answer.try_recv() {
                Err(TryRecvError::Empty) => Came::Nothing,
                Err(TryRecvError::Disconnected) => Came::Over,
                Ok(Err(error)) => Came::Refused(error.to_string()),
                Ok(Ok(())) => match hold(&self.acknowledged).has(stream, kind) {
                    true => Came::Over,
                    false => Came::Broken(ANSWERED, format!("`{kind}` in {stream}")),
                },
            },
            Promise::Plain(answer) => match answer.try_recv() {
                Err(TryRecvError::Empty) => Came::Nothing,
                _ => Came::Over,
            },
            Promise::Watch(execution_id, updates) => loop {
                match updates.try_recv() {
                    Err(TryRecvError::Empty) => return Came::Nothing,
                    Err(TryRecvError::Disconnected) => return Came::Over,
                    Ok(Update::Rest(rest)) => {
                        let durable = hold(&self.acknowledged).len(execution_id);
                        if rest.state.seq > durable {
                            let what = format!(
                                "{execution_id} rests at seq {}, and the disk is at {durable}",
                                rest.state.seq
                            );
                            return Came::Broken(ANSWERED, what);
                        }
                    }
                    Ok(_) => {}
                }
            },
            Promise::Left(answer) => match answer.try_recv() {
                Err(TryRecvError::Empty) => Came::Nothing,
                Ok(Ok(())) => Came::Left,
                _ => Came::Over,
            },
        }
    }
}
