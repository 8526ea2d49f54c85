//! Accounts and traces: one usage record an attempt, one span a call and an attempt.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use forge_core::{
    CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, ModelTable, Money, Provider, ProviderError,
    ResponseStream, StreamEvent, TokenCount,
    error::Phase,
    event::Warning,
    provider::{Layer, StreamFuture},
    storage::accounts::{CallStatus, Served, UsageRecord, UsageSink},
    usage::ServerTools,
};
use futures_core::Stream;
use tracing::{Instrument as _, Span, field::Empty};

/// The version of OpenTelemetry's semantic conventions whose names for generative AI the spans carry.
pub const GEN_AI_CONVENTIONS: &str = "1.37.0";

/// Watches calls. Times come from [`CallContext::timer`].
///
/// Around each attempt ([`Observe::new`], inside [`Retry`](crate::Retry)) it opens a span `llm.attempt` and
/// writes exactly one [`UsageRecord`] when the attempt finishes, fails, or is dropped. Around the whole
/// call ([`Observe::calls`], outermost) it opens a span `llm.request` and writes nothing, so that no token
/// is counted twice.
///
/// What an attempt can know of itself stands in its record:
///
/// - A failed attempt is a [`Failure`](CallStatus::Failure). Whether the call went on shows in the accounts
///   as a record of the same call with a higher number; no attempt is a [`Retry`](CallStatus::Retry) in
///   its own eyes.
/// - Tokens are those that the vendor had reported until then, never an estimate.
/// - The cost is that of the model served (the one asked for, if the vendor did not say) on the day (UTC)
///   on which the attempt began. Where nothing was sent, or the vendor refused with an HTTP error, it is zero.
///
/// Spans carry the attribute names of OpenTelemetry's conventions for generative AI ([`GEN_AI_CONVENTIONS`])
/// (`gen_ai.provider.name`, `gen_ai.request.model`, `gen_ai.response.model`, `gen_ai.usage.input_tokens`,
/// `gen_ai.usage.output_tokens`, `error.type`), and never a prompt, an answer, or a credential.
///
/// ```
/// use std::sync::Arc;
/// use forge_core::{ModelTable, Provider, provider::Stack, storage::accounts::UsageSink};
/// use forge_layers::{Observe, Retry, RetryPolicy};
///
/// # fn demo(adapter: Arc<dyn Provider>, ledger: Arc<dyn UsageSink>, prices: Arc<ModelTable>) {
/// let provider = Stack::new(adapter)
///     .with(&Observe::new(ledger, prices))
///     .with(&Retry::new(RetryPolicy::default(), 7))
///     .with(&Observe::calls())
///     .build();
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Observe(Option<Accounts>);

#[derive(Debug, Clone)]
struct Accounts {
    sink: Arc<dyn UsageSink>,
    prices: Arc<ModelTable>,
}

/// The context window assumed for a model whose own is unknown.
const LARGEST_WINDOW: u64 = 10_000_000;

/// Windows that a call may take at most: vendors that run tools of their own read the conversation once for each use.
const WINDOWS: u64 = 50;

impl Observe {
    /// Watches attempts: a span `llm.attempt` and a record in `sink`, priced by `prices`.
    pub fn new(sink: Arc<dyn UsageSink>, prices: Arc<ModelTable>) -> Self {
        Self(Some(Accounts { sink, prices }))
    }

    /// Watches whole calls: a span `llm.request`, parent of the spans of its attempts.
    pub fn calls() -> Self {
        Self(None)
    }
}

impl Layer for Observe {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Observed { inner, accounts: self.0.clone() })
    }
}

