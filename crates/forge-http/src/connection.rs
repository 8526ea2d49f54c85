//! A vendor's API as adapters see it: requests go out with the credential, replies come back whole or
//! as events, and failures come back as one error.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use forge_core::{
    CallContext, ErrorKind, ProviderError, ProviderId, SecretString,
    error::Phase,
    event::RateLimitStatus,
    provider::{AdapterSettings, Timeouts},
    request::Delivery,
    time::{Clock as _, SystemTimer},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::Url;
use tokio::time::{Instant, timeout_at};

use crate::{
    clients::{ClientSettings, Clients},
    clocks::Clocks,
    dialect::Dialect,
    failure::{ErrorReply, Failure},
    hints,
    origin::Origin,
    reply::Reply,
    settings::{base_url, certificates, request_headers},
};

/// The most bytes of an error reply that are read. Errors of vendors are a few KiB; web pages of proxies may
/// be of any size, and only their titles are used.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// A vendor's API, reached with one credential. It sends each request once and follows no redirect; clients
/// are opened as calls need them and shared by all later ones.
pub struct Connection {
    id: ProviderId,
    base: Url,
    headers: HeaderMap,
    secrets: Arc<[SecretString]>,
    dialect: Dialect,
    timeouts: Timeouts,
    clients: Clients,
    // The last reply's, whichever call it was of: a vendor's limits hold for the credential.
    rate_limit: Mutex<RateLimitStatus>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id)
            .field("base", &self.base.as_str())
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

/// One address of the API. Made once, used for many calls.
#[derive(Debug, Clone)]
pub struct Endpoint(Url);

impl Endpoint {
    /// The same address with these pairs at the end of its query, escaped where they must be.
    pub fn with_query(mut self, query: &[(&str, &str)]) -> Self {
        self.0.query_pairs_mut().extend_pairs(query);
        self
    }
}

impl Connection {
    /// Checks the settings. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] in the phase [`Phase::BeforeSend`] when the base URL, the proxy,
    /// the key or a header cannot be used. The text never shows the key.
    pub fn new(settings: &AdapterSettings, dialect: Dialect) -> Result<Self, ProviderError> {
        let refuse = |message: String| {
            ProviderError::new(ErrorKind::InvalidRequest, settings.id.as_str(), message)
                .with(|facts| facts.phase = Phase::BeforeSend)
        };
        let base = settings.base_url.as_deref().unwrap_or(dialect.base_url);
        let base = base_url(base).map_err(refuse)?;
        let proxy = match &settings.proxy {
            None => None,
            Some(proxy) => Some(
                reqwest::Proxy::all(proxy.as_str())
                    .map_err(|_| refuse("the proxy's address is not a URL".into()))?,
            ),
        };
        let (headers, secrets) = request_headers(settings, &dialect).map_err(refuse)?;
        // A proxy may itself be reached over TLS.
        let plain = base.scheme() == "http" && proxy.is_none();
        let timeouts = settings.timeouts.unwrap_or(dialect.timeouts);
        let authorities = certificates(settings.ca_certificates.as_deref()).map_err(refuse)?;
        let client = ClientSettings { connect_timeout: timeouts.connect, proxy, plain, authorities };
        Ok(Self {
            id: settings.id.clone(),
            base,
            headers,
            secrets: secrets.into(),
            dialect,
            timeouts,
            clients: Clients::new(client),
            rate_limit: Mutex::default(),
        })
    }

    /// The name under which the provider is configured.
    pub fn id(&self) -> &ProviderId {
        &self.id
    }

    /// The address made of the base URL and these path segments; each is escaped where it must be, so
    /// that no segment can lead elsewhere.
    pub fn endpoint<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Endpoint {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        Endpoint(url)
    }

