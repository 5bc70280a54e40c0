//! One agent's session at the gateway: which execution it drives, with which token, and what it was shown.

use crate::desk::{Desk, Visitor};
use crate::names::Names;
use crate::settings::ToolsList;
use crate::shown::visible_tools;
use crate::traces::TRACEPARENT;
use crate::watching;
use mandate_engine::State;
use mandate_host::{AgentAnswer, AgentWish, HostError, Issued, Outlook, Shown, TokenText};
use mandate_plan::{Digest, ErrorCode};
use mandate_tools::ToolStatus;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// A token that has no longer than this to go is renewed before it is shown.
const SPARE: Duration = Duration::from_secs(10);

/// Tools by their names.
pub(crate) type Known = Arc<BTreeMap<String, Arc<ToolStatus>>>;

/// An execution that a session drives.
#[derive(Clone)]
pub(crate) struct Bound {
    pub(crate) execution_id: String,
    /// Who it was for.
    pub(crate) principal: String,
    pub(crate) names: Arc<Names>,
    /// What is known of the plan's tools, once somebody asked.
    known: Option<Known>,
    issued: Option<Issued>,
    digest: Option<Digest>,
    /// The tools that are shown for it.
    visible: Arc<[String]>,
    /// The place in a trace that it was asked for at.
    pub(crate) asked_within: Option<String>,
}

/// One agent's session.
pub(crate) struct Seat {
    /// What its executions are counted under.
    pub(crate) session: String,
    list: ToolsList,
    bare: Arc<BTreeSet<String>>,
    bound: Mutex<Option<Bound>>,
    changed: watch::Sender<u64>,
}

impl Seat {
    pub(crate) fn new(session: String, list: ToolsList, bare: Arc<BTreeSet<String>>) -> Arc<Self> {
        Arc::new(Self {
            session,
            list,
            bare,
            bound: Mutex::default(),
            changed: watch::Sender::new(0),
        })
    }

    /// Tells when the list of tools has changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Bound>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The execution that this visitor drives here. A session that somebody else began is none of theirs.
    pub(crate) fn bound(&self, visitor: &Visitor) -> Option<Bound> {
        let bound = self.lock().clone();
        bound.filter(|bound| bound.principal == visitor.principal)
    }

    /// From here on this session drives that execution.
    pub(crate) fn bind(self: &Arc<Self>, visitor: &Visitor, state: &State) {
        let bound = self.fresh(visitor, state);
        let id = bound.execution_id.clone();
        let same = self
            .lock()
            .as_ref()
            .is_some_and(|known| known.execution_id == id && known.principal == visitor.principal);
        if !same {
            *self.lock() = Some(bound);
        }
        self.noticed(&id, &Outlook::of(state));
        if !same && state.ending.is_none() {
            watching::begin(self, visitor.desk.clone(), id);
        }
    }

    /// The same execution as this session drives, or another one that it does not take up for that.
    pub(crate) fn aside(&self, visitor: &Visitor, state: &State) -> Bound {
        let own = self.bound(visitor);
        own.filter(|own| own.execution_id == state.execution_id())
            .unwrap_or_else(|| self.fresh(visitor, state))
    }

    fn fresh(&self, visitor: &Visitor, state: &State) -> Bound {
        Bound {
            execution_id: state.execution_id().to_owned(),
            principal: visitor.principal.clone(),
            names: Arc::new(Names::of(state.plan().tools(), &self.bare)),
            known: None,
            issued: None,
            digest: None,
            visible: Arc::default(),
            asked_within: { state.created.asked.as_deref() }
                .and_then(|asked| asked.correlation.get(TRACEPARENT).cloned()),
        }
    }

    /// Whether this is the execution that is driven.
    pub(crate) fn drives(&self, execution_id: &str) -> bool {
        let bound = self.lock();
        bound
            .as_ref()
            .is_some_and(|bound| bound.execution_id == execution_id)
    }

    /// What is known of the tools of its plan.
    pub(crate) fn known(&self, bound: &Bound) -> Option<Known> {
        let kept = self.lock();
        let kept = kept.as_ref().filter(|kept| kept.names == bound.names)?;
        kept.known.clone()
    }

    /// Keeps what was found out about them.
    pub(crate) fn keep(&self, bound: &Bound, tools: impl Iterator<Item = ToolStatus>) -> Known {
        let tools = tools.map(|tool| (tool.name.clone(), Arc::new(tool)));
        let known: Known = Arc::new(tools.collect());
        if let Some(kept) = self.lock().as_mut()
            && kept.names == bound.names
        {
            kept.known = Some(known.clone());
        }
        known
    }

    /// Where an execution is now.
    pub(crate) fn noticed(&self, execution_id: &str, outlook: &Outlook) {
        let visible = visible_tools(outlook, self.list);
        let mut bound = self.lock();
        let Some(known) = bound.as_mut() else { return };
        if known.execution_id != execution_id {
            return;
        }
        if known
            .digest
            .is_some_and(|digest| digest != outlook.execution_digest)
        {
            // A revision ends the tokens of the plan before it, and may name other tools.
            known.issued = None;
            known.digest = None;
        }
        let names = Names::of(outlook.tools.iter().map(String::as_str), &self.bare);
        if *known.names != names {
            known.names = Arc::new(names);
            known.known = None;
        }
        self.shows(known, visible);
    }

