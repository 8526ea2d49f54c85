//! Requests and replies that are passed on as they are.

use forge_core::{
    CallContext, ModelProvider, ModelRequest, ProviderError, ResponseStream,
    request::{Carried, Delivery, Dialect},
};
use forge_http::{Connection, Endpoint, LONGEST_WHOLE, spliced};

use crate::{profile::Profile, response, stream::Decoder, tune::tune};

/// The format of the requests that are passed on.
pub(crate) const DIALECT: Dialect = Dialect::new("gemini");

/// Whether a model, which writes so many tokens at most, takes `request` as its client wrote it. One with settings that the
/// model does not take is read, so that they are left out.
pub(crate) fn takes(
    profile: &Profile,
    longest: impl FnOnce() -> Option<u64>,
    request: &ModelRequest,
) -> bool {
    let Some(carried) = request.carried().filter(|carried| carried.dialect == DIALECT) else { return false };
    let outline = &carried.outline;
    let most = || outline.max_tokens.map(u64::from).or_else(longest);
    let in_time = carried.delivery == Delivery::Stream || most().is_some_and(|most| most <= LONGEST_WHOLE);
    let mut warnings = Vec::new();
    tune(request, profile, &mut warnings);
    in_time
        && warnings.is_empty()
        // The field for it stands inside of another, where nothing can be added.
        && request.max_tokens == outline.max_tokens
        && (profile.tools_with_schema || !outline.tools || !outline.schema)
}

/// Sends the body of the client, and hands on what comes back.
pub(crate) async fn send(
    connection: &Connection,
    endpoint: &Endpoint,
    cx: &CallContext,
    request: &ModelRequest,
    carried: &Carried,
) -> Result<ResponseStream, ProviderError> {
    let model = cx.model();
    let body = spliced(carried, model, &carried.added, request, &ModelProvider::Google);
    let reply = connection.post_with(cx, endpoint, body, carried.delivery, &carried.headers).await?;
    match carried.delivery {
        Delivery::Stream => Ok(reply.relayed(Decoder::new(model.clone()))),
        Delivery::Whole => reply.relayed_whole(|body, events| response::from_wire(body, model, events)).await,
    }
}
