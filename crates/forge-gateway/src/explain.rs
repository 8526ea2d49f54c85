//! The call that a request of a client would become, without asking anybody.

use std::sync::Arc;

use bytes::Bytes;
use forge::{CallContext, ModelRequest, Participant, config::ServePlan, ingress, router::Router};
use forge_core::storage::{StorageError, access::AccessStore};
use forge_http::ingress::{Ingress, ReplyHead};
use http::Uri;

use crate::{
    intake::{Unanswerable, participant},
    keyring::{Caller, Keyrings},
};

/// A request as a client would send it.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs, reason = "what a client sends, and with which key")]
pub struct ClientRequest<'a> {
    /// The format of its body: `chat`, `responses`, `messages` or `gemini`.
    pub format: &'a str,
    /// The body.
    pub body: Bytes,
    /// The model, which Gemini's clients name in the address. It goes before that of the body.
    pub model: Option<&'a str>,
    /// The id or the name of the client's key.
    pub key: Option<&'a str>,
}

/// Why a request would be refused before anybody is asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Nothing of this format is served.
    #[error("the format `{0}` is not served")]
    Format(String),
    /// The body is no request.
    #[error("the body is no request: {0}")]
    Body(String),
    /// The body and the address name no model.
    #[error("the request names no model")]
    NoModel,
    /// There is no key of this id or name.
    #[error("there is no key `{0}`")]
    Key(String),
    /// The key is disabled, expired or revoked.
    #[error("the key `{0}` opens nothing any more")]
    Closed(String),
    /// Nobody answers under this name.
    #[error("there is no model `{0}`")]
    Model(String),
    /// The key may not use this model.
    #[error("the key may not use the model `{0}`")]
    Denied(String),
    /// The keys cannot be read.
    #[error("the keys cannot be read")]
    Keys(#[from] StorageError),
}

/// The call that `request` would become, with the budgets of its key. It counts in no limit.
///
/// # Errors
/// The server would refuse it.
pub async fn explain(
    router: &Router,
    plan: &ServePlan,
    keys: Option<&dyn AccessStore>,
    request: ClientRequest<'_>,
) -> Result<(CallContext, Arc<ModelRequest>), Refused> {
    let ClientRequest { format, body, model, key } = request;
    let served = [ingress::CHAT, ingress::RESPONSES, ingress::MESSAGES, ingress::GEMINI]
        .into_iter()
        .find(|one| one.dialect.as_str() == format && plan.formats.contains(&format));
    let ingress = served.ok_or_else(|| Refused::Format(format.to_owned()))?;
    let cx = CallContext::with_timer(Participant::new(ingress.vendor.clone(), ""), router.timer());
    let caller = match key {
        None => Caller::Anybody,
        Some(id) => caller(keys, id, &cx).await?,
    };
    let head = ReplyHead { id: cx.call_id.to_string(), created: cx.timer.now() };
    let incoming = (ingress.parse)(&body, &address(&ingress, model)?, &head);
    let incoming = incoming.map_err(|error| Refused::Body(error.reason))?;
    let called = model.unwrap_or(&incoming.model);
    let participant = participant(router, plan, &caller, called, &incoming, &ingress);
    let (participant, _) = participant.map_err(|denied| match denied {
        Unanswerable::Fields(names) => Refused::Body(names),
        Unanswerable::Unknown => Refused::Model(called.to_owned()),
        Unanswerable::Model => Refused::Denied(called.to_owned()),
    })?;
    Ok((caller.sign(cx.with_participant(participant)), Arc::new(incoming.request)))
}

async fn caller(keys: Option<&dyn AccessStore>, id: &str, cx: &CallContext) -> Result<Caller, Refused> {
    let Some(keys) = keys else { return Err(Refused::Key(id.to_owned())) };
    let keyrings = Keyrings::default();
    keyrings.replace(keys.access().await?);
    let holder = keyrings.current().holder(id).ok_or_else(|| Refused::Key(id.to_owned()))?;
    if holder.is_open(cx.timer.now()) {
        Ok(Caller::Holder(holder))
    } else {
        Err(Refused::Closed(id.to_owned()))
    }
}

/// Where a client would send it.
fn address(ingress: &Ingress, model: Option<&str>) -> Result<Uri, Refused> {
    if ingress.dialect.as_str() != "gemini" {
        return Ok(Uri::default());
    }
    let model = model.ok_or(Refused::NoModel)?;
    format!("/v1beta/models/{model}:generateContent").parse().map_err(|_| Refused::Model(model.to_owned()))
}
