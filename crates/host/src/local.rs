//! The local host: the reactor on a thread of its own, calls on a Tokio runtime.

use crate::ask::HostError;
use crate::clock::{Clock, SystemClock};
use crate::gateway::Gateway;
use crate::handle::{Handle, Message};
use crate::host::{Host, Ids, Input, Parts, Post, Report};
use crate::made_keys;
use crate::notify::Notify;
use crate::policies::{PolicyTerms, activation};
use crate::queue::MAX_ACTIVE;
use crate::reactor::Reactor;
use crate::spawn::OnTokio;
use crate::system_rows::append_all;
use crate::tokens::{NoTokens, TokenSource};
use crate::witness::Witness;
use mandate_policy::token::KeyRing;
use mandate_policy::{FirstPolicy, Limits, Rules};
use mandate_store::{Appended, Journal, PublicKey};
use mandate_tools::Tools;
use std::sync::Arc;

/// Some 30 KB each (`docs/performance.md`), and enough for those who answer at once what they asked for.
const KEPT_AT_REST: usize = 256;

/// UUID v7 ids, random seeds.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn id(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }

    fn seed(&self) -> u64 {
        let mut bytes = [0_u8; 8];
        // Without randomness the jitter is the same everywhere, which harms nothing but load.
        let _ = getrandom::fill(&mut bytes);
        // 53 bits, so that the number survives JSON.
        u64::from_be_bytes(bytes) >> 11
    }
}

/// What a host keeps to.
pub struct Terms {
    /// How many executions may be active at a time.
    pub max_active: usize,
    /// How many executions stay in memory that only wait for a human, or for a time far off.
    pub kept_at_rest: usize,
    /// The policy.
    pub rules: Arc<dyn Rules>,
    /// The keys of tokens.
    pub tokens: Arc<dyn TokenSource>,
    /// The public half of the key that signs heads and exports.
    pub signing_key: Option<PublicKey>,
    /// Who tells people that something waits for them, or has ended.
    pub notify: Option<Arc<dyn Notify>>,
    /// Who counts and shows what is done here.
    pub witness: Option<Arc<dyn Witness>>,
    /// A policy that is asked beside it, and decides nothing.
    pub shadow: Option<Arc<dyn Rules>>,
    /// How many calls a session may make, whatever the policy says.
    pub limits: Limits,
    /// What becomes of executions that began under another policy.
    pub policies: PolicyTerms,
    /// What agents may do.
    pub gateway: Gateway,
    /// Where it is said, for people, what keeps an execution from being driven.
    pub report: Report,
}

impl Default for Terms {
    fn default() -> Self {
        let mut key = [0_u8; 32];
        // Whoever needs tokens brings keys; these are kept nowhere. Without randomness they would be everybody's.
        let tokens: Arc<dyn TokenSource> = match getrandom::fill(&mut key) {
            Ok(()) => Arc::new(KeyRing::single(&key)),
            Err(_) => Arc::new(NoTokens),
        };
        Self {
            tokens,
            max_active: MAX_ACTIVE,
            kept_at_rest: KEPT_AT_REST,
            rules: Arc::new(FirstPolicy),
            signing_key: None,
            notify: None,
            witness: None,
            shadow: None,
            limits: Limits::default(),
            policies: PolicyTerms::default(),
            gateway: Gateway::default(),
            report: Arc::new(|_| {}),
        }
    }
}

/// A host that runs on a thread of this process.
pub struct LocalHost {
    handle: Handle,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl LocalHost {
    /// Starts the host's thread with [`Terms::default`]. Calls run on `runtime`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        journal: Arc<dyn Journal>,
        tools: Arc<dyn Tools>,
        runtime: tokio::runtime::Handle,
    ) -> Result<Self, HostError> {
        Self::start_with(journal, tools, runtime, Terms::default())
    }

    /// Starts the host's thread. Calls run on `runtime`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start_with(
        journal: Arc<dyn Journal>,
        tools: Arc<dyn Tools>,
        runtime: tokio::runtime::Handle,
        terms: Terms,
    ) -> Result<Self, HostError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let now_ms = clock.now_ms();
        let (signing, tokens) = (terms.signing_key.as_ref(), terms.tokens.as_ref());
        let mut rows = made_keys::missing(journal.as_ref(), signing, tokens, now_ms)?;
        rows.extend(activation(journal.as_ref(), terms.rules.as_ref(), now_ms)?);
        append_all(journal.as_ref(), rows)?;
        let parts = Parts {
            clock: clock.clone(),
            journal,
            tools,
            rules: terms.rules,
            tokens: terms.tokens,
            shadow: terms.shadow,
            limits: terms.limits,
            policies: terms.policies,
            gateway: terms.gateway,
            spawn: Arc::new(OnTokio(runtime)),
            ids: Arc::new(RandomIds),
            report: terms.report,
            notify: terms.notify,
            witness: terms.witness,
            max_active: terms.max_active,
            kept_at_rest: terms.kept_at_rest,
        };
        let (reactor, inbox) = Reactor::new(clock);
        // The host is within the reactor, and does not keep it.
        let own = Arc::downgrade(&reactor);
        let post: Post = Arc::new(move |input| {
            // A host that is gone needs no input: the next one folds the journal.
            let Some(reactor) = own.upgrade() else { return };
            let _ = match &input {
                // The journal's writer has nothing else to do.
                Input::Stored {
                    result: Ok(Appended { alone: true, .. }),
                    ..
                }
                | Input::Outcome { .. } => reactor.take_up(input),
                _ => reactor.send(Message::Input(input)),
            };
        });
        let its = reactor.clone();
        let thread = std::thread::Builder::new()
            .name("mandate-host".to_owned())
            .spawn(move || its.run(Host::new(parts, post), &inbox))
            .map_err(|_| HostError::Stopped)?;
        Ok(Self {
            handle: Handle { reactor },
            thread: Some(thread),
        })
    }

    /// A handle that may be handed on, to other threads too.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl std::ops::Deref for LocalHost {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for LocalHost {
    /// Stops taking inputs. What was appended reaches the disk when the store is dropped; calls under way are dropped
    /// with the runtime and found again by the next host.
    fn drop(&mut self) {
        let _ = self.handle.reactor.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
