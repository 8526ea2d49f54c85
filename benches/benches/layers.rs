//! What the layers cost around a provider that answers at once.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark stops when it cannot run")]

use std::{num::NonZeroU64, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use forge_core::{
    CallContext, Capabilities, ModelId, ModelRequest, ModelTable, Participant, Provider, ProviderError,
    ProviderExt as _, ResponseStream, StreamEvent, TokenCount, async_trait,
    event::{Delta, Finished, PartKind, Started, StopReason},
    provider::{Stack, Timeouts},
    storage::{
        StorageError,
        accounts::{UsageRecord, UsageSink},
    },
};
use forge_layers::{
    Breaker, BreakerPolicy, Concurrency, ConcurrencyPolicy, Observe, RateLimit, RateLimits, Retry,
    RetryPolicy, Timeout,
};

#[derive(Debug)]
struct Instant;

#[async_trait]
impl Provider for Instant {
    fn name(&self) -> &'static str {
        "instant"
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities::default()
    }

    async fn stream(&self, _: &CallContext, _: Arc<ModelRequest>) -> Result<ResponseStream, ProviderError> {
        let usage = TokenCount::default().with_input(10).with_output(2);
        Ok(ResponseStream::from_events([
            Ok(StreamEvent::from(Started::default())),
            Ok(StreamEvent::PartStarted { index: 0, kind: PartKind::Text }),
            Ok(StreamEvent::PartDelta { index: 0, delta: Delta::Text("Hello".into()) }),
            Ok(StreamEvent::PartEnded { index: 0, opaque: None }),
            Ok(StreamEvent::from(Finished::new(StopReason::EndTurn).with_usage(usage))),
        ]))
    }
}

#[derive(Debug)]
struct Nowhere;

#[async_trait]
impl UsageSink for Nowhere {
    fn record(&self, record: UsageRecord) {
        std::hint::black_box(record);
    }

    async fn flush(&self) -> Result<(), StorageError> {
        Ok(())
    }
}

/// All of them, in the order of the router: the retry loop outside, the clocks next to the vendor.
fn stack() -> Arc<dyn Provider> {
    let plenty = NonZeroU64::new(u64::from(u32::MAX));
    let limits = RateLimits {
        requests_per_minute: std::num::NonZeroU32::new(u32::MAX),
        input_tokens_per_minute: plenty,
        output_tokens_per_minute: plenty,
        burst: None,
    };
    Stack::new(Arc::new(Instant))
        .with(&Timeout::new(Timeouts::USUAL))
        .with(&Observe::new(Arc::new(Nowhere), Arc::new(ModelTable::default())))
        .with(&RateLimit::new(limits))
        .with(&Concurrency::new(ConcurrencyPolicy::new(64)))
        .with(&Breaker::new(BreakerPolicy::default(), 1))
        .with(&Retry::new(RetryPolicy::default(), 1))
        .with(&Observe::calls())
        .build()
}

fn layers(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cx = CallContext::new(Participant::local("m"));
    let request = Arc::new(ModelRequest::new("Be brief.").with_user_message("Hello"));
    for (name, provider) in [("none", Arc::new(Instant) as Arc<dyn Provider>), ("all", stack())] {
        c.bench_function(&format!("layers/{name}"), |b| {
            b.iter(|| {
                runtime.block_on(provider.complete(&cx, Arc::clone(&request))).expect("a reply").duration
            });
        });
    }
}

criterion_group!(benches, layers);
criterion_main!(benches);
