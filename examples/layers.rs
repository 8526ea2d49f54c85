//! A layer of one's own around a provider: the code that calls it does not notice.
//!
//! `cargo run -p forge-examples --example layers` asks a simulated vendor, without any account.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example is a program")]

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use forge_anthropic::AnthropicProvider;
use forge_core::{
    CallContext, Capabilities, ModelId, ModelRequest, Participant, Provider, ProviderError, ProviderExt as _,
    ResponseStream, StreamEvent, async_trait,
    provider::{Layer, Stack},
};
use forge_sim::{Sim, SimConfig, Vendor};
use futures_util::StreamExt as _;

/// Counts the output tokens of every call that goes through it. The count lives in the layer; the
/// wrappers that it makes share it.
#[derive(Debug, Default, Clone)]
struct CountOutput(Arc<AtomicU64>);

impl Layer for CountOutput {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Counted { inner, total: Arc::clone(&self.0) })
    }
}

#[derive(Debug)]
struct Counted {
    inner: Arc<dyn Provider>,
    total: Arc<AtomicU64>,
}

#[async_trait]
impl Provider for Counted {
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
        let events = self.inner.stream(cx, request).await?;
        let total = Arc::clone(&self.total);
        Ok(ResponseStream::new(events.inspect(move |event| {
            if let Ok(StreamEvent::Finished(finished)) = event {
                total.fetch_add(finished.usage.total_output().unwrap_or(0), Ordering::Relaxed);
            }
        })))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::start(SimConfig::default()).await?;
    let adapter = AnthropicProvider::new("sk-test-simulated").with_base_url(sim.base_url(Vendor::Anthropic));

    let count = CountOutput::default();
    let provider = Stack::new(Arc::new(adapter)).with(&count).build();

    let cx = CallContext::new(Participant::claude_sonnet());
    for question in ["What is a mutex?", "What is a semaphore?"] {
        let request = ModelRequest::new("").with_user_message(question);
        println!("{}\n", provider.complete(&cx, request).await?.text());
    }
    eprintln!("{} output tokens in all", count.0.load(Ordering::Relaxed));
    Ok(())
}
