//! One request, from its head to the one who answers it.

use std::{net::SocketAddr, sync::Arc};

use forge::{CallContext, Participant, router::Router, tags::Tags};
use forge_http::ingress::{Incoming, Ingress, Refusal, ReplyHead};
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use hyper::body::Incoming as RequestBody;

use crate::{
    admit,
    answer::{Answer, refused},
    models,
    options::GatewayOptions,
    path::Wanted,
    reply::{self, Reply, insert},
    reply_body::ReplyBody,
    request_body::{self, Unread},
};

/// What every request is answered from.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) router: Router,
    pub(crate) options: GatewayOptions,
    pub(crate) bound: SocketAddr,
}

impl Service {
    /// Answers a request. Whoever drops the future gives the call up.
    pub(crate) async fn respond(&self, request: Request<RequestBody>) -> Reply {
        let (head, body) = request.into_parts();
        if let Err(denied) = admit::check(&head.headers, &head.uri, self.bound, &self.options.hosts) {
            return reply::refusal(denied.status(), denied.message());
        }
        let mut reply = match Wanted::of(&head.method, head.uri.path()) {
            Wanted::Alive => reply::body(StatusCode::OK, "text/plain", b"forge\n".to_vec()),
            Wanted::Models(id) => self.models(&head.uri, &head.headers, id.as_deref()),
            Wanted::Reply(ingress) => match self.read(&ingress, &head.uri, &head.headers, body).await {
                Err(refused) => refused,
                Ok((cx, incoming)) => {
                    Answer { router: &self.router, ingress: &ingress, cx }.to(incoming).await
                }
            },
            Wanted::Count(ingress) => match self.read(&ingress, &head.uri, &head.headers, body).await {
                Err(refused) => refused,
                Ok((cx, incoming)) => self.count(&ingress, &cx, incoming).await,
            },
            Wanted::Socket => {
                reply::refusal(StatusCode::UPGRADE_REQUIRED, "there are no sockets here; go on over HTTP")
            }
            Wanted::OtherMethod => {
                reply::refusal(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method")
            }
            Wanted::Nothing => {
                reply::refusal(StatusCode::NOT_FOUND, &format!("nothing is served at {}", head.uri.path()))
            }
        };
        if head.method == Method::HEAD {
            *reply.body_mut() = ReplyBody::Whole(None);
        }
        reply
    }

    fn models(&self, uri: &Uri, headers: &HeaderMap, id: Option<&str>) -> Reply {
        let today = self.router.timer().now().date_naive();
        match models::list(&self.router.plan(), self.router.models(), uri, headers, id, today) {
            Some(list) => reply::json(StatusCode::OK, &list),
            None => reply::refusal(StatusCode::NOT_FOUND, "there is no model of this name"),
        }
    }

    /// Reads a request, and finds the one who answers it.
    async fn read(
        &self,
        ingress: &Ingress,
        uri: &Uri,
        headers: &HeaderMap,
        body: RequestBody,
    ) -> Result<(CallContext, Incoming), Reply> {
        admit::check_body(headers).map_err(|denied| reply::refusal(denied.status(), denied.message()))?;
        let most = self.options.max_body;
        let body = request_body::read(body, most).await.map_err(|unread| match unread {
            Unread::TooLarge => refused(ingress, &Refusal::BodyTooLarge(most)),
            Unread::TooSlow => reply::refusal(StatusCode::REQUEST_TIMEOUT, "the body did not come"),
            Unread::Broken => reply::refusal(StatusCode::BAD_REQUEST, "the body broke off"),
        })?;
        let cx = CallContext::with_timer(Participant::new(ingress.vendor.clone(), ""), self.router.timer());
        let head = ReplyHead { id: cx.call_id.to_string(), created: cx.timer.now() };
        let incoming = (ingress.parse)(&body, uri, &head)
            .map_err(|error| refused(ingress, &Refusal::Body(&error.reason)))?;
        let found = models::find(&self.router.plan(), self.router.models(), &incoming.model);
        let participant = found.ok_or_else(|| refused(ingress, &Refusal::ModelUnknown(&incoming.model)))?;
        let tags = Tags::default().with_client(client(headers));
        Ok((cx.with_participant(participant).with_timeout(self.options.whole).with_tags(tags), incoming))
    }

    /// How many tokens the prompt has: the vendor's own count, or an estimate that says so.
    async fn count(&self, ingress: &Ingress, cx: &CallContext, incoming: Incoming) -> Reply {
        let request = Arc::new(incoming.request);
        let first = self.router.first_choice(cx, &request);
        let adapter = first.as_ref().and_then(|one| self.router.adapter(&one.provider_id));
        let counted = match first.zip(adapter) {
            Some((first, adapter)) => adapter.count_tokens(&first.model_id, &request).await.ok(),
            None => None,
        };
        let tokens = counted.unwrap_or_else(|| request.outline().size.expected_input());
        let mut reply = reply::body(StatusCode::OK, "application/json", (ingress.count)(tokens));
        if counted.is_none() {
            insert(&mut reply, "x-forge-estimated", "true");
        }
        reply
    }
}

/// The program that calls, by what it says of itself.
fn client(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    agent.split(['/', ' ']).next().unwrap_or_default().chars().take(64).collect()
}
