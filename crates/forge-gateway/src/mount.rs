//! Services of others at paths of the server: they speak protocols of their own, and the server looks after who comes in.

use std::{
    convert::Infallible,
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use forge::{CallContext, Participant, router::Router, tags::Tags};
use http::{HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body::{Body, Frame};
use http_body_util::{Full, combinators::BoxBody};
use hyper::body::Incoming;

use crate::{
    admit,
    capacity::Capacity,
    keyring::Caller,
    meter::Admission,
    reply::{self, Reply},
    reply_body::ReplyBody,
    request_body::{self, Unread},
};

/// The most bytes of a body for a mounted service, whatever the plan allows.
const MAX_BODY: usize = 4 << 20;

/// The body of a mounted service's reply.
pub type MountedBody = BoxBody<Bytes, Infallible>;

type Answered = Pin<Box<dyn Future<Output = Response<MountedBody>> + Send>>;

/// A service at a path.
#[derive(Clone)]
pub(crate) struct Mount {
    pub(crate) path: Arc<str>,
    answer: Arc<dyn Fn(Request<Full<Bytes>>) -> Answered + Send + Sync>,
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Says what was asked of mounted services, in the text format of Prometheus.
#[derive(Clone)]
pub(crate) struct MountedFigures(pub(crate) Arc<dyn Fn() -> String + Send + Sync>);

impl fmt::Debug for MountedFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MountedFigures").finish_non_exhaustive()
    }
}

impl Mount {
    pub(crate) fn new<S>(path: impl Into<Arc<str>>, service: S) -> Self
    where
        S: tower_service::Service<Request<Full<Bytes>>, Response = Response<MountedBody>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        let answer = move |request| -> Answered {
            let mut service = service.clone();
            Box::pin(async move {
                match poll_fn(|cx| service.poll_ready(cx)).await {
                    Ok(()) => match service.call(request).await {
                        Ok(response) => response,
                        Err(never) => match never {},
                    },
                    Err(never) => match never {},
                }
            })
        };
        Self { path: path.into(), answer: Arc::new(answer) }
    }

    /// The service at this path.
    pub(crate) fn find<'a>(mounts: &'a [Self], path: &str) -> Option<&'a Self> {
        let path = path.trim_end_matches('/');
        mounts.iter().find(|mount| *mount.path == *path)
    }

    /// Answers a request that was let in. Who calls stands in its extensions, as the context of a call. Behind a pointer, so that
    /// the future of a call need not have room for it.
    pub(crate) fn reply<'a>(
        &'a self,
        router: &'a Router,
        caller: &'a Caller,
        head: &'a Parts,
        body: Incoming,
        limits: (&'a Capacity, &'a forge::config::ServePlan),
    ) -> Pin<Box<dyn Future<Output = Reply> + Send + 'a>> {
        Box::pin(self.replied(router, caller, head, body, limits))
    }

    async fn replied(
        &self,
        router: &Router,
        caller: &Caller,
        head: &Parts,
        body: Incoming,
        (capacity, limits): (&Capacity, &forge::config::ServePlan),
    ) -> Reply {
        // Whom a service asks is its own business, and a limit to some models could not be kept.
        if !caller.may_use("*") {
            return reply::refusal(
                StatusCode::FORBIDDEN,
                "a key that is limited to some models is not for this address",
            );
        }
        let bytes = match read(head, body, capacity, limits.body_bytes.min(MAX_BODY)).await {
            Ok(bytes) => bytes,
            Err(refused) => return refused,
        };
        let Some(place) = capacity.call() else {
            return reply::refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                "as many calls are under way as there may be",
            );
        };
        let cx =
            CallContext::with_timer(Participant::new(forge::ModelProvider::from(""), ""), router.timer());
        let admission =
            match caller.admit(place, &limits.per_key, || bytes.len() as u64 / 4, cx.timer.instant()) {
                Ok(admission) => admission,
                Err(limited) => return reply::refusal(StatusCode::TOO_MANY_REQUESTS, &limited.to_string()),
            };
        let client =
            head.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("mcp");
        let client = client.split(['/', ' ']).next().unwrap_or("mcp").to_owned();
        let cx = caller.sign(cx.with_tags(Tags::default().with_client(client)));
        let mut request = Request::from_parts(head.clone(), Full::new(bytes));
        // Both were looked at: the service itself knows of this machine alone.
        request.headers_mut().remove(header::ORIGIN);
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
        request.headers_mut().remove(header::AUTHORIZATION);
        request.extensions_mut().insert(cx);
        let (head, body) = (self.answer)(request).await.into_parts();
        Response::from_parts(head, ReplyBody::Mounted(Box::pin(Mounted { body, _admission: admission })))
    }
}

async fn read(head: &Parts, body: Incoming, capacity: &Capacity, most: usize) -> Result<Bytes, Reply> {
    if head.method != http::Method::POST {
        return Ok(Bytes::new());
    }
    admit::check_body(&head.headers).map_err(|denied| reply::refusal(denied.status(), denied.message()))?;
    let read = request_body::read(body, most, capacity).await;
    read.map(|body| body.bytes).map_err(|unread| match unread {
        Unread::TooLarge => reply::refusal(StatusCode::PAYLOAD_TOO_LARGE, "the body has more than 4 MiB"),
        Unread::Crowded => {
            reply::refusal(StatusCode::SERVICE_UNAVAILABLE, "too many large requests are being read")
        }
        Unread::TooSlow => reply::refusal(StatusCode::REQUEST_TIMEOUT, "the body did not come"),
        Unread::Broken => reply::refusal(StatusCode::BAD_REQUEST, "the body broke off"),
    })
}

/// A reply under way, with its place among the calls of the server. Dropped with its connection, it ends.
struct Mounted {
    body: MountedBody,
    _admission: Admission,
}

impl Body for Mounted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }
}