macro_rules! span {
    ($name:literal, $kind:literal, $cx:expr) => {
        tracing::info_span!(
            $name,
            otel.kind = $kind,
            otel.status_code = Empty,
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = $cx.participant.provider.as_str(),
            gen_ai.request.model = $cx.model().as_str(),
            gen_ai.response.model = Empty,
            gen_ai.response.id = Empty,
            gen_ai.response.finish_reasons = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            error.type = Empty,
            forge.call = %$cx.call_id,
            forge.attempt = $cx.attempt,
            forge.provider = $cx.participant.provider_id.as_str(),
            forge.role = $cx.participant.role.as_str(),
        )
    };
}

#[derive(Debug)]
struct Observed {
    inner: Arc<dyn Provider>,
    accounts: Option<Accounts>,
}

#[deny(clippy::missing_trait_methods)]
impl Provider for Observed {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.inner.capabilities(model)
    }

    fn stream<'s, 'c, 'f>(&'s self, cx: &'c CallContext, request: Arc<ModelRequest>) -> StreamFuture<'f>
    where
        's: 'f,
        'c: 'f,
    {
        let span = match self.accounts {
            Some(_) => span!("llm.attempt", "client", cx),
            None => span!("llm.request", "internal", cx),
        };
        if self.accounts.is_none() && span.is_disabled() {
            // Nobody listens, so there is nothing to note.
            return self.inner.stream(cx, request);
        }
        Box::pin(async move {
            let mut recorder = Recorder::new(cx, span.clone(), self.accounts.clone(), &request);
            // A layer behind this one may open its span before its future is polled.
            let inner = span.in_scope(|| self.inner.stream(cx, request));
            match inner.instrument(span).await {
                Ok(events) => Ok(ResponseStream::new(Recorded { events, recorder, end: None })),
                Err(error) => {
                    recorder.fail(&error);
                    Err(error)
                }
            }
        })
    }
}

/// What is known of a call so far. Settles once: at its end, or when it is dropped.
struct Recorder {
    accounts: Option<Accounts>,
    span: Span,
    cx: CallContext,
    begun: Instant,
    started_at: DateTime<Utc>,
    first_token: Option<Duration>,
    served: Option<ModelId>,
    service: Option<Served>,
    request_id: Option<String>,
    tokens: TokenCount,
    /// Whether a piece of the answer has come.
    answered: bool,
    request: Arc<ModelRequest>,
    /// Why the reply has no price, or its usage is not believed.
    warning: Option<Warning>,
    settled: bool,
}

impl Recorder {
    fn new(cx: &CallContext, span: Span, accounts: Option<Accounts>, request: &Arc<ModelRequest>) -> Self {
        Self {
            accounts,
            span,
            begun: cx.timer.instant(),
            started_at: cx.timer.now(),
            cx: cx.clone(),
            first_token: None,
            served: None,
            service: None,
            request_id: None,
            tokens: TokenCount::default(),
            answered: false,
            request: Arc::clone(request),
            warning: None,
            settled: false,
        }
    }

    fn elapsed(&self) -> Duration {
        self.cx.timer.instant().saturating_duration_since(self.begun)
    }

    /// Makes a usage unknown that nothing can have taken: one number that is off by powers of ten would close every
    /// budget for good.
    fn doubt(&mut self, event: &mut StreamEvent) {
        let Some(Accounts { prices, .. }) = &self.accounts else { return };
        let usage = match event {
            StreamEvent::UsageUpdated(tokens) => &mut **tokens,
            StreamEvent::Finished(finished) => &mut finished.usage,
            _ => return,
        };
        let largest = [usage.total_input(), usage.total_output()].into_iter().flatten().max().unwrap_or(0);
        let participant = &self.cx.participant;
        let model = self.served.as_ref().unwrap_or(&participant.model_id);
        let window = prices.find(&participant.provider, model).and_then(|row| row.context_tokens);
        if largest > window.unwrap_or(LARGEST_WINDOW).saturating_mul(WINDOWS) {
            *usage = TokenCount::default();
            let message = format!(
                "the vendor says {largest} tokens, more than any call can use; the usage counts as unknown"
            );
            self.warning = Some(Warning::new("usage", message));
        }
    }

