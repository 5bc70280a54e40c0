//! `process.exec`: one program, held to `[sandbox]` by the kernel.

pub(crate) mod capture;
pub(crate) mod confinement;
pub(crate) mod environment;
pub(crate) mod exec;
pub(crate) mod kept;

use super::{
    fs::Roots,
    typed::{arguments, define},
};
use crate::{Authorized, CallContext, Definition, Outcome, ProcessConfig, Provider, SandboxConfig};
use confinement::Confinement;
use futures_util::{FutureExt as _, future::BoxFuture};
use mandate_plan::Facts;
use serde_json::Value;
use std::sync::Arc;

/// `process.exec` as a provider.
pub struct ProcessTools {
    config: Arc<ProcessConfig>,
    roots: Arc<Roots>,
    confinement: Arc<Confinement>,
}

impl ProcessTools {
    /// `process.exec` as configured; processes start in a directory beneath `roots`.
    pub(crate) fn new(config: &ProcessConfig, sandbox: &SandboxConfig, roots: Arc<Roots>) -> Self {
        Self {
            config: Arc::new(config.clone()),
            confinement: Arc::new(Confinement::of_plans(
                sandbox,
                &config.limits,
                Arc::clone(&roots),
            )),
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

    fn sandbox(&self, _: &str) -> Option<String> {
        Some(confinement::word())
    }

    fn profile(&self, _: &str) -> Option<Value> {
        Some(self.confinement.shown())
    }

    fn call(&self, _: Authorized, call: CallContext) -> BoxFuture<'static, Outcome> {
        let (config, roots) = (Arc::clone(&self.config), Arc::clone(&self.roots));
        let confinement = Arc::clone(&self.confinement);
        async move {
            match arguments::<exec::Args>(call.args.clone()) {
                Ok(args) => exec::exec(&config, &confinement, &roots, args, &call).await,
                Err(stop) => stop.into(),
            }
        }
        .boxed()
    }
}
