//! Every name in a span, in one place, since conventions move. `mandate.*` are our own, all others those of OpenTelemetry's
//! semantic conventions for generative AI and MCP.

/// The span of an execution.
pub(super) const EXECUTE_PLAN: &str = "execute_plan";
/// The span of an attempt is named this and the tool; it is also the operation.
pub(super) const EXECUTE_TOOL: &str = "execute_tool";

pub(super) const OPERATION: &str = "gen_ai.operation.name";
pub(super) const TOOL: &str = "gen_ai.tool.name";
pub(super) const TOOL_TYPE: &str = "gen_ai.tool.type";
/// What is run by whoever shows it, as opposed to by the model's provider.
pub(super) const FUNCTION: &str = "function";
pub(super) const CALL_ID: &str = "gen_ai.tool.call.id";
pub(super) const CONVERSATION: &str = "gen_ai.conversation.id";
pub(super) const ERROR_TYPE: &str = "error.type";
/// What `error.type` is where a tool of an MCP server says itself that it failed.
pub(super) const TOOL_ERROR: &str = "tool_error";

pub(super) const METHOD: &str = "mcp.method.name";
pub(super) const TOOLS_CALL: &str = "tools/call";
pub(super) const SESSION_ID: &str = "mcp.session.id";
pub(super) const PROTOCOL_VERSION: &str = "mcp.protocol.version";
pub(super) const RPC_ID: &str = "jsonrpc.request.id";
pub(super) const RPC_STATUS: &str = "rpc.response.status_code";
pub(super) const TRANSPORT: &str = "network.transport";
pub(super) const PIPE: &str = "pipe";
pub(super) const TCP: &str = "tcp";
pub(super) const PROTOCOL_NAME: &str = "network.protocol.name";
pub(super) const HTTP: &str = "http";
pub(super) const SERVER_ADDRESS: &str = "server.address";
pub(super) const SERVER_PORT: &str = "server.port";

pub(super) const EXECUTION_ID: &str = "mandate.execution.id";
pub(super) const EXECUTION_STATUS: &str = "mandate.execution.status";
pub(super) const PLAN_HASH: &str = "mandate.plan.hash";
pub(super) const PLAN_REVISION: &str = "mandate.plan.revision";
pub(super) const PRINCIPAL: &str = "mandate.principal";
pub(super) const REQUEST_ID: &str = "mandate.request.id";
pub(super) const ERROR_CODE: &str = "mandate.error.code";
pub(super) const STEP_ID: &str = "mandate.step.id";
pub(super) const STEP_ITEM: &str = "mandate.step.item";
pub(super) const STEP_ATTEMPT: &str = "mandate.step.attempt";
pub(super) const STEP_PURPOSE: &str = "mandate.step.purpose";
pub(super) const STEP_OUTCOME: &str = "mandate.step.outcome";

pub(super) const SERVICE_NAME: &str = "service.name";
pub(super) const SERVICE_VERSION: &str = "service.version";
pub(super) const SERVICE_INSTANCE: &str = "service.instance.id";
