//! Simulated LLM vendors: a real HTTP server that speaks the vendors' wire formats.
//!
//! It answers on one port, with a path prefix for each vendor, strictly enough that a client that
//! is wrong about a dialect fails here first. It checks parameters and what has to come back
//! unchanged (thinking signatures, `call_id`s, item order), meters tokens in each dialect's own
//! definition, enforces rate limits, and breaks on demand: resets, cuts, stalls, errors in
//! mid stream. Use it alone to test any client, or in the process in tests and offline demos.
//! Nothing it says comes from a model, and every text says so.
//!
//! ```
//! use forge_sim::{Scenario, Sim, SimConfig, Vendor};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), forge_sim::SimError> {
//! let scenario = Scenario::from_yaml(
//!     "rules:
//!        - vendor: anthropic
//!          nth: 1
//!          error: { kind: overloaded }
//!        - vendor: openai
//!          cut: before_terminal",
//! )?;
//! let sim = Sim::start(SimConfig { seed: 7, scenario, ..SimConfig::default() }).await?;
//! let base_url = sim.base_url(Vendor::Anthropic); // http://127.0.0.1:PORT/anthropic
//! # assert!(base_url.ends_with("/anthropic"));
//! // … point a client at it …
//! assert!(sim.journal().is_empty());
//! sim.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # With curl
//!
//! Any key is good that does not contain `invalid`.
//!
//! ```text
//! S=http://127.0.0.1:PORT
//! curl $S/anthropic/v1/messages -H 'x-api-key: sk-test' -H 'anthropic-version: 2023-06-01' \
//!   --json '{"model":"claude-sonnet-5-5","max_tokens":500,"stream":true,
//!            "messages":[{"role":"user","content":"Hello"}]}'
//! curl $S/openai/v1/responses -H 'Authorization: Bearer sk-test' \
//!   --json '{"model":"gpt-6.2-sol","input":"Hello","store":false}'
//! curl $S/openai/v1/chat/completions -H 'Authorization: Bearer sk-test' \
//!   --json '{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}]}'
//! curl "$S/google/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse" \
//!   -H 'x-goog-api-key: AIza-test' --json '{"contents":[{"parts":[{"text":"Hello"}]}]}'
//! curl $S/ollama/api/chat -d '{"model":"qwen3","messages":[{"role":"user","content":"Hello"}]}'
//! curl $S/ollama/api/generate -d '{"model":"qwen3","prompt":"Hello"}'
//! curl $S/ollama/v1/responses --json '{"model":"qwen3","input":"Hello"}'
//! curl $S/openai/v1/embeddings -H 'Authorization: Bearer sk-test' \
//!   --json '{"model":"text-embedding-3-small","input":"Hello"}'
//! curl $S/llamacpp/v1/chat/completions --json '{"messages":[{"role":"user","content":"Hello"}]}'
//! curl $S/vllm/v1/models
//! curl $S/lmstudio/api/v1/models
//! curl $S/deepseek/v1/chat/completions -H 'Authorization: Bearer sk-test' \
//!   --json '{"model":"deepseek-v4-pro","messages":[{"role":"user","content":"Hello"}]}'
//! ```
//!
//! # Servers of the Chat dialect
//!
//! Beside OpenAI and the four local servers stand others that speak Chat Completions, each a row of
//! one table: which fields it refuses, where it puts its thoughts and whether it wants them back, how
//! it counts tokens and names calls, and its own words for a refusal. They are reached by the prefix
//! of their id, and scenarios speak of them by it. Below the prefix lies `/v1`, and the path of the
//! real vendor where that is another one: `/groq/openai/v1`, `/openrouter/api/v1`, `/deepseek`.
//! A program adds rows of its own with [`SimConfig::servers`]; [`compatible`] shows one.
//!
//! | Id | Habits |
//! |---|---|
//! | `deepseek` | wants `reasoning_content` back from turns with calls; no `developer`; no `json_schema` |
//! | `mistral` | refuses every unknown field (422); content as a list of chunks; ids of nine signs |
//! | `groq` | `reasoning`; a call that the model wrote wrongly is a 400 |
//! | `xai` | `call_0` in every reply; `completion_tokens` without reasoning; a bad key is a 400 |
//! | `openrouter` | signed `reasoning_details`; the status as code |
//! | `moonshot` | usage inside the choice; ids like `functions.add:0`; wants its thoughts back |
//! | `cerebras` | refuses `store` and `reasoning_content`; errors without an envelope |
//! | `perplexity` | `<think>` in the content; an empty `delta` beside the `message`; alternating turns |
//! | `together` | `cached_tokens` beside the totals |
//! | `zai` | codes of digits; no `json_schema` |
//! | `minimax` | `<think>` in the content |
//! | `dashscope` `copilot` | words of their own for prompts that are too long |
//! | `google-compatible` | refuses `store`; thoughts show in `total_tokens` only; errors in an array |
//! | `sglang` | answers for every name; errors of the kind `{"object": "error"}` |
//! | `strict-template` | llama.cpp with a template that wants alternating turns: 500 |
//! | `strict-template-vllm` | the same in vLLM: 400 |
//!
//! # Magic words
//!
//! A fault can be asked for in the last user message, where no rule of the scenario fires:
//!
//! | Word | Effect |
//! |---|---|
//! | `[[sim:overloaded]]` `[[sim:rate-limited=SECONDS]]` `[[sim:quota]]` `[[sim:server-error]]` `[[sim:html]]` | that error |
//! | `[[sim:refusal]]` `[[sim:safety]]` `[[sim:blocked]]` `[[sim:pause]]` `[[sim:malformed-call]]` | that end of the reply |
//! | `[[sim:empty]]` `[[sim:page]]` | a good status with nothing in the reply, or with a web page |
//! | `[[sim:cut-after=BYTES]]` `[[sim:reset]]` `[[sim:stall=MS]]` `[[sim:silent-end]]` `[[sim:stream-error=EVENTS]]` | that break of the connection or stream |
//!
//! # Scenarios
//!
//! [`Scenario`] is read from YAML; the folder `scenarios/` of this crate has examples. `rules` say
//! which requests (`vendor`, `model`, `path`, `nth`) meet which fault or prepared reply ([`Rule`]
//! has the whole list); `limits` are token buckets for each credential and model ([`Limit`]);
//! `latency` sets the time to the first byte and the tokens a second ([`Latency`]); `keys` makes
//! local servers ask for one.
//!
//! Odd replies have a good status. `reply.raw_usage` puts any JSON into the vendor's usage object
//! (`{ completion_tokens: -35 }`), or in its place (`null`); `bytes.last_event_bytes` makes the last
//! event of a stream large; `quirks` put half a surrogate pair or a byte that is no UTF-8 into the
//! text, divide a pair between two events, leave `<think>` in the content, start a message twice or a
//! block never, and close a stream with a `[DONE]` that is not the vendor's ([`Quirk`] has them all).
//!
//! # Control
//!
//! | Call | Effect |
//! |---|---|
//! | `GET /__sim/health` | 200 and the seed |
//! | `GET /__sim/requests` | the journal, as JSON; keys are masked |
//! | `POST /__sim/reset` | forgets requests, caches, limits and counters |
//! | `PUT /__sim/scenario` | plays the YAML in the body from now on |
//!
//! # Who answers
//!
//! A [`responder`] makes the words, [`Plain`](responder::Plain) unless
//! [`SimConfig::responder`] names another one.
//!
//! # What is exact and what is not
//!
//! Equal seeds and equal requests give equal bytes: ids, signatures and texts. Times show only in
//! rate-limit headers and in latency. Tokens are counted as one for each four characters of a
//! text, rounded up, times the model's factor; attachments count 258. Embeddings are made of hashed
//! words: texts that share words are near each other, and that is all they know. Prompt caches never expire.
//! Signatures are keyed hashes and protect nothing.

#![allow(
    clippy::format_push_string,
    reason = "`write!` into a String gives a result that cannot be an error and has to be dropped"
)]

mod answer;
mod api_error;
mod app;
mod call;
pub mod compatible;
mod completion;
mod context;
mod control;
mod dialect;
mod error;
mod error_kind;
mod journal;
mod limits;
pub mod responder;
mod scenario;
mod seed;
mod server;
mod service;
mod shape;
mod tokens;
mod transport;
mod turn;
mod usage;
mod vendor;

pub use error::SimError;
pub use error_kind::ErrorKind;
pub use journal::{Outcome, RecordedRequest};
pub use scenario::{
    ByteStyle, CallSpec, Cut, Distribution, Drip, ErrorSpec, ErrorStyle, Latency, Limit, LineEnding, Nth,
    Quirk, ReplySpec, Reset, RetryAfter, Rule, Scenario, Split, Stall, StopSpec, StreamError, UsageSpec,
};
pub use server::{Sim, SimConfig};
pub use usage::Usage;
pub use vendor::{Compatible, UnknownVendor, Vendor};
