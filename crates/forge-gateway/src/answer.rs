//! The reply to a request that was read: who answers, whole or as a stream, and what the head says of it.

use std::{sync::Arc, time::Duration};

use forge::{
    CallContext, ErrorKind, ModelProvider, ModelRequest, ModelResponse, Provider as _, ProviderError,
    ResponseStream, StreamEvent,
    event::{Finished, Started, StopDetail, StopReason},
    request::{Carried, Delivery},
    router::Router,
    stream::Accumulator,
};
use forge_core::storage::budget::BudgetError;
use forge_http::ingress::{Incoming, Ingress, Refusal, Render};
use http::{Response, StatusCode};

use crate::{
    event_stream::KEEP_ALIVE,
    meter::Admission,
    reply::{self, Reply, insert},
    reply_body::{Call, Last, ReplyBody, StreamBody},
    sealing::Sealing,
    stored::{self, Keeping},
};

/// Names of fields that a reply lists at most.
const LISTED: usize = 8;

/// One call on behalf of a client.
pub(crate) struct Answer<'a> {
    pub(crate) router: &'a Router,
    pub(crate) ingress: &'a Ingress,
    pub(crate) cx: CallContext,
    pub(crate) sealing: Sealing,
    /// How many seals of the client's did not open.
    pub(crate) unopened: usize,
    /// What keeps the reply, where it is to be kept.
    pub(crate) keeping: Option<Keeping>,
}

impl Answer<'_> {
    /// Answers. `admission` is given back when the call is over.
    pub(crate) async fn to(self, incoming: Incoming, admission: Admission) -> Reply {
        let Incoming { request, reply, unknown, .. } = incoming;
        let delivery = request.delivery;
        let Self { router, ingress, cx, sealing, unopened, keeping } = self;
        let left = Untranslated::of(&unknown, unopened, &request, &ingress.vendor);
        // The vendor streams whatever its client asked for: a whole reply of many minutes is silent on the way, and some
        // vendors refuse to give one. What a carried request asks for stands in its bytes.
        let request = Arc::new(request.with_delivery(Delivery::Stream));
        // It owns all that it needs, since it may outlive this answer.
        let (own, call_cx) = (router.clone(), cx.clone());
        let refuse = ingress.refuse;
        let call = async move {
            match own.stream(&call_cx, request).await {
                Ok(events) => Ok(events.observed(admission)),
                // A dialect that has a form of its own for it says it in that.
                Err(error) if refuse(&Refusal::Failed(&error)).0 == 200 => Err(error),
                Err(error) => declined(error),
            }
        };
        let writer = Writer { router, ingress, cx: &cx, left };
        let outcome = match (keeping, delivery) {
            (Some(keeping), _) if keeping.is_background() => {
                Ok(in_background(keeping, Box::pin(call), delivery, reply, sealing).await)
            }
            (keeping, Delivery::Whole) => writer.whole(call, reply, sealing, keeping).await,
            (keeping, Delivery::Stream) => writer.stream(Box::pin(call), reply, sealing, keeping).await,
        };
        let mut answer = outcome.unwrap_or_else(|error| failed(ingress, &error));
        insert(&mut answer, ingress.request_id, &cx.call_id.to_string());
        answer
    }
}

/// Writes the reply of a call that is under way.
struct Writer<'a> {
    router: &'a Router,
    ingress: &'a Ingress,
    cx: &'a CallContext,
    left: Untranslated,
}