    /// What an answer says of it.
    fn answered(&self, answer: &AgentAnswer) {
        let ended = matches!(answer.state.as_str(), "completed" | "failed" | "cancelled");
        let mut bound = self.lock();
        let Some(known) = bound.as_mut() else { return };
        if let Some(issued) = &answer.issued {
            known.issued = Some(issued.clone());
        }
        match (self.list, ended) {
            (_, true) => self.shows(known, &[]),
            (ToolsList::Stable, false) => {}
            (ToolsList::Current, false) => self.shows(known, &answer.tools),
        }
    }

    fn shows(&self, known: &mut Bound, visible: &[String]) {
        if *known.visible != *visible {
            known.visible = visible.into();
            self.changed
                .send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// Does what an agent wants with the token of this session; one that is about to end is renewed first. No thread waits
    /// while a call is made.
    ///
    /// # Errors
    /// [`HostError::Refused`], or why nothing can be done.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        desk: &Arc<dyn Desk>,
        bound: &Bound,
        (wish, within): (AgentWish, Option<&str>),
    ) -> Result<AgentAnswer, HostError> {
        let id = &bound.execution_id;
        let kept = { bound.issued.as_ref() }
            .filter(|issued| issued.expires_ms > now_ms().saturating_add(ms(SPARE)));
        let (issued, fresh) = match kept {
            Some(issued) => (issued.clone(), false),
            None => match self.issue_soon(desk, id).await {
                Ok(issued) => (issued, true),
                // There is none to be had for it. The host says why, and writes it down.
                Err(HostError::NotNow(_)) => (nothing(), true),
                Err(error) => return Err(error),
            },
        };
        let shown = |issued: &Issued| Shown {
            beneath: within.map(str::to_owned),
            ..Shown::new(id, &issued.token)
        };
        let answer = { desk.clone() }
            .agent_soon(shown(&issued), wish.clone())
            .await;
        let answer = match answer {
            // A revision ended it a moment ago. Whoever asked for the execution may have another one, and nothing was called.
            Err(HostError::Refused(refusal))
                if !fresh && refusal.code == ErrorCode::TokenInvalid =>
            {
                let issued = self.issue_soon(desk, id).await?;
                desk.clone().agent_soon(shown(&issued), wish).await
            }
            answer => answer,
        };
        if let Ok(answer) = &answer {
            self.answered(answer);
        }
        answer
    }

    async fn issue_soon(
        self: &Arc<Self>,
        desk: &Arc<dyn Desk>,
        execution_id: &str,
    ) -> Result<Issued, HostError> {
        let (seat, desk, id) = (self.clone(), desk.clone(), execution_id.to_owned());
        let issued = tokio::task::spawn_blocking(move || seat.issue(desk.as_ref(), &id));
        issued.await.unwrap_or(Err(HostError::Stopped))
    }

    fn issue(&self, desk: &dyn Desk, execution_id: &str) -> Result<Issued, HostError> {
        let issued = desk.token(execution_id)?;
        let digest = desk.state(execution_id)?.created.execution_digest;
        let mut bound = self.lock();
        if let Some(known) = bound.as_mut()
            && known.execution_id == execution_id
        {
            known.issued = Some(issued.clone());
            known.digest = Some(digest);
        }
        Ok(issued)
    }
}

/// No token.
fn nothing() -> Issued {
    Issued {
        token: TokenText::new("none"),
        expires_ms: 0,
    }
}

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, ms)
}

/// The most sessions that are remembered for clients without a connection; beyond, the one that was idle longest goes.
const MOST: usize = 4_096;

/// The sessions of clients that keep none of their own.
#[derive(Default)]
pub(crate) struct Seats(Mutex<All>);

#[derive(Default)]
struct All {
    /// Counts uses.
    clock: u64,
    /// By principal and name.
    seats: HashMap<(String, String), Kept>,
}

struct Kept {
    seat: Arc<Seat>,
    used: u64,
}

impl Seats {
    /// The session of that name of that principal.
    pub(crate) fn of(
        &self,
        principal: &str,
        name: &str,
        fresh: impl FnOnce(String) -> Arc<Seat>,
    ) -> Arc<Seat> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let All { clock, seats } = &mut *all;
        *clock = clock.wrapping_add(1);
        let key = (principal.to_owned(), name.to_owned());
        if !seats.contains_key(&key)
            && seats.len() >= MOST
            && let Some(idlest) = { seats.iter() }
                .min_by_key(|(_, kept)| kept.used)
                .map(|(key, _)| key.clone())
        {
            seats.remove(&idlest);
        }
        let kept = || Kept {
            seat: fresh(session_of(name)),
            used: 0,
        };
        let found = seats.entry(key).or_insert_with(kept);
        found.used = *clock;
        found.seat.clone()
    }
}

/// What calls are counted under: what the client named, or one of its own.
fn session_of(name: &str) -> String {
    match name {
        "" => fresh_session(),
        name => name.to_owned(),
    }
}

/// The name of a session that nobody named.
pub(crate) fn fresh_session() -> String {
    format!("mcp-{}", uuid::Uuid::now_v7())
}
