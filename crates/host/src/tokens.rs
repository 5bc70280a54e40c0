//! Tokens as the host gives them out: where the keys come from, who may have one, and how one is renewed.

use crate::ask::HostError;
use crate::host::Host;
use crate::made_keys::TOKEN_KEY_CREATED;
use mandate_engine::{Body, Phase, State};
use mandate_plan::{Digest, ErrorCode};
use mandate_policy::Refusal;
use mandate_policy::token::{Bound, KeyRing, KnownChains, TOKEN_TTL_MS, Token, Verified};
use mandate_store::{Batch, NewRecord, SYSTEM, StoreError, TokenKeys};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::mpsc::Sender;

/// Where the keys of tokens come from.
pub trait TokenSource: Send + Sync {
    /// All keys, the current one last; where they are kept, the first one is made now if there is none.
    ///
    /// # Errors
    /// They cannot be read.
    fn ring(&self) -> Result<KeyRing, StoreError>;

    /// The ids of the keys that were made and are kept, the current one last.
    ///
    /// # Errors
    /// They cannot be read.
    fn made(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// The same keys; none = there is none yet, and none is made.
    ///
    /// # Errors
    /// They cannot be read.
    fn known(&self) -> Result<Option<KeyRing>, StoreError> {
        self.ring().map(Some)
    }

    /// A new key for new tokens; with `at_once`, those before it are gone. Gives its id.
    ///
    /// # Errors
    /// It cannot be kept.
    fn rotate(&self, at_once: bool) -> Result<String, StoreError>;
}

impl TokenSource for TokenKeys {
    fn ring(&self) -> Result<KeyRing, StoreError> {
        TokenKeys::ring(self)
    }

    fn made(&self) -> Result<Vec<String>, StoreError> {
        self.ids()
    }

    fn known(&self) -> Result<Option<KeyRing>, StoreError> {
        TokenKeys::known(self)
    }

    fn rotate(&self, at_once: bool) -> Result<String, StoreError> {
        TokenKeys::rotate(self, at_once)
    }
}

/// Keys that are kept nowhere: tokens end with the process.
impl TokenSource for KeyRing {
    fn ring(&self) -> Result<KeyRing, StoreError> {
        Ok(self.clone())
    }

    fn rotate(&self, _at_once: bool) -> Result<String, StoreError> {
        let message = "the keys of this process are kept nowhere, and do not rotate";
        Err(StoreError::Failed(message.to_owned()))
    }
}

/// There are no keys, so that there are no tokens.
pub(crate) struct NoTokens;

impl TokenSource for NoTokens {
    fn ring(&self) -> Result<KeyRing, StoreError> {
        Err(StoreError::Failed(
            "there are no keys for tokens".to_owned(),
        ))
    }

    fn rotate(&self, _at_once: bool) -> Result<String, StoreError> {
        self.ring().map(|_| String::new())
    }
}

/// The text of a token on its way from or to its holder. It is not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenText(String);

impl TokenText {
    /// The text as its holder gave it.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The execution that it says it is for. Nothing is proven by it.
    pub fn claimed_execution(&self) -> Option<String> {
        let token: Token = self.0.parse().ok()?;
        token.claimed_execution().map(str::to_owned)
    }

    /// The text, to be handed to its holder and to nobody else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText(…)")
    }
}

/// A token that was given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// The token.
    pub token: TokenText,
    /// Its end, Unix milliseconds.
    pub expires_ms: i64,
}

/// What a token is renewed from: the same execution, principal and steps.
pub(crate) struct Renewal {
    keys: KeyRing,
    execution_id: String,
    execution_digest: Digest,
    session: String,
    principal: String,
    steps: Option<BTreeSet<String>>,
    nonce: [u8; 16],
}

impl Renewal {
    pub(crate) fn issue(&self, now_ms: i64) -> Issued {
        let expires_ms = now_ms.saturating_add(TOKEN_TTL_MS);
        let bound = Bound {
            execution_id: &self.execution_id,
            execution_digest: &self.execution_digest,
            session: &self.session,
            principal: &self.principal,
        };
        let token = Token::mint(
            &self.keys,
            &bound,
            expires_ms,
            self.steps.as_ref(),
            self.nonce,
        );
        Issued {
            token: TokenText(token.reveal()),
            expires_ms,
        }
    }
}

impl Host {
    /// Checks a token for a call of `by` in an execution that is driven.
    pub(crate) fn check_token_of(
        &mut self,
        execution_id: &str,
        token: &TokenText,
        by: &str,
    ) -> Result<Result<Verified, Refusal>, HostError> {
        let mut known = std::mem::take(&mut self.known_chains);
        let said = { self.of(execution_id) }
            .and_then(|state| self.check_token(state, token, by, &mut known));
        self.known_chains = known;
        said
    }

