//! How a plan comes to a host that trusts nobody with checking it: as the text of a document.

use crate::ask::{HostError, Rerun, Revises, Submission};
use crate::tool_acts::{accept_new, hold_against_lock};
use mandate_engine::event::Asked;
use mandate_plan::{CheckedPlan, Document, Format, Violation, check, parse};
use mandate_policy::Principal;
use mandate_store::Journal;
use mandate_tools::Registry;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A plan that somebody wants run. It travels between processes as it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Proposal {
    /// The document.
    pub document: String,
    /// It is written in JSON, and not in YAML.
    pub json: bool,
    /// The inputs as the caller gave them.
    pub inputs: Map<String, Value>,
    /// Absolute deadline, Unix milliseconds.
    pub deadline_ms: Option<i64>,
    /// The session that it belongs to; none = one of the conversation's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// It is run once more.
    #[serde(default)]
    pub rerun: Option<Rerun>,
    /// It takes the place of the plan of an execution that runs.
    #[serde(default)]
    pub revises: Option<Revises>,
    /// The id that its execution is to have; none = a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// What the surface that took it says of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Box<Asked>>,
}

/// A plan if the document is one, and everything that was found.
pub type Looked = (Option<Arc<CheckedPlan>>, Vec<Violation>);

/// Checks proposals against the tools of this host.
pub struct Intake {
    registry: Arc<Registry>,
    /// Where it is kept what is accepted by its first use.
    journal: Option<Arc<dyn Journal>>,
}

impl Intake {
    /// Checks against these tools.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            journal: None,
        }
    }

    /// The same; tools of servers are accepted by their first use, and the journal tells.
    #[must_use]
    pub fn keeping(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// The tools.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Reads and checks the document; the tool servers that it names are started for that.
    ///
    /// # Errors
    /// Everything that is wrong with it, or a tool server that does not work.
    pub async fn take(
        &self,
        proposal: Proposal,
        principal: &Principal,
        session: &str,
    ) -> Result<Submission, HostError> {
        let named = proposal.session.clone();
        if let Some(named) = &named {
            may_be_named(named)?;
        }
        let format = if proposal.json {
            Format::Json
        } else {
            Format::Yaml
        };
        let document = parse(proposal.document.as_bytes(), format).map_err(HostError::Plan)?;
        // Its form first: what is no plan starts no tool servers.
        let formed = check(&document, None);
        let plan = formed.plan.ok_or(HostError::Plan(formed.violations))?;
        let tools: BTreeSet<String> = plan.tools().into_iter().map(str::to_owned).collect();
        if let Some(broken) = self.registry.prepare(&tools).await.into_values().next() {
            return Err(HostError::ToolServer(broken));
        }
        hold_against_lock(&self.registry, self.journal.as_deref(), &tools).await?;
        let checked = check(&document, Some(self.registry.snapshot().as_ref()));
        let plan = checked.plan.ok_or(HostError::Plan(checked.violations))?;
        if let Some(journal) = &self.journal {
            accept_new(&self.registry, journal.as_ref(), &tools).await?;
        }
        Ok(Submission {
            plan,
            inputs: proposal.inputs,
            principal: principal.name.clone(),
            roles: principal.roles.iter().cloned().collect(),
            session: named.unwrap_or_else(|| session.to_owned()),
            deadline_ms: proposal.deadline_ms,
            rerun: proposal.rerun,
            revises: proposal.revises,
            execution_id: proposal.execution_id,
            asked: proposal.asked,
        })
    }

    /// Checks a document with the tools that there are, as [`Intake::take`] does, and accepts nothing. The tool servers
    /// that it names are started, so that their tools are known.
    ///
    /// # Errors
    /// A tool server does not work, or a tool may not be used. What is wrong with the document is no error here.
    pub async fn look(&self, document: &Document) -> Result<Looked, HostError> {
        let formed = check(document, None);
        let Some(plan) = formed.plan else {
            return Ok((None, formed.violations));
        };
        let tools: BTreeSet<String> = plan.tools().into_iter().map(str::to_owned).collect();
        if let Some(broken) = self.registry.prepare(&tools).await.into_values().next() {
            return Err(HostError::ToolServer(broken));
        }
        let names = tools.iter().map(String::as_str);
        self.registry.usable(names).map_err(HostError::Tool)?;
        let checked = check(document, Some(self.registry.snapshot().as_ref()));
        Ok((checked.plan, checked.violations))
    }
}

/// The longest name of a session.
const SESSION_CHARACTERS: usize = 128;

/// A session's name is shown, typed and compared.
fn may_be_named(session: &str) -> Result<(), HostError> {
    let printable = |c: char| c.is_ascii_graphic();
    if !session.is_empty() && session.len() <= SESSION_CHARACTERS && session.chars().all(printable)
    {
        return Ok(());
    }
    Err(HostError::NotNow(format!(
        "a session's name is 1 to {SESSION_CHARACTERS} visible ASCII characters"
    )))
}
