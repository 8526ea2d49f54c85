//! How fast streams are cut into frames, decoded and accumulated.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark stops when it cannot run")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use forge_anthropic::AnthropicProvider;
use forge_core::{CallContext, ModelRequest, Participant, ProviderExt};
use forge_http::SseDecoder;

/// The pieces that a socket hands over.
const PIECE: usize = 16 * 1024;

fn sse(c: &mut Criterion) {
    let mut group = c.benchmark_group("sse");
    for (name, text) in [
        ("anthropic deltas", forge_benches::events(10_000).concat()),
        ("chat chunks", forge_benches::chat_chunks(10_000)),
        ("gemini frames (CRLF)", forge_benches::gemini_frames(10_000)),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                SseDecoder::new,
                |decoder| {
                    let mut frames = 0_usize;
                    for piece in text.as_bytes().chunks(PIECE) {
                        decoder.push(piece);
                        while let Ok(Some(frame)) = decoder.next_frame() {
                            black_box(frame);
                            frames += 1;
                        }
                    }
                    frames
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// A whole call of 10,000 deltas over loopback: HTTP, framing, decoding, accumulation.
fn decode(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let address = forge_benches::serve_stream("127.0.0.1:0", 10_000).expect("a port");
    let provider = AnthropicProvider::new("sk-test-not-a-key")
        .with_base_url(format!("http://localhost:{}", address.port()));
    let cx = CallContext::new(Participant::claude_sonnet());
    let request = std::sync::Arc::new(ModelRequest::new("").with_user_message("hi"));
    c.bench_function("call/anthropic stream of 10,000 deltas", |b| {
        b.iter(|| {
            let response =
                runtime.block_on(provider.complete(&cx, std::sync::Arc::clone(&request))).expect("a reply");
            response.text().len()
        });
    });
}

criterion_group!(benches, sse, decode);
criterion_main!(benches);
