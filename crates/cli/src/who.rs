//! Who acts here: whoever has the key in `MANDATE_API_KEY`, else the user of this process.

use crate::{config::Settings, context::Context, errors::Failure};
use mandate_host::{ApiKey, Client, HostError, KeyRing};
use mandate_policy::Principal;
use mandate_store::{Journal, Reader};

/// The variable with the key.
pub(crate) const VARIABLE: &str = "MANDATE_API_KEY";

/// The key that somebody speaks with here.
///
/// # Errors
/// What is there is no key.
pub(crate) fn key() -> Result<Option<ApiKey>, Failure> {
    let Some(text) = std::env::var_os(VARIABLE).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let key = ApiKey::parse(&text.to_string_lossy());
    key.map(Some)
        .map_err(|error| Failure::config(format!("{VARIABLE} holds no key: {error}")))
}

/// The user of this process.
pub(crate) fn local() -> Principal {
    Principal::local(rustix::process::getuid().as_raw())
}

/// Who acts, as the keys in this journal say.
///
/// # Errors
/// The key is none of this journal's, or was revoked.
pub(crate) fn principal(journal: &dyn Journal) -> Result<Principal, Failure> {
    match key()? {
        None => Ok(local()),
        Some(key) => Ok(KeyRing::of(journal)?.principal(&key)?),
    }
}

/// The same, from a journal that is only looked at; where there is none, nobody has a key.
///
/// # Errors
/// The same.
pub(crate) fn known(reader: Option<&Reader>) -> Result<Principal, Failure> {
    match (key()?, reader) {
        (None, _) => Ok(local()),
        (Some(key), None) => Err(HostError::NoSuchKey(key.id()).into()),
        (Some(_), Some(reader)) => principal(&crate::read_only::ReadOnly(reader)),
    }
}

/// The same for a command that looks at no journal: it is opened only where somebody shows a key.
///
/// # Errors
/// The same, and what keeps the journal from being opened.
pub(crate) fn asking(context: &Context) -> Result<Principal, Failure> {
    match key()? {
        None => Ok(local()),
        Some(_) => known(context.reader_if_any()?.as_ref()),
    }
}

/// Connects to the host of these settings, as whoever acts here.
///
/// # Errors
/// There is none to be reached, or it does not know the key.
pub(crate) fn connect(settings: &Settings) -> Result<Client, HostError> {
    // What is no key is told by `shield`, before anything is asked.
    let key = key().ok().flatten();
    Client::connect_as(&settings.data_dir, key.as_ref())
}

/// Keeps the key out of sight of the programs that are started here: they run as the same user, who could read the
/// environment of this process.
///
/// # Errors
/// What is in the variable is no key.
pub(crate) fn shield() -> Result<(), Failure> {
    if key()?.is_some() {
        let hidden = rustix::process::DumpableBehavior::NotDumpable;
        let _ = rustix::process::set_dumpable_behavior(hidden);
    }
    Ok(())
}
