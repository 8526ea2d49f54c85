//! Replies that are given again to exactly the same request.

mod copying;
mod entries;
mod flight;
mod reply;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use forge_core::{
    CallContext, Capabilities, ModelId, ModelRequest, ParticipantRole, Provider, ProviderError,
    ResponseStream, async_trait, provider::Layer, request::Delivery,
};

use self::{copying::Copying, entries::Entries, flight::Turn, reply::Reply};

/// What a [`Cache`] keeps, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachePolicy {
    /// The most replies.
    pub max_entries: usize,
    /// The most bytes of replies and the requests that they belong to.
    pub max_bytes: usize,
    /// How long a reply stays good.
    pub time_to_live: Duration,
    /// Whether requests with an unset temperature are cached too, the only ones that some models take.
    pub allow_default_temperature: bool,
    /// The calls that it is for.
    pub only: CacheScope,
}

/// The calls that a [`Cache`] is for: those in one of the roles, and those whose client calls the model by one of the
/// names; every call if neither is said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "filled in field by field, the rest by default")]
pub struct CacheScope {
    /// Roles.
    pub roles: Vec<ParticipantRole>,
    /// Names of models of a server's own, as in [`Tags::alias`](forge_core::tags::Tags::alias).
    pub models: Vec<String>,
}

impl CacheScope {
    /// Whether it is for this call.
    pub fn covers(&self, cx: &CallContext) -> bool {
        let is_named = |alias: &str| self.models.iter().any(|name| name == alias);
        (self.roles.is_empty() && self.models.is_empty())
            || self.roles.contains(&cx.participant.role)
            || cx.tags.alias().is_some_and(is_named)
    }
}

/// What came of the calls that a [`Cache`] was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "three counts that add up")]
pub struct CacheFigures {
    /// Calls whose reply was there.
    pub hits: u64,
    /// Calls that waited for an equal one and got its reply.
    pub shared: u64,
    /// Calls that went out.
    pub misses: u64,
}

impl Default for CachePolicy {
    /// 1,000 replies, 64 MiB, one hour, temperature 0 only.
    fn default() -> Self {
        Self {
            max_entries: 1_000,
            max_bytes: 64 * 1024 * 1024,
            time_to_live: Duration::from_secs(3600),
            allow_default_temperature: false,
            only: CacheScope::default(),
        }
    }
}

/// Gives the reply to a request again when exactly the same request comes back in time.
///
/// Requests are the same when their provider, participant (model, configured provider and role) and every
/// field are equal, but for the [`Delivery`]. Requests with tools, with
/// [`extra`](ModelRequest::extra) vendor fields, or with a temperature above zero (an unset one counts as
/// such, see [`CachePolicy`]) pass through. Only a complete reply is kept, one that ended with
/// [`EndTurn`](forge_core::event::StopReason::EndTurn) or [`StopSequence`](forge_core::event::StopReason::StopSequence). When there is no room,
/// the reply that was not asked for the longest goes. Of identical calls at the same time one goes out, and the others wait
/// for its reply; if it leaves none that can be kept, they go out as well.
///
/// Callers are told apart: a team gets no reply that another has paid for, and neither does a key without a team. A hit
/// would tell that somebody has asked just this.
///
/// A reply from the cache has the events of the first one with three differences: pieces of text are
/// joined, the usage is zero, because no token was used again, and a
/// [`Warned`](forge_core::StreamEvent::Warned) event about `cache` says where it comes from.
///
/// The layer belongs outside of whatever limits, retries and accounts for calls to the vendor; a hit is
/// none. It holds prompts and replies in memory.
///
/// ```
/// use std::sync::Arc;
/// use forge_core::{Provider, provider::Stack};
/// use forge_layers::{Cache, CachePolicy};
///
/// # fn demo(provider: Arc<dyn Provider>) {
/// let cache = Cache::new(CachePolicy::default());
/// let cached = Stack::new(provider).with(&cache).build();
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Cache {
    policy: CachePolicy,
    entries: Arc<Mutex<Entries>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    shared: AtomicU64,
    misses: AtomicU64,
}

impl Cache {
    /// An empty cache.
    pub fn new(policy: CachePolicy) -> Self {
        Self { policy, entries: Arc::default(), counts: Arc::default() }
    }

    /// What came of the calls so far.
    pub fn figures(&self) -> CacheFigures {
        let Counts { hits, shared, misses } = &*self.counts;
        CacheFigures { hits: hits.load(Relaxed), shared: shared.load(Relaxed), misses: misses.load(Relaxed) }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of the request among all requests; `None` if its reply must not be kept.
    fn key(&self, provider: &str, cx: &CallContext, request: &ModelRequest) -> Option<Arc<str>> {
        if !self.policy.only.covers(cx) {
            return None;
        }
        let predictable = match request.sampling.temperature {
            Some(temperature) => temperature <= 0.0,
            None => self.policy.allow_default_temperature,
        };
        // A reply that calls tools belongs to its moment, and vendor fields may mean anything.
        let is_plain = request.tools.is_empty() && request.extra.is_empty() && request.carried().is_none();
        if !predictable || !is_plain {
            return None;
        }
        let request = match request.delivery {
            Delivery::Stream => Cow::Borrowed(request),
            // Both deliveries name the same reply, so both are kept under one key.
            Delivery::Whole => Cow::Owned(request.clone().with_delivery(Delivery::Stream)),
        };
        let participant = &cx.participant;
        let caller = cx.tags.team().map(|team| ("team", team)).or(cx.tags.key().map(|key| ("key", key)));
        let asked = (caller, provider, &participant.provider_id, &participant.model_id, &participant.role);
        // The whole text is the key, not a hash of it: nobody gets the reply to another's request.
        serde_json::to_string(&(asked, request)).ok().map(Arc::from)
    }
}

impl Layer for Cache {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Cached { inner, cache: self.clone() })
    }
}

#[derive(Debug)]
struct Cached {
    inner: Arc<dyn Provider>,
    cache: Cache,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Provider for Cached {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.inner.capabilities(model)
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let Some(key) = self.cache.key(self.inner.name(), cx, &request) else {
            return self.inner.stream(cx, request).await;
        };
        let counts = &self.cache.counts;
        let flight = match self.cache.turn(&key, cx).await {
            Turn::Hit { events, has_waited } => {
                let count = if has_waited { &counts.shared } else { &counts.hits };
                count.fetch_add(1, Relaxed);
                let replayed = (0..events.len()).map(move |at| Ok(events[at].clone()));
                return Ok(ResponseStream::from_events(replayed));
            }
            Turn::Lead(flight) => Some(flight),
            Turn::Alone => None,
        };
        counts.misses.fetch_add(1, Relaxed);
        let events = self.inner.stream(cx, request).await?;
        let copy = Some(Reply { bytes: key.len(), key, events: Vec::new() });
        let timer = Arc::clone(&cx.timer);
        Ok(events.observed(Copying { copy, cache: self.cache.clone(), timer, flight }))
    }
}
