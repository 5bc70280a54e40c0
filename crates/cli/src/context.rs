//! What every command has at hand: where it writes, and the configuration, read when it is first needed.

use crate::{
    args::Globals,
    config::{self, Policies, Settings},
    errors::Failure,
    output::Out,
    remote::Named,
};
use mandate_store::{Reader, SqliteStore};
use std::{cell::OnceCell, path::PathBuf};

/// What every command has at hand.
pub(crate) struct Context {
    globals: Globals,
    out: Out,
    settings: OnceCell<Settings>,
    further_policies: OnceCell<Vec<PathBuf>>,
}

impl Context {
    pub(crate) fn new(globals: Globals, out: Out) -> Self {
        Self {
            globals,
            out,
            settings: OnceCell::new(),
            further_policies: OnceCell::new(),
        }
    }

    pub(crate) fn out(&self) -> &Out {
        &self.out
    }

    /// The server that is to do it, if one is named.
    pub(crate) fn server(&self) -> Option<Named> {
        Named::of(self.globals.server_url.as_deref(), self.globals.allow_http)
    }

    /// The configuration as all sources together give it.
    ///
    /// # Errors
    /// A source that cannot be read, is not valid, or widens what an earlier one set.
    pub(crate) fn settings(&self) -> Result<&Settings, Failure> {
        if let Some(settings) = self.settings.get() {
            return Ok(settings);
        }
        let further = self.further_policies.get().map_or(&[][..], Vec::as_slice);
        let data_dir = self.globals.data_dir.as_deref();
        let settings = config::load(data_dir, Policies::With(further))?;
        crate::logging::start(&settings.log);
        Ok(self.settings.get_or_init(|| settings))
    }

    /// Names policies that must allow, too: what `--policy` says. Before the settings are read.
    pub(crate) fn add_policies(&self, paths: &[PathBuf]) {
        self.further_policies.get_or_init(|| paths.to_vec());
    }

    /// The configuration without the policies, for looking at policies that cannot be read.
    ///
    /// # Errors
    /// A source that cannot be read, is not valid, or widens what an earlier one set.
    pub(crate) fn settings_without_policies(&self) -> Result<Settings, Failure> {
        config::load(self.globals.data_dir.as_deref(), Policies::Unread)
    }

    /// The journal, for reading; none if nothing has run here yet.
    ///
    /// # Errors
    /// A journal that cannot be opened.
    pub(crate) fn reader_if_any(&self) -> Result<Option<Reader>, Failure> {
        let dir = &self.settings()?.data_dir;
        if Reader::has_journal(dir) {
            Ok(Some(SqliteStore::open_readonly(dir)?))
        } else {
            Ok(None)
        }
    }

    /// The journal, for reading.
    ///
    /// # Errors
    /// There is none, or it cannot be opened.
    pub(crate) fn reader(&self) -> Result<Reader, Failure> {
        let dir = self.settings()?.data_dir.clone();
        self.reader_if_any()?.ok_or_else(|| {
            Failure::not_found(format!("nothing has run in `{}` yet", dir.display()))
                .remedy("`mandate run PLAN` runs a plan; `--data-dir` looks into another directory")
        })
    }
}
