//! Replies that are given again to exactly the same request.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use forge_core::{
    CallContext, Capabilities, ModelId, ModelRequest, Provider, ProviderError, ResponseStream, StreamEvent,
    TokenCount, async_trait,
    event::{Delta, StopReason, Warning},
    provider::Layer,
    request::Delivery,
    stream::StreamObserver,
    time::Timer,
};

/// What a [`Cache`] keeps, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CachePolicy {
    /// The most replies.
    pub max_entries: usize,
    /// The most bytes of replies and the requests that they belong to.
    pub max_bytes: usize,
    /// How long a reply stays good.
    pub time_to_live: Duration,
    /// Whether requests with an unset temperature are cached too, the only ones that some models take.
    pub allow_default_temperature: bool,
}

impl Default for CachePolicy {
    /// 1,000 replies, 64 MiB, one hour, temperature 0 only.
    fn default() -> Self {
        Self {
            max_entries: 1_000,
            max_bytes: 64 * 1024 * 1024,
            time_to_live: Duration::from_secs(3600),
            allow_default_temperature: false,
        }
    }
}

/// Gives the reply to a request again when exactly the same request comes back in time.
///
/// Requests are the same when their provider, participant (model, configured provider and role) and every
/// field are equal, but for the [`Delivery`]. Requests with tools, with
/// [`extra`](ModelRequest::extra) vendor fields, or with a temperature above zero (an unset one counts as
/// such, see [`CachePolicy`]) pass through. Only a complete reply is kept, one that ended with
/// [`EndTurn`](StopReason::EndTurn) or [`StopSequence`](StopReason::StopSequence). When there is no room,
/// the reply that was not asked for the longest goes. Identical calls at the same time all go out.
///
/// A reply from the cache has the events of the first one with three differences: pieces of text are
/// joined, the usage is zero, because no token was used again, and a
/// [`Warned`](StreamEvent::Warned) event about `cache` says where it comes from.
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
}

