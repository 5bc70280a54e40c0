//! One conversation: who is there, and what they ask.

use super::lines::{Mouth, Reader};
use super::{Desk, outlooks, waiting, watching};
use crate::agent::{AgentAsk, Shown};
use crate::ask::{HostError, Submitted};
use crate::clock::{Clock as _, SystemClock};
use crate::host::Ids as _;
use crate::keys::{ApiKey, KeyAct, KeyActed, Keys, may_remove};
use crate::local::RandomIds;
use crate::overriding::Overriding;
use crate::peer;
use crate::readable::incoming;
use crate::refused::{note_answer, note_key};
use crate::retention::remove_from;
use crate::standing::{self, StandingAct};
use crate::switch::Switch;
use crate::tool_acts::{ToolAct, ToolActed};
use crate::unplanned::ask_host_soon;
use crate::wire::{
    AgentSaid, Farewell, Hello, MAX_REQUEST_BYTES, PROTOCOL, Request, Said, Wish, line,
};
use mandate_policy::Principal;
use mandate_store::Removal;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long somebody may take to say hello.
const HELLO: Duration = Duration::from_secs(5);
/// The longest hello.
const HELLO_BYTES: usize = 4_096;
/// How many executions may be watched in one conversation.
const WATCHES: usize = 64;
/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Who is at the other end, as the kernel says.
#[derive(Clone)]
struct Caller {
    pid: u32,
    /// The user, until they show a key.
    principal: Principal,
    /// One for each conversation.
    session: String,
    of_a_tool: bool,
}

impl Caller {
    fn of(stream: &UnixStream) -> Option<Self> {
        let known = stream.peer_cred().ok()?;
        if known.uid() != rustix::process::geteuid().as_raw() {
            return None;
        }
        // Without a number there is nothing to look up: it is of another namespace, and no child of ours.
        let pid = known.pid().and_then(|pid| u32::try_from(pid).ok());
        Some(Self {
            pid: pid.unwrap_or(0),
            principal: Principal::local(known.uid()),
            session: format!("cli-{}", RandomIds.id()),
            of_a_tool: pid.is_some_and(|pid| peer::is_of_a_tool(pid, std::process::id())),
        })
    }

    fn may_grant(&self) -> Result<(), HostError> {
        if self.of_a_tool {
            return Err(HostError::FromATool { pid: self.pid });
        }
        Ok(())
    }
}

