//! Requests and replies that are passed on as they are.

use forge_core::{
    CallContext, ModelId, ModelProvider, ModelRequest, ProviderError, ResponseStream,
    provider::AdapterSettings,
    request::{Carried, Delivery, Dialect, Effort},
};
use forge_http::{Connection, Endpoint, spliced};

use crate::{
    profile::{Profile, ThinkingForm},
    response,
    stream::Decoder,
};

/// The format of the requests that are passed on.
pub(crate) const DIALECT: Dialect = Dialect::new("messages");

/// Whether the vendor takes `request` for `model` as its client wrote it. One with settings that the model does not take is
/// read, so that they are left out.
pub(crate) fn takes(settings: &AdapterSettings, model: &ModelId, request: &ModelRequest) -> bool {
    let profile = Profile::said(settings, model);
    let sampling = &request.sampling;
    let samples = sampling.temperature.is_some() || sampling.top_p.is_some() || sampling.top_k.is_some();
    let both = sampling.temperature.is_some() && sampling.top_p.is_some();
    let thinks = match profile.thinking {
        ThinkingForm::Budget => request.effort.is_none_or(|effort| effort == Effort::None),
        ThinkingForm::Adaptive { optional } => {
            let level = request.effort.is_none_or(|effort| {
                if effort == Effort::None { optional } else { profile.efforts.contains(effort) }
            });
            request.thinking_budget.is_none() && level
        }
    };
    request.carried().is_some_and(|carried| carried.dialect == DIALECT)
        && thinks
        && !both
        && (profile.sampling || !samples)
        && (profile.forced_tools || !request.outline().forced_tool)
}

/// Sends the body of the client, and hands on what comes back.
pub(crate) async fn send(
    connection: &Connection,
    messages: &Endpoint,
    cx: &CallContext,
    request: &ModelRequest,
    carried: &Carried,
) -> Result<ResponseStream, ProviderError> {
    let model = cx.model();
    let body = spliced(carried, model, &carried.added, request, &ModelProvider::Anthropic);
    let reply = connection.post_with(cx, messages, body, carried.delivery, &carried.headers).await?;
    match carried.delivery {
        Delivery::Stream => Ok(reply.relayed(Decoder::new(model.clone()))),
        Delivery::Whole => reply.relayed_whole(|body, events| response::from_wire(body, model, events)).await,
    }
}