impl Cache {
    /// An empty cache.
    pub fn new(policy: CachePolicy) -> Self {
        Self { policy, entries: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of the request among all requests; `None` if its reply must not be kept.
    fn key(&self, provider: &str, cx: &CallContext, request: &ModelRequest) -> Option<Arc<str>> {
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
        let asked = (provider, &participant.provider_id, &participant.model_id, &participant.role);
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
        let now = cx.timer.instant();
        if let Some(events) = self.cache.lock().find(&key, now) {
            let replayed = (0..events.len()).map(move |at| Ok(events[at].clone()));
            return Ok(ResponseStream::from_events(replayed));
        }
        let events = self.inner.stream(cx, request).await?;
        let copy = Some(Reply { bytes: key.len(), key, events: Vec::new() });
        let timer = Arc::clone(&cx.timer);
        Ok(events.observed(Copying { copy, cache: self.cache.clone(), timer }))
    }
}

/// Replies by their key, and the keys in the order of their last use.
#[derive(Default)]
struct Entries {
    replies: HashMap<Arc<str>, Entry>,
    order: BTreeMap<u64, Arc<str>>,
    bytes: usize,
    uses: u64,
}

struct Entry {
    events: Arc<[StreamEvent]>,
    bytes: usize,
    good_until: Option<Instant>,
    used: u64,
}

impl Entries {
    fn find(&mut self, key: &str, now: Instant) -> Option<Arc<[StreamEvent]>> {
        if self.replies.get(key)?.good_until.is_some_and(|end| end <= now) {
            self.remove(key);
            return None;
        }
        self.uses += 1;
        let entry = self.replies.get_mut(key)?;
        let key = self.order.remove(&entry.used)?;
        entry.used = self.uses;
        self.order.insert(self.uses, key);
        Some(Arc::clone(&entry.events))
    }

    fn insert(&mut self, reply: Reply, policy: &CachePolicy, now: Instant) {
        self.remove(&reply.key);
        while self.replies.len() >= policy.max_entries || self.bytes + reply.bytes > policy.max_bytes {
            // Empty, and still no room: the reply is larger than the cache.
            let Some((_, oldest)) = self.order.pop_first() else { return };
            self.remove(&oldest);
        }
        self.uses += 1;
        self.bytes += reply.bytes;
        self.order.insert(self.uses, Arc::clone(&reply.key));
        let entry = Entry {
            events: reply.events.into(),
            bytes: reply.bytes,
            good_until: now.checked_add(policy.time_to_live),
            used: self.uses,
        };
        self.replies.insert(reply.key, entry);
    }

    fn remove(&mut self, key: &str) {
        if let Some(entry) = self.replies.remove(key) {
            self.order.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }
}

/// Figures only: the entries are prompts and replies.
impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries")
            .field("replies", &self.replies.len())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// A reply as it will be given again.
struct Reply {
    key: Arc<str>,
    events: Vec<StreamEvent>,
    bytes: usize,
}

impl Reply {
    fn push(&mut self, event: &StreamEvent) {
        let mut event = event.clone();
        let text = match &mut event {
            // A hit uses no tokens, so there is no usage to report on the way.
            StreamEvent::UsageUpdated(_) => return,
            StreamEvent::PartDelta { index, delta } => {
                self.bytes += delta.len();
                if let Some(StreamEvent::PartDelta { index: last, delta: written }) = self.events.last_mut()
                    && last == index
                    && let (Some(written), Some(more)) = (text_of(written), text_of(delta))
                {
                    written.push_str(more);
                    return;
                }
                0
            }
            StreamEvent::PartEnded { opaque, .. } => opaque.as_ref().map_or(0, |opaque| opaque.data.len()),
            StreamEvent::Started(started) => {
                // What the vendor had left then would mislead whoever reads it later, as would the way of that call.
                started.rate_limit = None;
                started.route = None;
                0
            }
            StreamEvent::Finished(finished) => {
                finished.usage = TokenCount::default().with_input(0).with_output(0);
                finished.raw_response.as_ref().map_or(0, String::len)
            }
            StreamEvent::Relayed(relayed) => relayed.bytes.len(),
            _ => 0,
        };
        self.bytes += size_of::<StreamEvent>() + text;
        self.events.push(event);
    }

    fn marked(mut self) -> Self {
        let warning = Warning::new("cache", "this reply comes from the cache");
        // Nothing comes before `Started`.
        let place = usize::from(matches!(self.events.first(), Some(StreamEvent::Started(_))));
        self.events.insert(place, StreamEvent::from(warning));
        self
    }
}

/// The text of a delta that can be joined with the one before it.
fn text_of(delta: &mut Delta) -> Option<&mut String> {
    match delta {
        Delta::Text(text) | Delta::Thinking(text) | Delta::ToolInput(text) => Some(text),
        _ => None,
    }
}

/// Keeps a copy of a reply.
struct Copying {
    copy: Option<Reply>,
    cache: Cache,
    timer: Arc<dyn Timer>,
}

impl StreamObserver for Copying {
    fn event(&mut self, event: &StreamEvent) {
        let Some(copy) = &mut self.copy else { return };
        copy.push(event);
        if copy.bytes > self.cache.policy.max_bytes {
            // Given up as soon as it is too large, so that a long reply is not held in memory for nothing.
            self.copy = None;
        } else if let StreamEvent::Finished(finished) = event
            && let Some(copy) = self.copy.take()
            && matches!(finished.reason, StopReason::EndTurn | StopReason::StopSequence)
        {
            self.cache.lock().insert(copy.marked(), &self.cache.policy, self.timer.instant());
        }
    }

    fn failure(&mut self, _: Option<&mut ProviderError>) {}
}

#[cfg(test)]
mod tests {
    use forge_core::{
        ErrorKind, ModelResponse, Participant, ParticipantRole, ProviderExt as _,
        event::{PartKind, Started},
        request::Tool,
        time::ManualTimer,
    };

    use super::*;
    use crate::script::{
        Script, Step, context, fail, finished, part, reply, run, scripted, seconds, sleep, started, text,
    };

    fn cold() -> ModelRequest {
        ModelRequest::new("").with_user_message("hi").with_temperature(0.0)
    }

    fn tool() -> Tool {
        Tool::function("t", serde_json::json!({}))
    }

    struct Bench {
        timer: ManualTimer,
        script: Arc<Script>,
        cache: Cache,
    }

    impl Bench {
        fn new(
            policy: CachePolicy,
            plot: impl Fn(&CallContext) -> Vec<Step> + Send + Sync + 'static,
        ) -> Self {
            let timer = ManualTimer::new();
            let script = scripted(&timer, plot);
            Self { cache: Cache::new(policy), script, timer }
        }

        fn ask_as(
            &self,
            participant: Participant,
            request: ModelRequest,
        ) -> Result<ModelResponse, ProviderError> {
            let cx = context(&self.timer).with_participant(participant);
            let cached = self.cache.layer(Arc::clone(&self.script) as _);
            run(&self.timer, cached.complete(&cx, request))
        }

        fn ask(&self, request: ModelRequest) -> Result<ModelResponse, ProviderError> {
            self.ask_as(Participant::claude_sonnet(), request)
        }

        fn calls(&self) -> usize {
            self.script.calls().len()
        }
    }

    #[test]
    fn a_hit_gives_the_same_reply_without_tokens_and_says_so() {
        let bench = Bench::new(CachePolicy::default(), |_| reply(&["Hello", ", ", "world"]));
        let first = bench.ask(cold()).unwrap();
        let again = bench.ask(cold().with_delivery(Delivery::Whole)).unwrap();
        assert_eq!(bench.calls(), 1);
        assert_eq!((&again.content, &again.model), (&first.content, &first.model));
        assert_eq!(again.stop_reason, first.stop_reason);
        assert_eq!((again.tokens.total_input(), again.tokens.total_output()), (Some(0), Some(0)));
        assert!(first.warnings.is_empty() && again.warnings[0].about == "cache");
    }

    #[test]
    fn what_is_kept_tells_nothing_of_the_call_it_was_kept_from() {
        let mut reply = Reply { key: "k".into(), events: Vec::new(), bytes: 0 };
        let mut began = Started::new(Some("id".into()), None);
        (began.route, began.rate_limit) = (Some(Arc::default()), Some(Box::default()));
        reply.push(&began.into());
        assert_eq!(reply.events, [Started::new(Some("id".into()), None).into()]);
    }

    #[test]
    fn what_differs_in_anything_that_counts_is_another_request() {
        let bench = Bench::new(CachePolicy::default(), |_| reply(&["hi"]));
        let someone = Participant::claude_sonnet;
        for (calls, participant, request) in [
            (1, someone(), cold()),
            (2, someone(), cold().with_user_message("hi")),
            (3, someone(), cold().with_max_tokens(5)),
            (4, Participant::claude_haiku(), cold()),
            (5, someone().with_provider_id("other"), cold()),
            (6, someone().with_role(ParticipantRole::Critic), cold()),
            (6, someone().with_display_name("Another name"), cold()),
        ] {
            bench.ask_as(participant, request).unwrap();
            assert_eq!(bench.calls(), calls);
        }
    }

    #[test]
    fn requests_with_tools_or_chance_pass_through() {
        let extra = || {
            let mut request = cold();
            request.extra.insert(forge_core::ModelProvider::OpenAI, "temperature", 1);
            request
        };
        let unset = || ModelRequest::new("").with_user_message("hi");
        let bench = Bench::new(CachePolicy::default(), |_| reply(&["hi"]));
        for request in [
            unset(),
            unset().with_temperature(0.1),
            cold().with_temperature(f64::NAN),
            cold().with_tool(tool()),
            extra(),
        ] {
            let before = bench.calls();
            bench.ask(request.clone()).unwrap();
            bench.ask(request).unwrap();
            assert_eq!(bench.calls(), before + 2);
        }
        let policy = CachePolicy { allow_default_temperature: true, ..CachePolicy::default() };
        let bench = Bench::new(policy, |_| reply(&["hi"]));
        bench.ask(unset()).unwrap();
        bench.ask(unset()).unwrap();
        assert_eq!(bench.calls(), 1);
    }

    #[test]
    fn only_a_complete_reply_is_kept() {
        let cut =
            |reason| vec![Step::Open, started(), part(0, PartKind::Text), text(0, "a"), finished(reason)];
        let broken = || vec![Step::Open, started(), part(0, PartKind::Text), fail(ErrorKind::Transport)];
        let ends: [fn() -> Vec<Step>; 2] = [|| vec![fail(ErrorKind::Server)], broken];
        for end in ends {
            let bench = Bench::new(CachePolicy::default(), move |_| end());
            assert!(bench.ask(cold()).is_err() && bench.ask(cold()).is_err());
            assert_eq!(bench.calls(), 2);
        }
        for (reason, calls) in [
            (StopReason::StopSequence, 1),
            (StopReason::MaxTokens, 2),
            (StopReason::Refusal, 2),
            (StopReason::ToolUse, 2),
        ] {
            let bench = Bench::new(CachePolicy::default(), move |_| cut(reason));
            bench.ask(cold()).unwrap();
            bench.ask(cold()).unwrap();
            assert_eq!(bench.calls(), calls, "{reason:?}");
        }
        let bench = Bench::new(CachePolicy::default(), |_| {
            let mut steps = reply(&["hi"]);
            steps.insert(4, sleep(5));
            steps
        });
        let cached = bench.cache.layer(Arc::clone(&bench.script) as _);
        let mut dropped = run(&bench.timer, cached.stream(&context(&bench.timer), cold().into())).unwrap();
        for _ in 0..3 {
            run(&bench.timer, dropped.next()).unwrap().unwrap();
        }
        drop(dropped);
        bench.ask(cold()).unwrap();
        assert_eq!(bench.calls(), 2);
    }

    #[test]
    fn replies_age_and_the_one_not_asked_for_the_longest_goes_first() {
        let policy = CachePolicy { max_entries: 2, time_to_live: seconds(10), ..CachePolicy::default() };
        let bench = Bench::new(policy, |_| reply(&["hi"]));
        let numbered = |number| cold().with_max_tokens(number);
        for (number, calls) in [(1, 1), (2, 2), (1, 2), (3, 3), (1, 3), (2, 4), (3, 5)] {
            bench.ask(numbered(number)).unwrap();
            assert_eq!(bench.calls(), calls, "{number}");
        }
        bench.timer.advance(seconds(10));
        bench.ask(numbered(3)).unwrap();
        assert_eq!(bench.calls(), 6);
    }

    #[test]
    fn the_bytes_stay_within_bounds_and_none_is_ever_printed() {
        let max_bytes = 20_000;
        let policy = CachePolicy { max_bytes, ..CachePolicy::default() };
        let bench = Bench::new(policy, |_| reply(&[&"secret".repeat(500)]));
        for number in 1..100 {
            bench.ask(cold().with_max_tokens(number)).unwrap();
            let entries = bench.cache.lock();
            assert_eq!(entries.bytes, entries.replies.values().map(|entry| entry.bytes).sum::<usize>());
            assert_eq!(entries.replies.len(), entries.order.len());
            assert!(entries.bytes <= max_bytes && !entries.replies.is_empty());
        }
        assert!(!format!("{:?}", bench.cache).contains("secret"));
    }

    #[test]
    fn a_reply_larger_than_the_cache_takes_no_others_place() {
        let policy = CachePolicy { max_bytes: 20_000, ..CachePolicy::default() };
        let bench = Bench::new(policy, |cx| match cx.participant.role {
            ParticipantRole::Drafter => reply(&vec!["a"; 25_000]),
            _ => reply(&["a"]),
        });
        let drafter = || Participant::claude_sonnet().with_role(ParticipantRole::Drafter);
        bench.ask(cold()).unwrap();
        bench.ask_as(drafter(), cold()).unwrap();
        bench.ask_as(drafter(), cold()).unwrap();
        assert_eq!(bench.calls(), 3);
        bench.ask(cold()).unwrap();
        assert_eq!(bench.calls(), 3);
    }

    #[test]
    fn a_policy_without_room_keeps_nothing() {
        let bench = Bench::new(CachePolicy { max_entries: 0, ..CachePolicy::default() }, |_| reply(&["hi"]));
        bench.ask(cold()).unwrap();
        bench.ask(cold()).unwrap();
        assert_eq!(bench.calls(), 2);
    }
}
