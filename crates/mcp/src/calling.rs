//! Calls of tools: begun, or taken up where their client comes back with what was asked.

use crate::approving::{Asks, Call, KEY, PATIENCE, Said};
use crate::following::Came;
use crate::handler::{Gateway, Placed, is_stateless};
use crate::own_tools::own_tool;
use crate::raw::RAW_ARGUMENTS;
use crate::shapes::{question, result};
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ElicitRequest, InputRequest, InputRequests,
    InputRequiredResult,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;
use std::sync::Arc;

impl Gateway {
    /// Does what a call asks for.
    pub(crate) async fn called(
        &self,
        placed: &Arc<Placed>,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = request.name.into_owned();
        let arguments = match context.meta.0.0.get(RAW_ARGUMENTS) {
            Some(Value::String(raw)) => raw.clone(),
            _ => Value::Object(request.arguments.unwrap_or_default()).to_string(),
        };
        let call = Call::new(&placed.visitor.principal, &name, &arguments);
        let came = match request.request_state {
            None => {
                let under = placed.begin(name.clone(), arguments.clone(), context);
                placed.follow_or_leave(under, context).await?
            }
            Some(word) => {
                let answers = request.input_responses.unwrap_or_default();
                if let Some(asks) = self.shared.questions.take(&word, &call) {
                    let said = answers.get(KEY).and_then(Said::of);
                    let asks = (asks, said, "input_required");
                    return goes_on(placed, asks, (call, name, arguments), context).await;
                }
                let parked = self.shared.parked.take(&word, &call).ok_or_else(|| {
                    let message = "`requestState` stands for no open question about this call";
                    ErrorData::invalid_params(message, None)
                })?;
                // Whoever asked does not wait any more: what came of that is told.
                let _ = parked.answers.send(answers.into_iter().collect());
                placed.follow_or_leave(parked.under, context).await?
            }
        };
        let told = match came {
            Came::Done(told) => *told,
            Came::Asks(requests, parked) => return Ok(placed.asks(call, requests, parked)),
            Came::Left(task) => return Ok(*task),
        };
        let can = self.can_be_asked(context);
        let Some(asks) = told.asks.clone().filter(|_| can) else {
            return placed.told_or_task(told, context).await;
        };
        if is_stateless(context) {
            let word = self.shared.questions.keep(call, asks.clone());
            return Ok(match (word, question(&asks.question)) {
                (Some(word), Some(params)) => {
                    let asked = InputRequest::Elicitation(ElicitRequest::new(params));
                    let requests = InputRequests::from([(KEY.to_owned(), asked)]);
                    InputRequiredResult::new(Some(requests), Some(word)).into()
                }
                _ => result(told)?.into(),
            });
        }
        let Some(params) = question(&asks.question) else {
            return Ok(result(told)?.into());
        };
        let peer = &context.peer;
        let asked = peer
            .create_elicitation_with_timeout(params, Some(PATIENCE))
            .await;
        let said = asked.ok().and_then(|said| serde_json::to_value(said).ok());
        let said = said.as_ref().and_then(Said::of);
        let asks = (asks, said, "elicitation");
        goes_on(placed, asks, (call, name, arguments), context).await
    }
}

/// Hands on what somebody answered, and goes on with the call that it was about. Where nobody did, the request stays open,
/// for whoever answers elsewhere.
async fn goes_on(
    placed: &Arc<Placed>,
    (asks, said, channel): (Asks, Option<Said>, &'static str),
    call: (Call, String, String),
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    if let Some(said) = said {
        let handed = placed.on_thread(move |act| act.hand_on(&asks, &said, channel));
        if let Err(told) = handed.await? {
            return Ok(result(*told)?.into());
        }
    }
    // What was proposed is there already; what was refused is called.
    let (call, name, arguments) = call;
    let (name, arguments) = match own_tool(&name) {
        Some(_) => ("status".to_owned(), "{}".to_owned()),
        None => (name, arguments),
    };
    let under = placed.begin(name, arguments, context);
    match placed.follow_or_leave(under, context).await? {
        Came::Done(told) => Ok(result(*told)?.into()),
        Came::Asks(requests, parked) => Ok(placed.asks(call, requests, parked)),
        Came::Left(task) => Ok(*task),
    }
}
