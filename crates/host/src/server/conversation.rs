//! One conversation: who is there, and what they ask.

use super::lines::{Mouth, Reader};
use super::{Desk, waiting, watching};
use crate::agent::AgentAsk;
use crate::ask::{HostError, Submitted};
use crate::host::Ids as _;
use crate::local::RandomIds;
use crate::peer;
use crate::tool_acts::{ToolAct, ToolActed};
use crate::wire::{
    AgentSaid, Farewell, Hello, MAX_REQUEST_BYTES, PROTOCOL, Request, Said, Wish, line,
};
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
    principal: String,
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
            principal: format!("local:{}", known.uid()),
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
    let Some(caller) = Caller::of(&stream) else {
        return;
    };
    let (from, to) = stream.into_split();
    let mut reader = Reader::new(from);
    let (mouth, writing) = Mouth::open(to);
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
                    if !take(&read, &caller, &desk, &mouth, &mut watches).await {
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
    caller: &Caller,
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
    if let Wish::Tools(act) = ask {
        let said = match act_on_tools(act, caller, desk).await {
            Ok(acted) => Said::Done {
                id,
                submitted: None,
                acted: Some(Box::new(acted)),
                agent: None,
            },
            Err(error) => Said::Failed {
                id,
                error: error.into(),
            },
        };
        return mouth.say(&said).await;
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
    let said = match grant(ask, caller, desk).await {
        Ok(submitted) => Said::Done {
            id,
            submitted: submitted.map(Box::new),
            acted: None,
            agent: None,
        },
        Err(error) => Said::Failed {
            id,
            error: error.into(),
        },
    };
    mouth.say(&said).await
}

async fn act_on_tools(act: ToolAct, caller: &Caller, desk: &Desk) -> Result<ToolActed, HostError> {
    if !matches!(act, ToolAct::Show { .. }) {
        caller.may_grant()?;
    }
    let registry = desk.intake.registry();
    crate::tool_acts::act(registry, desk.journal.as_ref(), act, &caller.principal).await
}

async fn agent(
    ask: Wish,
    caller: &Caller,
    desk: &Arc<Desk>,
) -> Result<Option<AgentSaid>, HostError> {
    let (host, by) = (desk.host.clone(), caller.principal.clone());
    let said = match ask {
        Wish::Agent {
            execution_id,
            token,
            wish,
        } => {
            let ask = AgentAsk {
                execution_id,
                token,
                by,
                wish,
            };
            AgentSaid::Answer(waiting(move || host.agent(ask)).await?)
        }
        Wish::Token {
            execution_id,
            steps,
        } => {
            // A program that a plan runs gets no credentials of its requester.
            caller.may_grant()?;
            AgentSaid::Issued(waiting(move || host.token(&execution_id, &by, steps)).await?)
        }
        Wish::RotateTokens { at_once } => {
            caller.may_grant()?;
            AgentSaid::Rotated(waiting(move || host.rotate_tokens(&by, at_once)).await?)
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
    let (host, by) = (desk.host.clone(), caller.principal.clone());
    match ask {
        Wish::Submit(proposal) => {
            let intake = &desk.intake;
            let taken = intake.take(*proposal, &by, &caller.session).await?;
            return waiting(move || host.submit(taken)).await.map(Some);
        }
        Wish::Continue { execution_id } => {
            waiting(move || host.resume_from_journal(&execution_id)).await
        }
        Wish::Watch { .. }
        | Wish::Tools(_)
        | Wish::Agent { .. }
        | Wish::Token { .. }
        | Wish::RotateTokens { .. } => Ok(()),
        Wish::Answer {
            execution_id,
            answer,
        } => {
            caller.may_grant()?;
            // Who may answer is for the host to say; the channel is what the program at the other end says it is.
            waiting(move || host.answer(&execution_id, answer.by(&by))).await
        }
        Wish::Cancel {
            execution_id,
            reason,
            force,
        } => {
            if force {
                caller.may_grant()?;
            }
            waiting(move || host.cancel(&execution_id, &by, reason, force)).await
        }
        Wish::Pause { execution_id } => waiting(move || host.pause(&execution_id, &by)).await,
        Wish::Resume { execution_id } => {
            caller.may_grant()?;
            waiting(move || host.resume(&execution_id, &by)).await
        }
        Wish::Resolve {
            execution_id,
            step,
            item,
            resolution,
        } => {
            caller.may_grant()?;
            waiting(move || host.resolve(&execution_id, (&step, item), &by, resolution)).await
        }
    }
    .map(|()| None)
}