impl Writer<'_> {
    async fn whole(
        &self,
        call: impl Future<Output = Result<ResponseStream, ProviderError>>,
        mut reply: Box<dyn Render>,
        mut sealing: Sealing,
        keeping: Option<Keeping>,
    ) -> Result<Reply, ProviderError> {
        let mut accumulator = Accumulator::new(self.cx);
        let (mut relayed, mut pushed) = (None, Ok(()));
        let mut events = call.await?;
        let facts = Facts::of(&events);
        while let Some(event) = events.next().await {
            let event = event?;
            if let StreamEvent::Relayed(body) = &event {
                relayed = Some(body.bytes.clone());
            }
            sealing.event(event, &mut |event| {
                if pushed.is_ok() {
                    pushed = accumulator.push(event);
                }
            });
            std::mem::replace(&mut pushed, Ok(()))?;
        }
        let response: ModelResponse = accumulator.finish()?;
        let body = relayed.map_or_else(|| reply.whole(&response).into(), ReplyBody::from);
        if let Some(keeping) = keeping {
            keeping.end().await;
        }
        let mut answer = reply::body(StatusCode::OK, "application/json", body);
        if let Some(cost) = self.router.cost(&response) {
            insert(&mut answer, "x-forge-cost-usd", cost.to_string().trim_start_matches('$'));
        }
        insert(&mut answer, "x-forge-model", response.model.as_str());
        self.tell(&mut answer, &facts);
        Ok(answer)
    }

    async fn stream(
        &self,
        mut call: Call,
        reply: Box<dyn Render>,
        sealing: Sealing,
        keeping: Option<Keeping>,
    ) -> Result<Reply, ProviderError> {
        let last = keeping.map(|keeping| -> Last { Box::pin(keeping.end()) });
        // No byte of the head goes out before the first content, so that a failure has a status of its own. After so long
        // a silence it does: proxies would cut the connection.
        let Ok(begun) = tokio::time::timeout(2 * KEEP_ALIVE, &mut call).await else {
            return Ok(streamed(
                reply.content_type(),
                StreamBody::of_call(call, reply, Some(sealing)).with_last(last),
            ));
        };
        let events = match begun {
            Ok(events) => events,
            // Told as a reply and not as an error, it has to be one that the client can read: a stream.
            Err(error) if (self.ingress.refuse)(&Refusal::Failed(&error)).0 == 200 => {
                return Ok(streamed(reply.content_type(), StreamBody::of_failure(&error, reply)));
            }
            Err(error) => return Err(error),
        };
        let facts = Facts::of(&events);
        let kind = reply.content_type();
        let mut answer = streamed(kind, StreamBody::of_events(events, reply, Some(sealing)).with_last(last));
        insert(&mut answer, "x-forge-model", facts.started.model.as_ref().map_or("", |model| model.as_str()));
        self.tell(&mut answer, &facts);
        Ok(answer)
    }

    /// Says how the call found its model, what it was asked without, and who answers in place of a model.
    fn tell(&self, answer: &mut Reply, facts: &Facts) {
        if let Some(session) = &facts.started.session {
            insert(answer, "x-forge-session", session);
        }
        if facts.is_from_cache {
            insert(answer, "x-forge-cache", "hit");
        }
        let Some(route) = &facts.started.route else { return };
        insert(answer, "x-forge-attempts", &(route.failed.len() + 1).to_string());
        let Some(answering) = &route.participant else { return };
        insert(answer, "x-forge-route", answering.provider_id.as_str());
        insert(answer, "x-forge-warnings", &self.left.words(&answering.provider, &self.ingress.vendor));
    }
}

/// A reply whose client need not wait for it: it is told at once of one that is under way, or reads its events for as long as it
/// likes.
async fn in_background(
    keeping: Keeping,
    call: Call,
    delivery: Delivery,
    reply: Box<dyn Render>,
    sealing: Sealing,
) -> Reply {
    let begun = keeping.begun().to_owned();
    // A call that nobody could find again is not made.
    let (call, last) = match keeping.begin(call).await {
        Ok(begun) => begun,
        Err(error) => return stored::unavailable(&error),
    };
    let kind = reply.content_type();
    let body = StreamBody::of_call(call, reply, Some(sealing)).with_last(last);
    if delivery == Delivery::Whole {
        tokio::spawn(Box::new(body).finish());
        return reply::body(StatusCode::OK, "application/json", begun.into_bytes());
    }
    let mut answer = streamed(kind, body);
    if let ReplyBody::Stream(stream) = answer.body_mut() {
        stream.finish_alone();
    }
    answer
}

/// What a reply says before its first content.
#[derive(Default)]
struct Facts {
    started: Started,
    is_from_cache: bool,
}

impl Facts {
    fn of(events: &ResponseStream) -> Self {
        let mut facts = Self::default();
        for event in events.head() {
            match event {
                StreamEvent::Started(started) => facts.started = Started::clone(started),
                StreamEvent::Warned(warning) => facts.is_from_cache |= warning.about == "cache",
                _ => {}
            }
        }
        facts
    }
}

/// The client's fields that have no place in a common request.
struct Untranslated {
    /// Those that go to the dialect's own vendor.
    own: Vec<String>,
    /// Those that go to nobody.
    lost: Vec<String>,
    /// How many seals did not open.
    unopened: usize,
    /// The request, where nothing of it was read at first.
    carried: Option<Arc<Carried>>,
}

