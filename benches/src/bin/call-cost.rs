//! What one call costs: allocations, and under callgrind instructions.
//!
//! `call-cost serve ADDRESS` answers calls; `call-cost unary|stream CALLS URL` makes them on one warm
//! connection and prints the allocations of each. Two runs under `valgrind --tool=callgrind` with
//! different numbers of calls give the instructions of one: the difference by the number.

use std::{alloc::System, env, error::Error, sync::Arc};

use forge_anthropic::AnthropicProvider;
use forge_core::{CallContext, Delivery, ModelRequest, Participant, ProviderExt};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", address] => {
            forge_benches::serve(address)?;
            loop {
                std::thread::park();
            }
        }
        ["unary", calls, url] => measure(Delivery::Whole, calls.parse()?, url),
        ["stream", calls, url] => measure(Delivery::Stream, calls.parse()?, url),
        _ => Err("usage: call-cost serve ADDRESS | unary|stream CALLS URL".into()),
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
        eprintln!("{each:.1} allocations a call");
        Ok(())
    })
}
