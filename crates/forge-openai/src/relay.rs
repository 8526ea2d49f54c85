//! Requests and replies that are passed on as they are.

use forge_core::{
    CallContext, ModelId, ModelProvider, ModelRequest, ProviderError, ProviderId, ResponseStream,
    request::{Carried, Dialect},
};
use forge_http::{Connection, Endpoint, spliced};

use crate::{
    profile::{Api, Profile},
    responses,
    tune::tune,
};

/// The format of the requests that are passed on.
pub(crate) const RESPONSES: Dialect = Dialect::new("responses");

/// The field for the most tokens of an answer.
const LIMIT: &str = "max_output_tokens";

/// Whether a model takes `request` as its client wrote it. One with settings that the model does not take is read, so that
/// they are left out.
pub(crate) fn takes(profile: &Profile, request: &ModelRequest) -> bool {
    let mut warnings = Vec::new();
    let is_ours = request.carried().is_some_and(|carried| carried.dialect == RESPONSES);
    is_ours && profile.api == Api::Responses && {
        tune(request, profile.takes(), &mut warnings);
        warnings.is_empty()
    }
}

/// Sends the body of the client, and hands on what comes back.
pub(crate) async fn send(
    connection: &Connection,
    endpoint: &Endpoint,
    cx: &CallContext,
    origin: ProviderId,
    request: &ModelRequest,
    carried: &Carried,
) -> Result<ResponseStream, ProviderError> {
    let model: &ModelId = cx.model();
    let mut request = request.clone();
    if let Some(most) = request.max_tokens.filter(|_| carried.outline.max_tokens.is_none()) {
        request.extra.insert(ModelProvider::OpenAI, LIMIT, most);
    }
    let body = spliced(carried, model, &request, &ModelProvider::OpenAI);
    let reply = connection.post_with(cx, endpoint, body, carried.delivery, &carried.headers).await?;
    Ok(reply.relayed(responses::Decoder::new(ModelProvider::OpenAI, model.clone(), origin)))
}
