//! Every name in a span, in one place, since conventions move. `gen_ai.*` and `error.type` are those of OpenTelemetry's
//! semantic conventions for generative AI, `mandate.*` are our own.

/// The span of an execution.
pub(super) const EXECUTE_PLAN: &str = "execute_plan";
/// The span of an attempt is named this and the tool; it is also the operation.
pub(super) const EXECUTE_TOOL: &str = "execute_tool";

pub(super) const OPERATION: &str = "gen_ai.operation.name";
pub(super) const TOOL: &str = "gen_ai.tool.name";
pub(super) const CONVERSATION: &str = "gen_ai.conversation.id";
pub(super) const ERROR_TYPE: &str = "error.type";

pub(super) const EXECUTION_ID: &str = "mandate.execution.id";
pub(super) const EXECUTION_STATUS: &str = "mandate.execution.status";
pub(super) const PLAN_HASH: &str = "mandate.plan.hash";
pub(super) const PLAN_REVISION: &str = "mandate.plan.revision";
pub(super) const PRINCIPAL: &str = "mandate.principal";
pub(super) const REQUEST_ID: &str = "mandate.request.id";
pub(super) const STEP_ID: &str = "mandate.step.id";
pub(super) const STEP_ITEM: &str = "mandate.step.item";
pub(super) const STEP_ATTEMPT: &str = "mandate.step.attempt";
pub(super) const STEP_PURPOSE: &str = "mandate.step.purpose";
pub(super) const STEP_OUTCOME: &str = "mandate.step.outcome";

pub(super) const SERVICE_NAME: &str = "service.name";
pub(super) const SERVICE_VERSION: &str = "service.version";
pub(super) const SERVICE_INSTANCE: &str = "service.instance.id";
