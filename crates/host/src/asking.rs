//! This process's own host, asked in somebody's name: what they may is looked at first, as for those who ask over the
//! socket.

use crate::agent::{AgentAnswer, AgentAsk, AgentWish, Shown};
use crate::ask::{HostError, Submitted, Update};
use crate::clock::{Clock as _, SystemClock};
use crate::following::Notice;
use crate::handle::Handle;
use crate::host::Ids as _;
use crate::intake::{Intake, Proposal};
use crate::jobs::Jobs;
use crate::keys::{KeyAct, KeyActed, Keys};
use crate::local::RandomIds;
use crate::outlook::Outlook;
use crate::overriding::Overriding;
use crate::standing::{self, StandingAct};
use crate::switch::Switch;
use crate::tokens::Issued;
use crate::tool_acts::{self, ToolAct, ToolActed};
use crate::unplanned::{ask_host, ask_host_soon};
use crate::wire::Answered;
use mandate_engine::event::Resolution;
use mandate_policy::Principal;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// This process's own host, asked as others ask it.
#[derive(Clone)]
pub struct Local {
    host: Handle,
    intake: Arc<Intake>,
    runtime: tokio::runtime::Handle,
    principal: Principal,
    keys: Arc<Keys>,
    session: String,
}

impl Local {
    /// Asks `host` in the name of `principal`, whose key is one of `keys`.
    pub fn new(
        host: Handle,
        intake: Arc<Intake>,
        runtime: tokio::runtime::Handle,
        principal: Principal,
        keys: Keys,
    ) -> Self {
        Self {
            host,
            intake,
            runtime,
            principal,
            keys: Arc::new(keys),
            session: format!("cli-{}", RandomIds.id()),
        }
    }

    /// The same host, asked in the name of somebody else, in a session of theirs.
    #[must_use]
    pub fn speaking_as(&self, principal: Principal, session: String) -> Self {
        Self {
            host: self.host.clone(),
            intake: self.intake.clone(),
            runtime: self.runtime.clone(),
            keys: self.keys.clone(),
            principal,
            session,
        }
    }

    /// The keys.
    pub fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// Who asks.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The jobs facade over this host.
    pub fn jobs(&self) -> Jobs {
        Jobs::new(
            self.host.clone(),
            self.intake.clone(),
            self.keys.clone(),
            self.keys.journal().clone(),
        )
    }

    /// Tells how far the disk is with an execution. Returns when it has everything up to here.
    ///
    /// # Errors
    /// There is none of that id, or it cannot be driven.
    pub fn follow(
        &self,
        execution_id: &str,
    ) -> Result<tokio::sync::watch::Receiver<Notice>, HostError> {
        self.host.follow(execution_id)
    }

    /// Says that somebody who followed has gone.
    pub fn unfollow(&self, execution_id: &str) {
        self.host.unfollow(execution_id);
    }

    /// Freezes calls everywhere, or thaws them.
    ///
    /// # Errors
    /// They may not, or it stands like that already.
    pub fn throw(&self, switch: Switch) -> Result<(), HostError> {
        self.keys.may_operate(&self.principal)?;
        self.host.throw(switch, &self.principal.name)
    }

    /// Takes the approval back that an execution runs on.
    ///
    /// # Errors
    /// They may not, nobody approved it, or it is ending already.
    pub fn revoke(&self, execution_id: &str, reason: Option<String>) -> Result<(), HostError> {
        self.keys.may_revoke(&self.principal, execution_id)?;
        self.host.revoke(execution_id, &self.principal.name, reason)
    }

    /// Lets one call of a step pass a policy deny.
    ///
    /// # Errors
    /// They may not, the step has begun, or its arguments are not known yet.
    pub fn override_step(
        &self,
        execution_id: &str,
        (step, item): (&str, Option<u32>),
        reason: &str,
    ) -> Result<(), HostError> {
        self.keys.may_override(&self.principal)?;
        let overriding = Overriding {
            step: step.to_owned(),
            item,
            by: self.principal.name.clone(),
            reason: reason.to_owned(),
        };
        self.host.override_step(execution_id, overriding)
    }

    /// Has something done to tools.
    ///
    /// # Errors
    /// They may not, or why it is not done.
    pub fn act_on_tools(&self, act: ToolAct) -> Result<ToolActed, HostError> {
        self.keys.may_operate(&self.principal)?;
        let journal = self.keys.journal();
        let acted = tool_acts::act(
            self.intake.registry(),
            journal.as_ref(),
            act,
            &self.principal.name,
        );
        self.runtime.block_on(acted)
    }

    /// Has something done to keys.
    ///
    /// # Errors
    /// They may not, or why it is not done.
    pub fn act_on_keys(&self, act: KeyAct) -> Result<KeyActed, HostError> {
        self.keys.act(act, &self.principal)
    }

    /// Has something done to standing approvals, and gives the id of the one.
    ///
    /// # Errors
    /// They may not, or why it is not done.
    pub fn act_on_standing(&self, act: StandingAct) -> Result<String, HostError> {
        self.keys.still(&self.principal)?;
        let journal = self.keys.journal();
        standing::act(journal.as_ref(), act, &self.principal, SystemClock.now_ms())
    }

