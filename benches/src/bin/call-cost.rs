//! What one call costs: allocations, and under callgrind instructions.
//!
//! `call-cost serve` prints the address it answers on; `call-cost unary|stream CALLS URL` makes calls on
//! one warm connection and prints the allocations of each; `call-cost many STREAMS URL` runs streams at
//! once and prints the seconds and the peak memory in KiB. The `calls` benchmark runs all of it.

#![allow(clippy::print_stdout, reason = "its output is its result")]

use std::{alloc::System, env, error::Error, sync::Arc};

use forge_anthropic::AnthropicProvider;
use forge_core::{CallContext, Delivery, ModelRequest, Participant, ProviderExt};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => {
            println!("http://localhost:{}", forge_benches::serve("127.0.0.1:0")?.port());
            loop {
                std::thread::park();
            }
        }
        ["many", streams, url] => many(streams.parse()?, url),
        ["unary", calls, url] => measure(Delivery::Whole, calls.parse()?, url),
        ["stream", calls, url] => measure(Delivery::Stream, calls.parse()?, url),
        _ => Err("usage: call-cost serve | unary|stream CALLS URL | many STREAMS URL".into()),
    }
}

fn measure(delivery: Delivery, calls: usize, url: &str) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let provider = AnthropicProvider::new("sk-test-not-a-key").with_base_url(url);
        let participant = Arc::new(Participant::claude_sonnet());
        let request = ModelRequest::new("Be brief.").with_user_message("Hello").with_max_tokens(256);
        let request = Arc::new(request.with_delivery(delivery));
        let call = || async {
            let cx = CallContext::new(Arc::clone(&participant));
            provider.complete(&cx, Arc::clone(&request)).await
        };
        let warm = call().await?;
        let before = ALLOCATOR.stats();
        for _ in 0..calls {
            let response = call().await?;
            if response.text() != warm.text() {
                return Err("the replies differ".into());
            }
        }
        let stats = ALLOCATOR.stats() - before;
        let each = (stats.allocations + stats.reallocations) as f64 / calls.max(1) as f64;
        println!("{each:.1}");
        Ok(())
    })
}

fn many(streams: usize, url: &str) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let begun = std::time::Instant::now();
    runtime.block_on(async {
        let provider = Arc::new(AnthropicProvider::new("sk-test-not-a-key").with_base_url(url));
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..streams {
            let provider = Arc::clone(&provider);
            calls.spawn(async move {
                let cx = CallContext::new(Participant::claude_sonnet());
                provider.complete(&cx, ModelRequest::new("").with_user_message("Hello")).await
            });
        }
        while let Some(response) = calls.join_next().await {
            response??;
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim();
    println!("{:.2} s, peak {peak}", begun.elapsed().as_secs_f64());
    Ok(())
}
