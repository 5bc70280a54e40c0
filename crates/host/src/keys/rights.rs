//! What somebody may ask of the host. Without a key everything that a role allows; with one, what its roles allow.
//! Who may answer a request is for the request to say.

use super::{Keys, roles_of};
use crate::ask::HostError;
use mandate_policy::{Principal, Right, principal::APPROVER};
use mandate_store::Journal;

impl Keys {
    /// Whether they may have plans run.
    ///
    /// # Errors
    /// They may not, or their key was revoked.
    pub(crate) fn may_submit(&self, who: &Principal) -> Result<(), HostError> {
        self.still(who)?;
        allowed(who, Right::Submit, "have plans run")
    }

    /// Whether they may steer whatever runs here, and the tools.
    ///
    /// # Errors
    /// They may not, or their key was revoked.
    pub(crate) fn may_operate(&self, who: &Principal) -> Result<(), HostError> {
        self.still(who)?;
        may_operate(who)
    }

    /// Whether they may steer this execution: their own, or anybody's.
    ///
    /// # Errors
    /// They may not, or their key was revoked.
    pub(crate) fn may_steer(&self, who: &Principal, execution_id: &str) -> Result<(), HostError> {
        self.still(who)?;
        may_steer(self.journal.as_ref(), who, execution_id)
    }

    /// Whether they may let a call pass a policy deny.
    ///
    /// # Errors
    /// They may not, or their key was revoked.
    pub(crate) fn may_override(&self, who: &Principal) -> Result<(), HostError> {
        self.still(who)?;
        may_override(who)
    }

    /// Whether they may take the approval back that this execution runs on: who steers it, and whoever approves.
    ///
    /// # Errors
    /// They may not, or their key was revoked.
    pub(crate) fn may_revoke(&self, who: &Principal, execution_id: &str) -> Result<(), HostError> {
        self.still(who)?;
        may_revoke(self.journal.as_ref(), who, execution_id)
    }
}

/// Whether they may take the approval back that this execution runs on.
///
/// # Errors
/// They may not.
pub fn may_revoke(
    journal: &dyn Journal,
    who: &Principal,
    execution_id: &str,
) -> Result<(), HostError> {
    if who.roles.contains(APPROVER) {
        return Ok(());
    }
    may_steer(journal, who, execution_id)
}

/// Whether they may let a call pass a policy deny.
///
/// # Errors
/// They may not.
pub fn may_override(who: &Principal) -> Result<(), HostError> {
    allowed(who, Right::Administer, "let calls pass a policy deny")
}

/// Whether they may archive executions and have them removed.
///
/// # Errors
/// They may not.
pub fn may_remove(who: &Principal) -> Result<(), HostError> {
    allowed(who, Right::Administer, "archive executions")
}

/// Whether they may steer whatever runs here, and the tools.
///
/// # Errors
/// They may not.
pub fn may_operate(who: &Principal) -> Result<(), HostError> {
    allowed(who, Right::Operate, "steer what runs here")
}

/// Whether they may steer this execution: their own, or anybody's.
///
/// # Errors
/// They may not.
pub fn may_steer(
    journal: &dyn Journal,
    who: &Principal,
    execution_id: &str,
) -> Result<(), HostError> {
    if who.may(Right::Operate) {
        return Ok(());
    }
    let asked_by = journal.execution(execution_id)?.map(|row| row.principal);
    if asked_by.is_some_and(|name| name == who.name) && who.may(Right::Submit) {
        return Ok(());
    }
    allowed(who, Right::Operate, "steer executions of others")
}

fn allowed(who: &Principal, right: Right, what: &str) -> Result<(), HostError> {
    if who.may(right) {
        return Ok(());
    }
    Err(HostError::MayNot {
        by: who.name.clone(),
        what: what.to_owned(),
        roles: roles_of(right),
    })
}