    /// Posts JSON for the call of `cx`. With [`Delivery::Stream`] the first content has a clock of its own;
    /// with [`Delivery::Whole`] only the deadline holds, which is the earlier one of the total and that of
    /// `cx`.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] and [`ErrorKind::Transport`] where no reply begins, in the phase
    /// [`Phase::BeforeSend`] where no connection came about, else [`Phase::BeforeOutput`]. A reply with a
    /// status outside of 200 to 299 is what [`Dialect::classify`] makes of it; a redirect is
    /// [`ErrorKind::Decode`].
    pub async fn post(
        &self,
        cx: &CallContext,
        endpoint: &Endpoint,
        body: Vec<u8>,
        delivery: Delivery,
    ) -> Result<Reply, ProviderError> {
        self.post_with(cx, endpoint, body.into(), delivery, &[]).await
    }

    /// The same with these headers, which replace those of the settings.
    ///
    /// # Errors
    /// The same as for [`post`](Self::post). A header that cannot be sent is left out.
    pub async fn post_with(
        &self,
        cx: &CallContext,
        endpoint: &Endpoint,
        body: Bytes,
        delivery: Delivery,
        headers: &[(String, String)],
    ) -> Result<Reply, ProviderError> {
        let clocks = Clocks::of_call(cx, &self.timeouts, delivery);
        let origin = self.origin(Some(cx));
        let mut request = self.request(Method::POST, endpoint.0.clone(), body);
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                request.headers_mut().insert(name, value);
            }
        }
        self.send(request, cx.timer.now(), clocks, origin).await
    }

    /// Posts JSON outside of a call, such as a count of tokens. The whole reply has to be there within
    /// `patience`.
    ///
    /// # Errors
    /// The same as for [`post`](Self::post); they name no model.
    pub async fn ask(
        &self,
        endpoint: &Endpoint,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Reply, ProviderError> {
        let clocks = Clocks::within(patience);
        let request = self.request(Method::POST, endpoint.0.clone(), body.into());
        self.send(request, SystemTimer.now(), clocks, self.origin(None)).await
    }

    /// Gets the endpoint outside of a call, such as a list of models, with these pairs in its query. The
    /// whole reply has to be there within `patience`.
    ///
    /// # Errors
    /// The same as for [`post`](Self::post); they name no model.
    pub async fn get(
        &self,
        endpoint: &Endpoint,
        query: &[(&str, &str)],
        patience: Duration,
    ) -> Result<Reply, ProviderError> {
        let mut url = endpoint.0.clone();
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let clocks = Clocks::within(patience);
        let request = self.request(Method::GET, url, Bytes::new());
        self.send(request, SystemTimer.now(), clocks, self.origin(None)).await
    }

    /// The rate limits last seen in a reply's headers, with the time of that reply. Unknown until a reply has
    /// some; replies without any leave what was known before.
    pub fn rate_limit_status(&self) -> RateLimitStatus {
        self.rate_limit.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn origin(&self, cx: Option<&CallContext>) -> Origin {
        Origin {
            provider: self.id.clone(),
            model: cx.map(|cx| cx.model().clone()),
            secrets: Arc::clone(&self.secrets),
            status: None,
            request_id: None,
            rate_limit: None,
        }
    }

    fn request(&self, method: Method, url: Url, body: Bytes) -> reqwest::Request {
        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = self.headers.clone();
        if !body.is_empty() {
            *request.body_mut() = Some(body.into());
        }
        request
    }

    async fn send(
        &self,
        request: reqwest::Request,
        now: DateTime<Utc>,
        clocks: Clocks,
        mut origin: Origin,
    ) -> Result<Reply, ProviderError> {
        let (client, lease) = self.clients.lease().map_err(|source| {
            let failure = Failure::new(ErrorKind::Transport, "no HTTP client could be set up");
            origin.error(failure, Phase::BeforeSend).with(|facts| facts.source = Some(source))
        })?;
        let reply = match timeout_at(clocks.head_by(), client.execute(request)).await {
            Err(_) => {
                // The request may have arrived and be worked on, so that it counts as sent.
                let failure = Failure::new(ErrorKind::Timeout, clocks.describe_silence());
                return Err(origin.error(failure, Phase::BeforeOutput));
            }
            Ok(Err(error)) => return Err(self.transport_error(&origin, error)),
            Ok(Ok(response)) => http::Response::<reqwest::Body>::from(response),
        };
        let (head, body) = reply.into_parts();
        tracing::debug!(provider = %self.id, host = self.base.host_str(), status = head.status.as_u16(), "reply");
        origin.request_id = request_id(&head.headers, &origin);
        let mut limits = (self.dialect.rate_limits)(&head.headers, now);
        if !limits.is_unknown() {
            limits.observed_at = Some(now);
            *self.rate_limit.lock().unwrap_or_else(PoisonError::into_inner) = limits.clone();
            origin.rate_limit = Some(Box::new(limits));
        }
        let reply = Reply { headers: head.headers, body, origin, clocks, lease };
        match head.status.as_u16() {
            200..300 => Ok(reply),
            status => Err(self.failed(reply, status, now).await),
        }
    }

    /// Reads an error reply. Its status and headers count even if its body breaks off or stalls.
    async fn failed(&self, mut reply: Reply, status: u16, now: DateTime<Utc>) -> ProviderError {
        reply.origin.status = Some(status);
        // A status alone decides nearly as well as a body: nobody waits for a body longer than for a piece of
        // a stream.
        let until = reply.clocks.deadline.min(Instant::now() + reply.clocks.gap);
        let body = timeout_at(until, reply.read_up_to(MAX_ERROR_BYTES)).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        let headers = &reply.headers;
        // Most likely a wrong base URL: `Decode` says so, and another attempt would be sent on in the same
        // way.
        if (300..400).contains(&status) {
            let target = hints::header(headers, "location").unwrap_or("nowhere");
            let message = format!(
                "the server redirects to {target}; redirects are not followed, so that the key stays with \
                 the server it was meant for"
            );
            return reply.origin.error(Failure::new(ErrorKind::Decode, message), Phase::BeforeOutput);
        }
        let failure = (self.dialect.classify)(&ErrorReply { status, headers, body: &body, now });
        // The vendor's own format goes before what any server in between may send.
        let retry_after = failure.retry_after.or_else(|| hints::retry_after(headers, now));
        let should_retry = hints::should_retry(headers);
        reply.origin.error(failure, Phase::BeforeOutput).with(|facts| {
            facts.retry_after = retry_after;
            facts.should_retry = should_retry;
        })
    }

    fn transport_error(&self, origin: &Origin, error: reqwest::Error) -> ProviderError {
        // An address may carry what nobody should read; the host is named below.
        let error = error.without_url();
        let host = self.base.host_str().unwrap_or_default();
        let place = self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        // Only where no connection came about is it sure that nothing was sent.
        let (kind, phase, mut message) = if error.is_timeout() && error.is_connect() {
            let seconds = self.timeouts.connect.as_secs_f64();
            let message = format!("no connection to {place} within {seconds} s");
            (ErrorKind::Timeout, Phase::BeforeSend, message)
        } else if error.is_connect() {
            (ErrorKind::Transport, Phase::BeforeSend, format!("cannot connect to {place}"))
        } else {
            (ErrorKind::Transport, Phase::BeforeOutput, format!("the connection to {place} was lost"))
        };
        if let Some(cause) = root_cause(&error) {
            // Writing to a string cannot fail.
            let _ = write!(message, ": {cause}");
        }
        origin.error(Failure::new(kind, message), phase).with(|facts| facts.source = Some(Box::new(error)))
    }
}

/// What the vendor calls the request, at most 100 characters of it.
fn request_id(headers: &HeaderMap, origin: &Origin) -> Option<String> {
    const NAMES: [HeaderName; 2] =
        [HeaderName::from_static("request-id"), HeaderName::from_static("x-request-id")];
    let id = NAMES.iter().find_map(|name| headers.get(name))?.to_str().ok()?;
    // Header values that are text are ASCII.
    // A server that echoes headers must not put the key into accounts and logs.
    (!origin.holds_secret(id)).then(|| id[..id.len().min(100)].to_owned())
}

/// The text of the innermost source, which names the operating system's or the peer's reason.
fn root_cause(error: &dyn std::error::Error) -> Option<String> {
    let mut cause = error.source()?;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Some(cause.to_string())
}