    /// Has a plan run. Returns when its execution is on the disk.
    ///
    /// # Errors
    /// What is wrong with it, policy's refusal, or the store's failure.
    pub fn submit(&self, proposal: Proposal) -> Result<Submitted, HostError> {
        let who = &self.principal;
        self.keys.may_submit(who)?;
        if let Some(revises) = &proposal.revises {
            self.keys.may_steer(who, &revises.execution_id)?;
        }
        let taken = self.intake.take(proposal, who, &self.session);
        self.host.submit(self.runtime.block_on(taken)?)
    }

    /// Has an unfinished execution taken up.
    ///
    /// # Errors
    /// When there is none of that id, or its journal does not fold.
    pub fn take_up(&self, execution_id: &str) -> Result<(), HostError> {
        self.host.resume_from_journal(execution_id)
    }

    /// Tells where an execution is, and everything that happens from here on.
    ///
    /// # Errors
    /// When the host does not drive it.
    pub fn watch(&self, execution_id: &str) -> Result<Receiver<Update>, HostError> {
        self.host.watch(execution_id)
    }

    /// Answers a request.
    ///
    /// # Errors
    /// When it is not open, the answer does not fit, or the one who answers may not.
    pub fn answer(&self, execution_id: &str, answer: Answered) -> Result<(), HostError> {
        self.keys.still(&self.principal)?;
        let answer = answer.by(&self.principal);
        self.host.answer(execution_id, answer)
    }

    /// Does what somebody with a token wants.
    ///
    /// # Errors
    /// [`HostError::Refused`], or why nothing can be done.
    pub fn agent(&self, shown: Shown, wish: AgentWish) -> Result<AgentAnswer, HostError> {
        self.keys.still(&self.principal)?;
        let ask = AgentAsk::of(shown, &self.principal.name, wish);
        ask_host(&self.host, &self.intake, &self.runtime, ask)
    }

    /// The same, awaited by a task: no thread waits, where that is not needed.
    pub fn agent_soon(
        &self,
        shown: Shown,
        wish: AgentWish,
    ) -> impl Future<Output = Result<AgentAnswer, HostError>> + Send + use<> {
        let (keys, who) = (self.keys.clone(), self.principal.clone());
        let (host, intake) = (self.host.clone(), self.intake.clone());
        async move {
            let ask = AgentAsk::of(shown, &who.name, wish);
            Keys::still_soon(&keys, who).await?;
            ask_host_soon(host, intake, ask).await
        }
    }

    /// What an agent could call in an execution, now and whenever that changes.
    ///
    /// # Errors
    /// When the host does not drive it.
    pub fn outlook(
        &self,
        execution_id: &str,
    ) -> Result<tokio::sync::watch::Receiver<Outlook>, HostError> {
        self.host.outlook(execution_id)
    }

    /// Gives a token out, for these steps only if any are named.
    ///
    /// # Errors
    /// When the execution is somebody else's, or has no tokens.
    pub fn token(
        &self,
        execution_id: &str,
        steps: Option<BTreeSet<String>>,
    ) -> Result<Issued, HostError> {
        self.host.token(execution_id, &self.principal.name, steps)
    }

    /// Makes a new key for tokens, and gives its id; those before it may go at once.
    ///
    /// # Errors
    /// They may not, or it cannot be kept.
    pub fn rotate_tokens(&self, at_once: bool) -> Result<String, HostError> {
        self.keys.may_operate(&self.principal)?;
        self.host.rotate_tokens(&self.principal.name, at_once)
    }

    /// Ends an execution.
    ///
    /// # Errors
    /// They may not, or it is ending already.
    pub fn cancel(
        &self,
        execution_id: &str,
        reason: Option<String>,
        force: bool,
    ) -> Result<(), HostError> {
        let by = self.steers(execution_id)?;
        self.host.cancel(execution_id, by, reason, force)
    }

    /// Lets no more steps start.
    ///
    /// # Errors
    /// They may not, or it is paused or ending already.
    pub fn pause(&self, execution_id: &str) -> Result<(), HostError> {
        self.host.pause(execution_id, self.steers(execution_id)?)
    }

    /// Lets steps start again.
    ///
    /// # Errors
    /// They may not, or it is not paused.
    pub fn resume(&self, execution_id: &str) -> Result<(), HostError> {
        self.host.resume(execution_id, self.steers(execution_id)?)
    }

    /// Says what became of a step in doubt.
    ///
    /// # Errors
    /// They may not, or the step is not in doubt.
    pub fn resolve(
        &self,
        execution_id: &str,
        place: (&str, Option<u32>),
        resolution: Resolution,
        channel: &str,
    ) -> Result<(), HostError> {
        let by = self.steers(execution_id)?;
        self.host
            .resolve(execution_id, place, (by, channel), resolution)
    }

    /// Whether the host still answers.
    ///
    /// # Errors
    /// It has stopped.
    pub fn answers(&self) -> Result<(), HostError> {
        self.host.doings_but(&[]).map(|_| ())
    }

    /// The name of whoever asks, if they may steer the execution.
    fn steers(&self, execution_id: &str) -> Result<&str, HostError> {
        self.keys.may_steer(&self.principal, execution_id)?;
        Ok(&self.principal.name)
    }
}
