//! `process.exec`: one program, in a process group of its own.
//!
//! There is no kernel sandbox yet; every answer says so (`sandbox: "none"`).

pub(crate) mod capture;
pub(crate) mod environment;
mod exec;
pub(crate) mod group;
mod watchdog;

use super::{
    fs::Roots,
    typed::{arguments, define},
};
use crate::{Authorized, CallContext, Definition, Outcome, ProcessConfig, Provider};
use futures_util::{FutureExt as _, future::BoxFuture};
use mandate_plan::Facts;
use serde_json::Value;
use std::sync::Arc;

/// `process.exec` as a provider.
pub struct ProcessTools {
    config: Arc<ProcessConfig>,
    roots: Arc<Roots>,
}

impl ProcessTools {
    /// `process.exec` as configured; processes start in a directory beneath `roots`.
    pub(crate) fn new(config: &ProcessConfig, roots: Arc<Roots>) -> Self {
        Self {
            config: Arc::new(config.clone()),
            roots,
        }
    }
}

impl Provider for ProcessTools {
    fn name(&self) -> &str {
        "process"
    }

    fn definitions(&self) -> Vec<Definition> {
        vec![define::<exec::Args, exec::Ended>(
            "process.exec",
            "Runs a program and gives its output.",
        )]
    }

    fn facts(&self, _: &str, _: Option<&Value>) -> Facts {
        Facts::WORST
    }

    fn call(&self, _: Authorized, call: CallContext) -> BoxFuture<'static, Outcome> {
        let (config, roots) = (Arc::clone(&self.config), Arc::clone(&self.roots));
        async move {
            match arguments::<exec::Args>(call.args.clone()) {
                Ok(args) => exec::exec(&config, &roots, args, &call).await,
                Err(stop) => stop.into(),
            }
        }
        .boxed()
    }
}
