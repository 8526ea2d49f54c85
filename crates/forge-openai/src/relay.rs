//! Requests and replies that are passed on as they are.

use forge_core::{
    CallContext, ModelProvider, ModelRequest, ProviderError, ResponseStream,
    request::{Carried, Delivery, Dialect},
};
use forge_http::{Connection, Decode, Endpoint, Events, Failure, LONGEST_WHOLE, spliced};

use crate::{
    chat::TokenLimit,
    compatible::Habits,
    profile::{Api, Profile},
    tune::{Takes, tune},
};

/// The formats of the requests that are passed on.
pub(crate) const CHAT: Dialect = Dialect::new("chat");
pub(crate) const RESPONSES: Dialect = Dialect::new("responses");
pub(crate) const EMBEDDINGS: Dialect = Dialect::new("embeddings");

/// Has the vendor store nothing.
pub(crate) const NOT_STORED: (&str, &str) = ("store", "false");
/// Has the vendor count the tokens of a streamed chat.
pub(crate) const USAGE: (&str, &str) = ("stream_options", r#"{"include_usage":true}"#);

/// Whether a model, which writes so many tokens at most, takes `request` as its client wrote it. One with settings that the
/// model does not take is read, so that they are left out.
pub(crate) fn takes(
    profile: &Profile,
    habits: &Habits,
    longest: impl FnOnce() -> Option<u64>,
    request: &ModelRequest,
) -> bool {
    let Some(carried) = request.carried() else { return false };
    // Every server of the dialect has them at the same place, and whether for this model it says itself.
    if carried.dialect == EMBEDDINGS {
        return true;
    }
    let most = || carried.outline.max_tokens.or(request.max_tokens).map(u64::from).or_else(longest);
    let in_time = carried.delivery == Delivery::Stream || most().is_some_and(|most| most <= LONGEST_WHOLE);
    // Others that speak the dialect know nothing of the vendor's newer fields.
    habits.own_models
        && in_time
        && match profile.api {
            Api::Responses => carried.dialect == RESPONSES && is_tuned(request, profile.takes()),
            Api::Chat { limit } => {
                carried.dialect == CHAT
                    && limit == TokenLimit::MaxCompletionTokens
                    && takes_chat(profile, habits, request, carried)
            }
        }
}

fn takes_chat(profile: &Profile, habits: &Habits, request: &ModelRequest, carried: &Carried) -> bool {
    let takes = Takes { seed: true, penalties: true, ..profile.takes() };
    // Where nothing is stored, the field for it may be unknown.
    let stores = habits.takes_store || carried.added.contains(&NOT_STORED);
    // Models that think refuse the older name of the limit.
    let older = br#""max_tokens""#;
    let limited = !profile.thinks() || !carried.body.windows(older.len()).any(|name| name == older);
    stores && limited && request.stop_sequences.len() <= profile.stop_sequences && is_tuned(request, takes)
}

fn is_tuned(request: &ModelRequest, takes: Takes) -> bool {
    let mut warnings = Vec::new();
    tune(request, takes, &mut warnings);
    warnings.is_empty()
}

/// A carried request on its way.
pub(crate) struct Relay<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) habits: &'a Habits,
    /// The field for the most tokens of an answer.
    pub(crate) limit: &'static str,
}

impl Relay<'_> {
    /// Sends the body of the client, and hands on what comes back: a stream, or a whole reply that `whole` reads.
    pub(crate) async fn send<D: Decode>(
        self,
        cx: &CallContext,
        request: &ModelRequest,
        carried: &Carried,
        decoder: impl Fn() -> D,
        whole: impl Fn(D, &str, &mut Events) -> Result<(), Failure>,
    ) -> Result<ResponseStream, ProviderError> {
        let Self { connection, endpoint, habits, limit } = self;
        let is_chat = carried.dialect == CHAT;
        let mut added = carried.added.clone();
        added.retain(|field| *field != NOT_STORED || !is_chat || habits.takes_store);
        let mut request = request.clone();
        if let Some(most) = request.max_tokens.filter(|_| carried.outline.max_tokens.is_none()) {
            request.extra.insert(ModelProvider::OpenAI, limit, most);
        }
        let body = spliced(carried, cx.model(), &added, &request, &ModelProvider::OpenAI);
        let reply = connection.post_with(cx, endpoint, body, carried.delivery, &carried.headers).await?;
        match carried.delivery {
            Delivery::Stream => Ok(reply.relayed(decoder())),
            Delivery::Whole => reply.relayed_whole(|body, events| whole(decoder(), body, events)).await,
        }
    }
}
