//! The vendors of the simulator as those of the contract.

use std::io;

use forge_core::{TokenCount, async_trait};
use forge_sim::{RecordedRequest, Scenario, Sim, SimConfig, Usage, Vendor};

use crate::{
    form::ByteForm,
    server::Request,
    vendor::{Behavior, Failure, TestServer, TestVendor},
};

/// It refuses wrong requests by itself.
#[async_trait]
impl TestVendor for Vendor {
    async fn start(&self, behavior: Behavior) -> io::Result<Box<dyn TestServer>> {
        let scenario = Scenario::from_yaml(&scenario(behavior)).map_err(io::Error::other)?;
        let config = SimConfig { seed: 7, scenario, ..SimConfig::default() };
        let sim = Sim::start(config).await.map_err(io::Error::other)?;
        Ok(Box::new(Simulated { sim, vendor: *self }))
    }
}

/// What the simulator plays, in its own language.
fn scenario(behavior: Behavior) -> String {
    let error = match behavior {
        Behavior::Normal => return String::from("{}"),
        Behavior::Bytes(form) => {
            let bytes = match form {
                ByteForm::EveryByte => "split: every_byte",
                ByteForm::CrLf => "split: { seed: 1 }, line_ending: crlf",
                ByteForm::KeepAlives => "split: each_char, line_ending: lf, pings: 1",
                ByteForm::OneWrite => "coalesce: 50, trailing_spaces: true",
                ByteForm::Unterminated => "no_final_blank_line: true, chunked: true",
            };
            return format!("rules: [{{ bytes: {{ {bytes} }} }}]");
        }
        // Others ask for a key by themselves, and take none with this word in it.
        Behavior::Fails(Failure::WrongKey) => {
            return String::from("keys: { ollama: k, llamacpp: k, vllm: k, lmstudio: k }");
        }
        Behavior::Fails(Failure::RateLimited { retry_after }) => {
            format!("kind: rate_limited, retry_after: {{ seconds: {} }}", retry_after.as_secs())
        }
        Behavior::Fails(failure) => format!("kind: {}", Behavior::Fails(failure).name()),
    };
    format!("rules: [{{ error: {{ {error} }} }}]")
}

struct Simulated {
    sim: Sim,
    vendor: Vendor,
}

impl TestServer for Simulated {
    fn base_url(&self) -> String {
        self.sim.base_url(self.vendor)
    }

    fn requests(&self) -> Vec<Request> {
        self.sim.journal().into_iter().map(received).collect()
    }
}

/// A request as the simulator has noted it.
fn received(recorded: RecordedRequest) -> Request {
    Request {
        line: format!("{} {}", recorded.method, recorded.path),
        headers: recorded.headers.into_iter().collect(),
        body: recorded.body,
        billed: recorded.outcome.and_then(|outcome| outcome.usage).map(billed),
    }
}

fn billed(usage: Usage) -> TokenCount {
    TokenCount::default()
        .with_input(usage.input)
        .with_cache_read(usage.cache_read)
        .with_cache_write_5m(usage.cache_write_5m)
        .with_cache_write_1h(usage.cache_write_1h)
        .with_output(usage.output)
        .with_reasoning(usage.reasoning)
}