    /// The same, of one as it is in the journal.
    pub(crate) fn check_token(
        &self,
        state: &State,
        token: &TokenText,
        by: &str,
        known: &mut KnownChains,
    ) -> Result<Result<Verified, Refusal>, HostError> {
        let Ok(token) = token.reveal().parse::<Token>() else {
            let message = "what was shown is not a token";
            return Ok(Err(Refusal::new(ErrorCode::TokenInvalid, message)));
        };
        let Some(keys) = self.parts.tokens.known()? else {
            // Nothing is made for the sake of what cannot fit it.
            let message = "no token was given out here, or its key is gone";
            return Ok(Err(Refusal::new(ErrorCode::TokenInvalid, message)));
        };
        let created = &state.created;
        let now_ms = self.parts.clock.now_ms();
        let mut verify = |execution_digest| {
            let bound = Bound {
                execution_id: &created.execution_id,
                execution_digest,
                session: &created.session,
                principal: by,
            };
            token.verify_known(known, &keys, &bound, now_ms)
        };
        let said = verify(&created.execution_digest);
        let mut before = state.tokens_of.iter().map(verify);
        Ok(said.or_else(|refusal| before.find_map(Result::ok).ok_or(refusal)))
    }

    /// What a token for these steps of an execution is made from.
    pub(crate) fn renewal(
        &self,
        state: &State,
        principal: &str,
        steps: Option<BTreeSet<String>>,
    ) -> Result<Renewal, HostError> {
        let created = &state.created;
        let id = self.parts.ids.id();
        let unique = Digest::framed("mandate/token-nonce/v1", [id.as_bytes()]);
        let mut nonce = [0_u8; 16];
        for (slot, byte) in nonce.iter_mut().zip(unique.as_bytes()) {
            *slot = *byte;
        }
        Ok(Renewal {
            keys: self.parts.tokens.ring()?,
            execution_id: created.execution_id.clone(),
            execution_digest: created.execution_digest,
            session: created.session.clone(),
            principal: principal.to_owned(),
            steps,
            nonce,
        })
    }

    /// Gives a token out to the one who asked for the execution.
    pub(crate) fn mint(
        &mut self,
        execution_id: &str,
        by: &str,
        steps: Option<BTreeSet<String>>,
        reply: Sender<Result<Issued, HostError>>,
    ) {
        let keys = self.parts.tokens.made();
        let made = self
            .may_have_token(execution_id, by, steps.as_ref())
            .and_then(|()| self.renewal(self.of(execution_id)?, by, steps.clone()));
        if made.is_ok() {
            self.note_token_key(&keys.unwrap_or_default(), by);
        }
        let renewal = match made {
            Ok(renewal) => renewal,
            Err(error) => {
                let _ = reply.send(Err(error));
                return;
            }
        };
        let issued = renewal.issue(self.parts.clock.now_ms());
        let body = Body::TokenIssued {
            principal: by.to_owned(),
            expires_ms: issued.expires_ms,
            key: Some(renewal.keys.current().id().to_owned()),
            steps: steps.map(|steps| steps.into_iter().collect()),
        };
        let answer = reply.clone();
        let taken = self.take_turn_with(execution_id, body, |drive| {
            let seq = drive.state.seq;
            drive.replies.push((
                seq,
                Box::new(move |result| {
                    let _ = answer.send(result.map(|()| issued));
                }),
            ));
        });
        if !taken {
            let message = "the execution takes no token now".to_owned();
            let _ = reply.send(Err(HostError::NotNow(message)));
        }
    }

    fn may_have_token(
        &mut self,
        execution_id: &str,
        by: &str,
        steps: Option<&BTreeSet<String>>,
    ) -> Result<(), HostError> {
        self.have_driven(execution_id)?;
        let state = &self.drive(execution_id)?.state;
        if !state.is_agents() {
            let message = "the engine runs this execution; only those of `mode: agent` have tokens";
            return Err(HostError::NotNow(message.to_owned()));
        }
        if state.phase == Phase::Ended {
            let message = "the execution has ended".to_owned();
            return Err(HostError::NotNow(message));
        }
        if state.created.principal != by {
            let message = "a token is for the one who asked for the execution".to_owned();
            let refusal = Refusal::new(ErrorCode::TokenInvalid, message);
            return Err(HostError::Refused(Box::new(refusal)));
        }
        let unknown = { steps.into_iter().flatten() }.find(|step| state.step(step).is_none());
        match unknown {
            Some(step) => Err(HostError::NotNow(format!("the plan has no step `{step}`"))),
            None => Ok(()),
        }
    }

    /// Makes a new key for tokens, and says so in the journal.
    pub(crate) fn rotate_tokens(
        &mut self,
        by: &str,
        at_once: bool,
        reply: Sender<Result<String, HostError>>,
    ) {
        let key = match self.parts.tokens.rotate(at_once) {
            Ok(key) => key,
            Err(error) => {
                let _ = reply.send(Err(error.into()));
                return;
            }
        };
        let payload = json!({ "key": key, "by": by, "alone": at_once });
        let record = NewRecord {
            at_ms: self.parts.clock.now_ms(),
            kind: TOKEN_KEY_CREATED,
            payload: payload.to_string().into_bytes(),
        };
        let batch = Batch {
            stream: SYSTEM.to_owned(),
            records: vec![record],
            ..Batch::default()
        };
        self.parts.journal.append(
            batch,
            Box::new(move |result| {
                let _ = reply.send(result.map(|_| key).map_err(HostError::Store));
            }),
        );
    }
}
