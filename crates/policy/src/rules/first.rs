//! The policy that is built in, for those who have written none.

use super::{Case, RuleError, Rules, Ruling};
use crate::{approver::Approver, decision::Outcome, risk::Level};
use mandate_plan::Digest;
use serde_json::Map;

/// The policy in words. Its digest is the policy's version: whoever changes the behaviour below changes these, too.
const TEXT: &str = "\
first-policy 1
reads: a call whose effect is read and that reaches nothing which other parties control is allowed
effects: any other call needs the approval of the plan, once, by the requester
";

/// Closed-world reads run; everything else needs the plan's approval, once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FirstPolicy;

impl Rules for FirstPolicy {
    fn version(&self) -> String {
        Digest::framed("mandate/policy/v1", [TEXT.as_bytes()]).to_string()
    }

    fn rule_ids(&self) -> Vec<String> {
        ["first-policy/reads", "first-policy/effects"]
            .map(str::to_owned)
            .to_vec()
    }

    fn judge(&self, case: &Case<'_>) -> Result<Vec<Ruling>, RuleError> {
        let call = case.call;
        let ruling = if call.facts().closed_world_read() {
            Ruling {
                rule: "first-policy/reads".to_owned(),
                outcome: Outcome::Allow,
                message: format!(
                    "`{}` only reads what this machine's user controls",
                    call.tool
                ),
                severity: Level::Info,
                approvers: Vec::new(),
                absolute: false,
                inputs: Map::new(),
            }
        } else {
            Ruling {
                rule: "first-policy/effects".to_owned(),
                outcome: Outcome::RequireApproval,
                message: match call.facts().read_only() {
                    true => format!(
                        "`{}` reads from places that other parties control",
                        call.tool
                    ),
                    false => format!("`{}` has the effect `{}`", call.tool, call.effect),
                },
                severity: call.risk.level,
                approvers: vec![Approver::Requester],
                absolute: false,
                inputs: Map::new(),
            }
        };
        Ok(vec![ruling])
    }
}