/// Holds a conversation to its end.
pub(super) async fn hold(
    stream: UnixStream,
    desk: Arc<Desk>,
    mut ending: watch::Receiver<Option<Farewell>>,
) {
    let Some(mut caller) = Caller::of(&stream) else {
        return;
    };
    // It does not block, and is told of anew.
    let Ok(stream) = stream.into_std() else {
        return;
    };
    let Ok(from) = incoming(&stream) else {
        return;
    };
    let mut reader = Reader::new(from);
    let (mouth, writing) = Mouth::open(stream);
    let mut watches = JoinSet::new();
    if greeted(&mut reader, &mouth, &desk).await {
        loop {
            let read = tokio::select! {
                read = reader.next(MAX_REQUEST_BYTES) => read,
                _ = ending.changed() => {
                    let farewell = ending.borrow().unwrap_or(Farewell::Stop);
                    // The host has stopped: what it did last is told, and nothing more comes.
                    let told = async { while watches.join_next().await.is_some() {} };
                    let _ = tokio::time::timeout(LAST_WORDS, told).await;
                    // Whoever does not read does not hold the host up.
                    let bye = Said::Bye(farewell);
                    let _ = tokio::time::timeout(LAST_WORDS, mouth.say(&bye)).await;
                    break;
                }
                () = mouth.closed() => break,
            };
            while watches.try_join_next().is_some() {}
            match read {
                Ok(Some(read)) => {
                    if !take(&read, &mut caller, &desk, &mouth, &mut watches).await {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    complain(&mouth, 0, &format!("a line cannot be read: {error}")).await;
                    break;
                }
            }
        }
    }
    watches.shutdown().await;
    drop(mouth);
    let _ = tokio::time::timeout(LAST_WORDS, writing).await;
}

async fn greeted(reader: &mut Reader, mouth: &Mouth, desk: &Desk) -> bool {
    let read = tokio::time::timeout(HELLO, reader.next(HELLO_BYTES)).await;
    let Ok(Ok(Some(read))) = read else {
        return false;
    };
    let theirs: Option<Hello> = serde_json::from_slice(&read).ok();
    let ours = Hello::new("host", Some(desk.directory));
    let told = match line(&ours) {
        Ok(line) => mouth.put(line).await,
        Err(_) => false,
    };
    // Whoever speaks another protocol finds that in our hello.
    told && theirs.is_some_and(|hello| hello.protocol == PROTOCOL)
}

async fn complain(mouth: &Mouth, id: u64, what: &str) -> bool {
    let error = HostError::Protocol(what.to_owned()).into();
    mouth.say(&Said::Failed { id, error }).await
}

/// Takes one line up; false to end the conversation.
async fn take(
    read: &[u8],
    caller: &mut Caller,
    desk: &Arc<Desk>,
    mouth: &Mouth,
    watches: &mut JoinSet<()>,
) -> bool {
    let Request { id, ask } = match serde_json::from_slice(read) {
        Ok(request) => request,
        Err(error) => {
            complain(mouth, 0, &format!("a line is no request: {error}")).await;
            return false;
        }
    };
    if let Wish::Watch { execution_id } = ask {
        if watches.len() >= WATCHES {
            return complain(mouth, id, "too many executions are watched").await;
        }
        let (desk, mouth) = (desk.clone(), mouth.clone());
        watches.spawn(watching::tell(desk, id, execution_id, mouth));
        return true;
    }
    if let Wish::Outlook { execution_id } = ask {
        if watches.len() >= WATCHES {
            return complain(mouth, id, "too many executions are looked at").await;
        }
        let (desk, mouth) = (desk.clone(), mouth.clone());
        watches.spawn(outlooks::tell(desk, id, execution_id, mouth));
        return true;
    }
    if matches!(
        ask,
        Wish::Agent { .. } | Wish::Token { .. } | Wish::RotateTokens { .. }
    ) {
        if watches.len() >= WATCHES {
            return complain(mouth, id, "too much is under way").await;
        }
        // A call may take long, and others of the conversation do not wait for it.
        let (desk, mouth, caller) = (desk.clone(), mouth.clone(), caller.clone());
        watches.spawn(async move {
            let said = match agent(ask, &caller, &desk).await {
                Ok(told) => Said::Done {
                    id,
                    submitted: None,
                    acted: None,
                    agent: told.map(Box::new),
                    keys: None,
                    standing: None,
                },
                Err(error) => Said::Failed {
                    id,
                    error: error.into(),
                },
            };
            mouth.say(&said).await;
        });
        return true;
    }
    let mut done = Finished::default();
    let result = match ask {
        Wish::Authenticate(key) => authenticate(key, caller, desk).await,
        Wish::Tools(act) => act_on_tools(act, caller, desk)
            .await
            .map(|acted| done.acted = Some(Box::new(acted))),
        Wish::Keys(act) => act_on_keys(act, caller, desk)
            .await
            .map(|acted| done.keys = Some(Box::new(acted))),
        Wish::Standing(act) => act_on_standing(act, caller, desk)
            .await
            .map(|id| done.standing = Some(id)),
        Wish::Remove(removal) => remove(removal, caller, desk).await,
        Wish::HandOver => caller.may_grant().and_then(|()| desk.hand_over()),
        ask => grant(ask, caller, desk)
            .await
            .map(|submitted| done.submitted = submitted.map(Box::new)),
    };
    let said = match result {
        Ok(()) => Said::Done {
            id,
            submitted: done.submitted,
            acted: done.acted,
            keys: done.keys,
            standing: done.standing,
            agent: None,
        },
        Err(error) => Said::Failed {
            id,
            error: error.into(),
        },
    };
    mouth.say(&said).await
}

/// What an answer holds besides that it is done.
#[derive(Default)]
struct Finished {
    submitted: Option<Box<Submitted>>,
    acted: Option<Box<ToolActed>>,
    keys: Option<Box<KeyActed>>,
    standing: Option<String>,
}

/// Whoever shows a key speaks as its owner from here on, and never as more than one.
async fn authenticate(key: ApiKey, caller: &mut Caller, desk: &Arc<Desk>) -> Result<(), HostError> {
    if caller.principal.key.is_some() {
        let message = "a conversation has one key".to_owned();
        return Err(HostError::Protocol(message));
    }
    let (known, user) = (desk.clone(), caller.principal.clone());
    let shown = move || {
        let shown = known.keys.principal(&key);
        if let Err(error) = &shown {
            let now_ms = SystemClock.now_ms();
            note_key(known.journal.as_ref(), now_ms, &key.id(), &user.name, error);
        }
        shown
    };
    caller.principal = waiting(shown).await?;
    Ok(())
}

async fn act_on_tools(
    act: ToolAct,
    caller: &Caller,
    desk: &Arc<Desk>,
) -> Result<ToolActed, HostError> {
    if !matches!(act, ToolAct::Show { .. }) {
        caller.may_grant()?;
        let (known, who) = (desk.clone(), caller.principal.clone());
        waiting(move || known.keys.may_operate(&who)).await?;
    }
    let registry = desk.intake.registry();
    let by = &caller.principal.name;
    crate::tool_acts::act(registry, desk.journal.as_ref(), act, by).await
}

async fn act_on_keys(
    act: KeyAct,
    caller: &Caller,
    desk: &Arc<Desk>,
) -> Result<KeyActed, HostError> {
    caller.may_grant()?;
    let (known, who) = (desk.clone(), caller.principal.clone());
    waiting(move || known.keys.act(act, &who)).await
}

async fn act_on_standing(
    act: StandingAct,
    caller: &Caller,
    desk: &Arc<Desk>,
) -> Result<String, HostError> {
    caller.may_grant()?;
    let (known, who) = (desk.clone(), caller.principal.clone());
    waiting(move || {
        known.keys.still(&who)?;
        standing::act(known.journal.as_ref(), act, &who, SystemClock.now_ms())
    })
    .await
}

async fn remove(removal: Removal, caller: &Caller, desk: &Arc<Desk>) -> Result<(), HostError> {
    caller.may_grant()?;
    let (known, who) = (desk.clone(), caller.principal.clone());
    waiting(move || {
        known.keys.still(&who)?;
        may_remove(&who)?;
        let removal = Removal {
            at_ms: SystemClock.now_ms(),
            by: who.name,
            ..removal
        };
        remove_from(known.journal.as_ref(), removal)?;
        known.host.removed()
    })
    .await
}

async fn agent(
    ask: Wish,
    caller: &Caller,
    desk: &Arc<Desk>,
) -> Result<Option<AgentSaid>, HostError> {
    let (host, by) = (desk.host.clone(), caller.principal.name.clone());
    let said = match ask {
        Wish::Agent {
            execution_id,
            token,
            claims,
            beneath,
            wish,
        } => {
            let shown = Shown {
                execution_id,
                token,
                claims,
                beneath,
            };
            let ask = AgentAsk::of(shown, &by, wish);
            // Whoever shows a token with a key that is revoked is not who they were.
            Keys::still_soon(&desk.keys, caller.principal.clone()).await?;
            let answer = ask_host_soon(host, desk.intake.clone(), ask).await;
            AgentSaid::Answer(Box::new(answer?))
        }
        Wish::Token {
            execution_id,
            steps,
        } => {
            // A program that a plan runs gets no credentials of its requester.
            caller.may_grant()?;
            let (known, who) = (desk.clone(), caller.principal.clone());
            let issued = waiting(move || {
                known.keys.still(&who)?;
                host.token(&execution_id, &by, steps)
            });
            AgentSaid::Issued(issued.await?)
        }
        Wish::RotateTokens { at_once } => {
            caller.may_grant()?;
            let (known, who) = (desk.clone(), caller.principal.clone());
            let key = waiting(move || {
                known.keys.may_operate(&who)?;
                host.rotate_tokens(&by, at_once)
            });
            AgentSaid::Rotated(key.await?)
        }
        _ => return Ok(None),
    };
    Ok(Some(said))
}

async fn grant(
    ask: Wish,
    caller: &Caller,
    desk: &Arc<Desk>,
) -> Result<Option<Submitted>, HostError> {
    let (host, who, by) = (
        desk.host.clone(),
        caller.principal.clone(),
        caller.principal.name.clone(),
    );
    let known = desk.clone();
    match ask {
        Wish::Submit(proposal) => {
            let revised = proposal.revises.as_ref().map(|it| it.execution_id.clone());
            waiting(move || {
                known.keys.may_submit(&who)?;
                revised.map_or(Ok(()), |id| known.keys.may_steer(&who, &id))
            })
            .await?;
            let intake = &desk.intake;
            let taken = intake
                .take(*proposal, &caller.principal, &caller.session)
                .await?;
            return waiting(move || host.submit(taken)).await.map(Some);
        }
        Wish::Continue { execution_id } => {
            waiting(move || {
                known.keys.still(&who)?;
                host.resume_from_journal(&execution_id)
            })
            .await
        }
        Wish::Watch { .. }
        | Wish::Outlook { .. }
        | Wish::Tools(_)
        | Wish::Agent { .. }
        | Wish::Token { .. }
        | Wish::RotateTokens { .. }
        | Wish::Keys(_)
        | Wish::Standing(_)
        | Wish::Remove(_)
        | Wish::HandOver
        | Wish::Authenticate(_) => Ok(()),
        Wish::Answer {
            execution_id,
            answer,
        } => {
            let answer = answer.by(&who);
            if let Err(error) = caller.may_grant() {
                let now_ms = SystemClock.now_ms();
                note_answer(
                    desk.journal.as_ref(),
                    now_ms,
                    &execution_id,
                    &answer,
                    &error,
                );
                return Err(error);
            }
            // Who may answer is for the host to say; the channel is what the program at the other end says it is.
            waiting(move || {
                if let Err(error) = known.keys.still(&who) {
                    let now_ms = SystemClock.now_ms();
                    note_answer(
                        known.journal.as_ref(),
                        now_ms,
                        &execution_id,
                        &answer,
                        &error,
                    );
                    return Err(error);
                }
                host.answer(&execution_id, answer)
            })
            .await
        }
        Wish::Cancel {
            execution_id,
            reason,
            force,
        } => {
            if force {
                caller.may_grant()?;
            }
            waiting(move || {
                known.keys.may_steer(&who, &execution_id)?;
                host.cancel(&execution_id, &by, reason, force)
            })
            .await
        }
        Wish::Pause { execution_id } => {
            waiting(move || {
                known.keys.may_steer(&who, &execution_id)?;
                host.pause(&execution_id, &by)
            })
            .await
        }
        Wish::Resume { execution_id } => {
            caller.may_grant()?;
            waiting(move || {
                known.keys.may_steer(&who, &execution_id)?;
                host.resume(&execution_id, &by)
            })
            .await
        }
        Wish::Switch(switch) => {
            // Anybody may stop; only people let go on.
            if matches!(switch, Switch::Thaw { .. }) {
                caller.may_grant()?;
            }
            waiting(move || {
                known.keys.may_operate(&who)?;
                host.throw(switch, &by)
            })
            .await
        }
        Wish::Revoke {
            execution_id,
            reason,
        } => {
            waiting(move || {
                known.keys.may_revoke(&who, &execution_id)?;
                host.revoke(&execution_id, &by, reason)
            })
            .await
        }
        Wish::Override {
            execution_id,
            step,
            item,
            reason,
        } => {
            caller.may_grant()?;
            let overriding = Overriding {
                step,
                item,
                by,
                reason,
            };
            waiting(move || {
                known.keys.may_override(&who)?;
                host.override_step(&execution_id, overriding)
            })
            .await
        }
        Wish::Resolve {
            execution_id,
            step,
            item,
            resolution,
        } => {
            caller.may_grant()?;
            waiting(move || {
                known.keys.may_steer(&who, &execution_id)?;
                host.resolve(&execution_id, (&step, item), (&by, "cli"), resolution)
            })
            .await
        }
    }
    .map(|()| None)
}