impl Untranslated {
    fn of(unknown: &[String], unopened: usize, request: &ModelRequest, vendor: &ModelProvider) -> Self {
        let extra = request.extra.fields(vendor);
        let goes_on = |name: &&String| extra.is_some_and(|extra| extra.contains_key(name.as_str()));
        let (own, lost) = unknown.iter().partition::<Vec<&String>, _>(goes_on);
        let names = |names: Vec<&String>| names.into_iter().cloned().collect();
        Self { own: names(own), lost: names(lost), unopened, carried: request.carried().cloned() }
    }

    /// What the model was asked without; empty if nothing is missing. `vendor` is the dialect's.
    fn words(&self, answering: &ModelProvider, vendor: &ModelProvider) -> String {
        // Its own vendor has had everything. For another the request was read.
        let other = (answering != vendor).then_some(self);
        let read = other.and_then(|left| left.carried.as_ref()?.parsed().ok()?.extra.fields(vendor));
        let own = other.into_iter().flat_map(|left| &left.own);
        let own = own.chain(read.into_iter().flat_map(|fields| fields.keys()));
        let names: Vec<&str> = self.lost.iter().chain(own).map(String::as_str).take(LISTED).collect();
        let fields = (!names.is_empty()).then(|| format!("not translated: {}", names.join(", ")));
        let state = (self.unopened > 0).then(|| format!("state not opened: {}", self.unopened));
        fields.into_iter().chain(state).collect::<Vec<_>>().join("; ")
    }
}

/// A prompt that a model or a filter declined is no failure, but a reply that ends so.
fn declined(error: ProviderError) -> Result<ResponseStream, ProviderError> {
    let reason = match error.kind {
        ErrorKind::Refusal => StopReason::Refusal,
        ErrorKind::ContentFiltered => StopReason::ContentFiltered,
        _ => return Err(error),
    };
    let mut finished = Finished::new(reason);
    finished.detail = StopDetail::of(error.code.clone(), Some(error.message.clone()));
    let events = [Started::default().into(), finished.into()];
    Ok(ResponseStream::from_events(events.map(Ok)))
}

/// A refusal in the client's dialect.
pub(crate) fn refused(ingress: &Ingress, refusal: &Refusal<'_>) -> Reply {
    let (status, text) = (ingress.refuse)(refusal);
    reply::body(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), "application/json", text)
}

/// What a client is told of a call that failed before any of its answer was there.
pub(crate) fn failed(ingress: &Ingress, error: &ProviderError) -> Reply {
    if let Some(BudgetError::Storage(cause)) = error.source.as_deref().and_then(|cause| cause.downcast_ref())
    {
        // A cap that cannot be looked up is not used up: others may ask again soon.
        tracing::warn!(%cause, "a call was refused because its budgets cannot be read");
        let message = "the budgets of this call cannot be read now";
        let unread = ProviderError::new(ErrorKind::Overloaded, "gateway", message)
            .with(|facts| facts.retry_after = Some(Duration::from_secs(1)));
        return failed(ingress, &unread);
    }
    if let Some(refused) = refused_credential(error) {
        return failed(ingress, refused);
    }
    let mut answer = refused(ingress, &Refusal::Failed(error));
    if let Some(wait) = error.retry_after {
        // Rounded up: whoever comes too early is refused again.
        insert(&mut answer, "retry-after", &wait.as_secs_f64().ceil().to_string());
    }
    // The official clients go by this before anything else.
    if error.kind == ErrorKind::BudgetExceeded {
        insert(&mut answer, "x-should-retry", "false");
    }
    answer
}

/// Why a circuit is open, if a credential of the server's own is: no wait mends that.
fn refused_credential(error: &ProviderError) -> Option<&ProviderError> {
    let is_credential = |cause: &&ProviderError| {
        matches!(cause.kind, ErrorKind::Authentication | ErrorKind::Permission | ErrorKind::QuotaExhausted)
    };
    let is_open = error.kind == ErrorKind::CircuitOpen;
    let mut causes = std::iter::successors(Some(error), |error| error.source.as_deref()?.downcast_ref());
    causes.find(is_credential).filter(|_| is_open)
}

fn streamed(kind: &str, stream: StreamBody) -> Reply {
    let mut reply = Response::new(ReplyBody::from(stream));
    // A proxy that gathers or keeps pieces would make a stream a whole reply.
    let headers = [("content-type", kind), ("cache-control", "no-store"), ("x-accel-buffering", "no")];
    for (name, value) in headers {
        insert(&mut reply, name, value);
    }
    reply
}