    fn note(&mut self, event: &StreamEvent) {
        if event.is_content() && self.first_token.is_none() {
            self.first_token = Some(self.elapsed());
        }
        self.answered |= event.is_answer();
        match event {
            StreamEvent::Started(started) => {
                self.served.clone_from(&started.model);
                self.request_id.clone_from(&started.request_id);
                self.span.record("gen_ai.response.id", started.id.as_deref());
            }
            StreamEvent::UsageUpdated(tokens) => self.tokens.overwrite(tokens),
            StreamEvent::Finished(finished) => {
                self.tokens = finished.usage;
                self.service.clone_from(&finished.served);
                self.span.record("gen_ai.response.finish_reasons", tracing::field::debug([finished.reason]));
                // A reply that ends well and holds no answer is a failure, here as in `peek`.
                let missing =
                    if self.answered { None } else { finished.reason.without_answer(&self.request) };
                let status = if missing.is_some() { CallStatus::Failure } else { CallStatus::Success };
                self.settle(status, missing, Phase::AfterOutput);
            }
            _ => {}
        }
    }

    fn fail(&mut self, error: &ProviderError) {
        if error.request_id.is_some() {
            self.request_id.clone_from(&error.request_id);
        }
        let status =
            if error.kind == ErrorKind::Cancelled { CallStatus::Cancelled } else { CallStatus::Failure };
        // Vendors do not charge for what they refuse.
        let refused = error.phase == Phase::BeforeOutput && error.status.is_some_and(|status| status >= 400);
        let phase = if refused { Phase::BeforeSend } else { error.phase };
        self.settle(status, Some(error.kind), phase);
    }

    fn settle(&mut self, status: CallStatus, error: Option<ErrorKind>, phase: Phase) {
        // One record an attempt: the end of the stream comes first, and the drop finds it done.
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        self.span.record("gen_ai.response.model", self.served.as_ref().map(ModelId::as_str));
        self.span.record("gen_ai.usage.input_tokens", self.tokens.total_input());
        self.span.record("gen_ai.usage.output_tokens", self.tokens.total_output());
        if let Some(kind) = error {
            self.span.record("error.type", kind.as_str());
            self.span.record("otel.status_code", "ERROR");
        }
        let Some(Accounts { sink, prices }) = &self.accounts else { return };
        let participant = &self.cx.participant;
        let model = self.served.as_ref().unwrap_or(&participant.model_id);
        let cost = match phase {
            Phase::BeforeSend => Some(Money::ZERO),
            Phase::BeforeOutput | Phase::AfterOutput => {
                let (day, served) = (self.started_at.date_naive(), self.service.as_ref());
                prices.cost_as_served(&participant.provider, model, day, &self.tokens, served)
            }
        };
        if cost.is_none() && self.warning.is_none() {
            self.warning = unpriced(self.service.as_ref(), &self.tokens);
        }
        self.cx.attempts.charge(cost);
        sink.record(UsageRecord {
            call_id: self.cx.call_id,
            attempt: self.cx.attempt,
            started_at: self.started_at,
            provider: participant.provider_id.clone(),
            vendor: participant.provider.clone(),
            model_asked: participant.model_id.clone(),
            model_served: self.served.take(),
            role: participant.role.clone(),
            tags: self.cx.tags.clone(),
            status,
            error,
            latency: self.elapsed(),
            first_token: self.first_token,
            tokens: self.tokens,
            cost,
            estimated: false,
            request_id: self.request_id.take(),
            served: self.service.take(),
        });
    }
}

