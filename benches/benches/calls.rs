//! What one call costs beside the network: allocations, instructions (where valgrind is installed), and
//! the memory of many streams at once.
//!
//! The benchmark starts itself again for each part: `serve` answers calls and prints its address,
//! `unary|stream CALLS URL` makes calls on one warm connection and prints the allocations of each, `many
//! STREAMS URL` runs streams at once and prints the seconds and the peak memory. The instructions of a call
//! are the difference between two runs under callgrind, by the difference of their calls.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::{alloc::System, env, error::Error, sync::Arc};

use forge_anthropic::AnthropicProvider;
use forge_benches::measure::{Vendor, allocations, instructions, output};
use forge_core::{CallContext, ModelRequest, Participant, ProviderExt, request::Delivery};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Calls of the shorter and the longer run under callgrind.
const RUNS: [u64; 2] = [100, 1_100];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => {
            println!("http://localhost:{}", forge_benches::serve("127.0.0.1:0")?.port());
            loop {
                std::thread::park();
            }
        }
        ["unary", calls, url] => measure(Delivery::Whole, calls.parse()?, url),
        ["stream", calls, url] => measure(Delivery::Stream, calls.parse()?, url),
        ["many", streams, url] => many(streams.parse()?, url),
        // What cargo and criterion's users pass along.
        _ => report(),
    }
}

fn report() -> Result<(), Box<dyn Error>> {
    let vendor = Vendor::start()?;
    for form in ["unary", "stream"] {
        println!("{form}: {} allocations a call", output(&[form, "1000", &vendor.url])?);
        match RUNS.map(|calls| instructions(&[form, &calls.to_string(), &vendor.url])) {
            [Some(short), Some(long)] => {
                println!("{form}: {} instructions a call", (long - short) / (RUNS[1] - RUNS[0]));
            }
            _ => println!("{form}: instructions not counted, because valgrind is not installed"),
        }
    }
    println!("1000 streams at once: {}", output(&["many", "1000", &vendor.url])?);
    Ok(())
}

/// Allocations so far, reallocations included.
fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    stats.allocations + stats.reallocations
}

fn measure(delivery: Delivery, calls: u64, url: &str) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let provider = AnthropicProvider::new("sk-test-not-a-key").with_base_url(url);
        let request = ModelRequest::new("Be brief.").with_user_message("Hello").with_max_tokens(256);
        let request = request.with_delivery(delivery);
        let each = allocations(&provider, Participant::claude_sonnet(), request, calls, allocated).await?;
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
