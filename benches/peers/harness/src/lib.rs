//! What every measured program does around its calls: the same request, the same runtime, the same count of
//! allocations, and a check of every reply.
//!
//! A program is called as `chat|anthropic unary|stream CALLS URL`. It makes one call to warm up and then as
//! many as asked for, one after the other, and prints the allocations of each.

use std::{alloc::System, env, error::Error};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The key that every library sends.
pub const KEY: &str = "sk-test-not-a-key";
/// The request's instructions.
pub const SYSTEM: &str = "Be brief.";
/// The request's question.
pub const USER: &str = "Hello";
/// The most tokens of the answer.
pub const MAX_TOKENS: u32 = 256;

const UNARY_TEXT: &str = "Hello there";
const DELTAS: usize = 50;

/// What may go wrong.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The API that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `OpenAI`'s Chat Completions.
    Chat,
    /// Anthropic's Messages.
    Anthropic,
}

impl Dialect {
    /// The model that every library asks for.
    #[must_use]
    pub fn model(self) -> &'static str {
        match self {
            Self::Chat => "gpt-4o-mini",
            Self::Anthropic => "claude-sonnet-5-5",
        }
    }
}

/// One library. A value is one client, made once. Every call makes its own request.
#[allow(async_fn_in_trait, reason = "one task on one thread runs everything")]
pub trait Peer: Sized {
    /// A client for the server at `url`, which has no path.
    async fn connect(dialect: Dialect, url: &str) -> Result<Self, Failure>;

    /// The text of a whole reply.
    async fn unary(&mut self) -> Result<String, Failure>;

    /// The text of a streamed reply, joined from its deltas, after the end of the stream.
    async fn stream(&mut self) -> Result<String, Failure>;
}

/// The program of a library.
pub fn run<P: Peer>() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [dialect, form, calls, url] = &arguments[..] else {
        return Err("usage: chat|anthropic unary|stream CALLS URL".into());
    };
    let dialect = match dialect.as_str() {
        "chat" => Dialect::Chat,
        "anthropic" => Dialect::Anthropic,
        other => return Err(format!("no dialect `{other}`").into()),
    };
    let stream = form == "stream";
    let calls: u32 = calls.parse()?;
    let expected = if stream { (0..DELTAS).map(delta).collect() } else { UNARY_TEXT.to_owned() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut peer = P::connect(dialect, url).await?;
        call(&mut peer, stream, &expected).await?;
        let before = ALLOCATOR.stats();
        for _ in 0..calls {
            call(&mut peer, stream, &expected).await?;
        }
        let stats = ALLOCATOR.stats() - before;
        if calls > 0 {
            let each = (stats.allocations + stats.reallocations) as f64 / f64::from(calls);
            println!("{each:.1}");
        }
        Ok(())
    })
}

fn delta(at: usize) -> String {
    format!("word {at} and on")
}

async fn call<P: Peer>(peer: &mut P, stream: bool, expected: &str) -> Result<(), Failure> {
    let text = if stream { peer.stream().await? } else { peer.unary().await? };
    if text != expected {
        return Err(format!("`{text}` came instead of `{expected}`").into());
    }
    Ok(())
}