/// The warning about a reply whose price differs from the usual one and is not known.
fn unpriced(served: Option<&Served>, tokens: &TokenCount) -> Option<Warning> {
    let tools = tokens.server_tools.is_some_and(ServerTools::are_billed);
    let what = served.and_then(Served::unusual);
    let what = what.or_else(|| tools.then(|| "the use of the vendor's own tools".to_owned()))?;
    Some(Warning::new("price", format!("what {what} costs is not known, so that the call has no price")))
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // The vendor may charge for what it had generated, so a dropped call is not taken to be free.
        self.settle(CallStatus::Cancelled, Some(ErrorKind::Cancelled), Phase::BeforeOutput);
    }
}

struct Recorded {
    events: ResponseStream,
    recorder: Recorder,
    /// The end of a reply, while its caller is warned.
    end: Option<StreamEvent>,
}

impl Stream for Recorded {
    type Item = Result<StreamEvent, ProviderError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { events, recorder, end } = self.get_mut();
        if let Some(end) = end.take() {
            return Poll::Ready(Some(Ok(end)));
        }
        let mut item = ready!(recorder.span.in_scope(|| Pin::new(events).poll_next(cx)));
        if recorder.answered && matches!(&item, Some(Ok(StreamEvent::PartDelta { .. }))) {
            // Most events are such, and tell nothing new.
            return Poll::Ready(item);
        }
        if let Some(Ok(event)) = &mut item {
            recorder.doubt(event);
        }
        match &item {
            Some(Ok(event)) => recorder.note(event),
            Some(Err(error)) => recorder.fail(error),
            None => recorder.settle(CallStatus::Failure, Some(ErrorKind::Truncated), Phase::AfterOutput),
        }
        if let Some(warning) = recorder.warning.take()
            && let Some(Ok(event)) = item
        {
            // The warning comes first, because nothing may follow `Finished`.
            *end = Some(event);
            item = Some(Ok(warning.into()));
        }
        Poll::Ready(item)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Mutex};

    use forge_core::{
        ProviderExt as _, async_trait,
        event::{Finished, PartKind, Started, StopReason},
        storage::StorageError,
        tags::Tags,
        time::ManualTimer,
    };
    use tracing::{
        Event, Metadata, Subscriber,
        field::{Field, Visit},
        span::{Attributes, Id, Record},
    };

    use super::*;
    use crate::{
        Retry, RetryPolicy,
        script::{
            Script, Step, context, drop_at_every_poll, fail, finished, part, reply, run, scripted, seconds,
            sleep, started, text,
        },
    };

    #[derive(Debug, Default)]
    struct Ledger(Mutex<Vec<UsageRecord>>);

    impl Ledger {
        fn take(&self) -> Vec<UsageRecord> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    #[async_trait]
    impl UsageSink for Ledger {
        fn record(&self, record: UsageRecord) {
            self.0.lock().unwrap().push(record);
        }

        async fn flush(&self) -> Result<(), StorageError> {
            Ok(())
        }
    }

    fn prices() -> Arc<ModelTable> {
        let table = r#"[{"provider": "anthropic", "id": "served", "source": "s", "checked": "2026-10", "prices": [
            {"effective_to": "1970-01-01", "tiers": [{"input": "2", "output": "10"}]},
            {"effective_from": "1970-01-02", "tiers": [{"input": "9", "output": "9"}]}]}]"#;
        Arc::new(ModelTable::from_json(table).unwrap())
    }

    fn request() -> Arc<ModelRequest> {
        Arc::new(ModelRequest::new("a secret system text").with_user_message("a secret prompt"))
    }

    fn observed(script: Arc<Script>) -> (Arc<Ledger>, Arc<dyn Provider>) {
        let ledger = Arc::new(Ledger::default());
        let observe = Observe::new(Arc::clone(&ledger) as _, prices());
        (ledger, observe.layer(script))
    }

    #[test]
    fn a_finished_attempt_is_priced_by_the_model_served_on_its_first_day() {
        let timer = ManualTimer::new();
        timer.advance(seconds(24 * 3600 - 5));
        let script = scripted(&timer, |_| {
            let mut steps = vec![sleep(2)];
            steps.extend(reply(&["hi"]));
            steps.insert(4, sleep(8));
            steps
        });
        let (ledger, observed) = observed(script);
        let tags = Tags::default().with_round(3);
        let cx = context(&timer).with_attempt(2).with_tags(tags.clone());
        run(&timer, observed.complete(&cx, request())).unwrap();
        let [record] = <[UsageRecord; 1]>::try_from(ledger.take()).unwrap();
        assert_eq!((record.call_id, record.attempt, record.tags), (cx.call_id, 2, tags));
        assert_eq!((record.status, record.error, record.estimated), (CallStatus::Success, None, false));
        assert_eq!(record.model_served.unwrap(), "served");
        assert_eq!((record.first_token, record.latency), (Some(seconds(2)), seconds(10)));
        assert_eq!((record.tokens.input, record.tokens.output), (Some(100), Some(10)));
        assert_eq!(record.cost, Some(Money::from_nanos(100 * 2_000 + 10 * 10_000)));
    }

    #[test]
    fn a_reply_that_was_served_at_a_price_that_nobody_knows_is_warned_about() {
        let timer = ManualTimer::new();
        for (tier, warned) in [("default", 0), ("priority", 1)] {
            let script = scripted(&timer, move |_| {
                let mut steps = reply(&["hi"]);
                let usage = TokenCount::default().with_input(100).with_output(10);
                let mut end = Finished::new(StopReason::EndTurn).with_usage(usage);
                end.served = Some(Served::default().with_tier(tier));
                *steps.last_mut().unwrap() = Step::Event(end.into());
                steps
            });
            let (ledger, observed) = observed(script);
            let response = run(&timer, observed.complete(&context(&timer), request())).unwrap();
            assert_eq!(response.warnings.len(), warned, "{:?}", response.warnings);
            let [record] = <[UsageRecord; 1]>::try_from(ledger.take()).unwrap();
            assert_eq!((record.cost.is_none(), record.status), (warned == 1, CallStatus::Success));
        }
    }

    #[test]
    fn a_usage_that_nothing_can_have_taken_is_unknown() {
        let timer = ManualTimer::new();
        for (input, output, believed) in
            [(9_000_000_000, 1, false), (1, u64::MAX / 2, false), (400_000_000, 1, true), (100, 10, true)]
        {
            let script = scripted(&timer, move |_| {
                let mut steps = reply(&["hi"]);
                let usage = TokenCount::default().with_input(input).with_output(output);
                let end = Finished::new(StopReason::EndTurn).with_usage(usage);
                *steps.last_mut().unwrap() = Step::Event(end.into());
                steps
            });
            let (ledger, observed) = observed(script);
            let response = run(&timer, observed.complete(&context(&timer), request())).unwrap();
            assert_eq!(response.tokens.is_unknown(), !believed, "{input} {output}");
            assert_eq!(response.warnings.len(), usize::from(!believed), "{:?}", response.warnings);
            let [record] = <[UsageRecord; 1]>::try_from(ledger.take()).unwrap();
            assert_eq!((record.tokens.is_unknown(), record.cost.is_none()), (!believed, !believed));
        }
    }

    #[test]
    fn a_failed_attempt_says_why_and_what_is_unknown_stays_unknown() {
        let timer = ManualTimer::new();
        let unsent = || {
            let error = ProviderError::new(ErrorKind::InvalidRequest, "script", "no");
            Step::Fail(error.with(|facts| facts.phase = Phase::BeforeSend))
        };
        let (ledger, observed) = observed(scripted(&timer, move |cx| match cx.attempt {
            1 => vec![fail(ErrorKind::Overloaded)],
            2 => vec![Step::Open, started(), part(0, PartKind::Text), fail(ErrorKind::Transport)],
            3 => vec![Step::Open, started()],
            4 => vec![unsent()],
            _ => vec![fail(ErrorKind::Cancelled)],
        }));
        for attempt in 1..=5 {
            let cx = context(&timer).with_attempt(attempt);
            run(&timer, observed.complete(&cx, request())).unwrap_err();
        }
        let records = ledger.take();
        let facts: Vec<_> = records.iter().map(|row| (row.status, row.error.unwrap(), row.cost)).collect();
        let failed = |kind| (CallStatus::Failure, kind, None);
        assert_eq!(
            facts,
            [
                failed(ErrorKind::Overloaded),
                failed(ErrorKind::Transport),
                failed(ErrorKind::Truncated),
                (CallStatus::Failure, ErrorKind::InvalidRequest, Some(Money::ZERO)),
                (CallStatus::Cancelled, ErrorKind::Cancelled, None),
            ]
        );
        assert!(records.iter().all(|record| record.tokens.is_unknown()));
    }

    #[test]
    fn each_attempt_of_a_retried_call_has_its_own_record() {
        let timer = ManualTimer::new();
        let (ledger, observed) = observed(scripted(&timer, |cx| match cx.attempt {
            1 => vec![fail(ErrorKind::Overloaded)],
            2 => vec![Step::Open, started()],
            _ => reply(&["hi"]),
        }));
        let retry = Retry::new(RetryPolicy::default(), 1);
        let cx = context(&timer);
        run(&timer, retry.layer(observed).complete(&cx, request())).unwrap();
        let records = ledger.take();
        assert!(records.iter().all(|record| record.call_id == cx.call_id));
        let ends: Vec<_> = records.iter().map(|record| (record.attempt, record.error)).collect();
        assert_eq!(ends, [(1, Some(ErrorKind::Overloaded)), (2, Some(ErrorKind::Truncated)), (3, None)]);
    }

    #[test]
    fn an_attempt_dropped_anywhere_leaves_one_record() {
        let timer = ManualTimer::new();
        let input = TokenCount::default().with_input(7);
        let (ledger, observed) = observed(scripted(&timer, move |_| {
            let usage = Step::Event(StreamEvent::from(input));
            let mut steps = vec![sleep(1), Step::Open, sleep(1), started(), usage, sleep(1)];
            steps.extend([part(0, PartKind::Text), sleep(1), text(0, "a"), sleep(1)]);
            steps.push(finished(StopReason::EndTurn));
            steps
        }));
        let cx = context(&timer);
        drop_at_every_poll(
            &timer,
            || observed.complete(&cx, request()),
            |polls| {
                let [record] = <[UsageRecord; 1]>::try_from(ledger.take()).unwrap();
                let expected = if polls > 5 { CallStatus::Success } else { CallStatus::Cancelled };
                assert_eq!(record.status, expected, "after {polls} polls");
                assert_eq!(record.tokens.input.is_some(), polls > 2);
            },
        );
        drop(observed.stream(&cx, request()));
        assert_eq!(ledger.take(), []);
    }

    /// Keeps the fields of every span, and the span around it.
    #[derive(Debug, Clone, Default)]
    struct Spans(Arc<Mutex<Kept>>);

    #[derive(Debug, Default)]
    struct Kept {
        spans: Vec<BTreeMap<String, String>>,
        entered: Vec<u64>,
        last_entered: u64,
    }

    struct Fields<'a>(&'a mut BTreeMap<String, String>);

    impl Visit for Fields<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            self.0.insert(field.name().to_owned(), format!("{value:?}"));
        }
    }

    impl Subscriber for Spans {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, attributes: &Attributes<'_>) -> Id {
            let mut kept = self.0.lock().unwrap();
            let mut fields = BTreeMap::from([("name".to_owned(), attributes.metadata().name().to_owned())]);
            fields.insert("parent".to_owned(), format!("{:?}", kept.entered.last()));
            attributes.record(&mut Fields(&mut fields));
            kept.spans.push(fields);
            Id::from_u64(kept.spans.len() as u64)
        }

        fn record(&self, span: &Id, values: &Record<'_>) {
            let at = usize::try_from(span.into_u64()).unwrap() - 1;
            values.record(&mut Fields(&mut self.0.lock().unwrap().spans[at]));
        }

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {}

        fn enter(&self, span: &Id) {
            let mut kept = self.0.lock().unwrap();
            kept.entered.push(span.into_u64());
            kept.last_entered = span.into_u64();
        }

        fn exit(&self, _: &Id) {
            self.0.lock().unwrap().entered.pop();
        }
    }

    #[test]
    fn spans_nest_and_hold_figures_but_no_words() {
        let timer = ManualTimer::new();
        let script = scripted(&timer, |cx| match cx.attempt {
            1 => reply(&["a secret answer"]),
            _ => vec![fail(ErrorKind::RateLimited)],
        });
        let (_, attempts) = observed(script);
        let calls = Observe::calls().layer(attempts);
        let spans = Spans::default();
        tracing::subscriber::with_default(spans.clone(), || {
            run(&timer, calls.complete(&context(&timer), request())).unwrap();
            let second = context(&timer).with_attempt(2);
            run(&timer, calls.complete(&second, request())).unwrap_err();
        });
        let kept = std::mem::take(&mut *spans.0.lock().unwrap());
        assert!(!format!("{kept:?}").contains("secret"));
        let field = |span: usize, name: &str| kept.spans[span].get(name).map(String::as_str);
        assert_eq!((field(0, "name"), field(0, "parent")), (Some("llm.request"), Some("None")));
        assert_eq!((field(1, "name"), field(1, "parent")), (Some("llm.attempt"), Some("Some(1)")));
        for span in [0, 1] {
            assert_eq!(field(span, "gen_ai.provider.name"), Some("\"anthropic\""));
            assert_eq!(field(span, "gen_ai.request.model"), Some("\"claude-sonnet-5-5\""));
            assert_eq!(field(span, "gen_ai.response.model"), Some("\"served\""));
            assert_eq!(field(span, "gen_ai.usage.input_tokens"), Some("100"));
            assert_eq!(field(span, "gen_ai.usage.output_tokens"), Some("10"));
            assert_eq!(field(span, "error.type"), None);
        }
        assert_eq!(field(3, "error.type"), Some("\"rate_limited\""));
    }

    #[test]
    fn a_stream_is_read_inside_the_span_of_its_attempt() {
        let timer = ManualTimer::new();
        let (_, observed) = observed(scripted(&timer, |_| reply(&["hi"])));
        let spans = Spans::default();
        tracing::subscriber::with_default(spans.clone(), || {
            let mut events = run(&timer, observed.stream(&context(&timer), request())).unwrap();
            spans.0.lock().unwrap().last_entered = 0;
            run(&timer, events.next()).unwrap().unwrap();
        });
        assert_eq!(spans.0.lock().unwrap().last_entered, 1);
    }

    #[test]
    fn the_vendors_request_id_is_kept_wherever_it_stands() {
        let timer = ManualTimer::new();
        let (ledger, observed) = observed(scripted(&timer, |cx| {
            let mut begun = Started::default();
            begun.request_id = Some("r-1".into());
            let error = ProviderError::new(ErrorKind::Server, "script", "");
            match cx.attempt {
                1 => vec![Step::Open, Step::Event(StreamEvent::from(begun)), Step::Fail(error)],
                _ => vec![Step::Fail(error.with(|facts| facts.request_id = Some("r-2".into())))],
            }
        }));
        for attempt in 1..=2 {
            let cx = context(&timer).with_attempt(attempt);
            run(&timer, observed.complete(&cx, request())).unwrap_err();
        }
        let ids: Vec<_> = ledger.take().into_iter().map(|record| record.request_id.unwrap()).collect();
        assert_eq!(ids, ["r-1", "r-2"]);
    }
}
