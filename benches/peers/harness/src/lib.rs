//! What every measured program does around its calls: the same request, the same runtime, the same count of
//! allocations, and a check of every reply.
//!
//! A program is called as `chat|anthropic unary|tools|stream|budget CALLS URL`. It makes one call to warm up and
//! then as many as asked for, one after the other, and prints the allocations of each.

use std::{alloc::System, env, error::Error};

use serde_json::{Map, Value, json};
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

/// The description of every tool.
pub const TOOL_DESCRIPTION: &str = "What it does";
/// The fields of every tool's arguments; each is a string, and the first is required.
pub const FIELDS: [&str; 8] =
    ["field_0", "field_1", "field_2", "field_3", "field_4", "field_5", "field_6", "field_7"];
/// The description of every field.
pub const FIELD_DESCRIPTION: &str = "What it holds";

const TOOLS: usize = 20;
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

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A whole reply.
    Unary,
    /// A whole reply to a request with tools.
    Tools,
    /// A streamed reply.
    Stream,
    /// A whole reply through limits, accounts and a budget in a file.
    Budget,
}

impl Form {
    /// The names of the request's tools: 20 or none.
    pub fn tool_names(self) -> impl Iterator<Item = String> {
        let count = if self == Self::Tools { TOOLS } else { 0 };
        (0..count).map(|at| format!("tool_{at}"))
    }
}

/// The JSON Schema of every tool's arguments.
#[must_use]
pub fn schema() -> Value {
    let field = |name: &str| (name.to_owned(), json!({"type": "string", "description": FIELD_DESCRIPTION}));
    let fields: Map<_, _> = FIELDS.into_iter().map(field).collect();
    json!({"type": "object", "properties": fields, "required": [FIELDS[0]]})
}

/// One library. A value is one client, made once, with the tools of its requests. Every call makes its own request.
#[allow(async_fn_in_trait, reason = "one task on one thread runs everything")]
pub trait Peer: Sized {
    /// Whether [`Form::Budget`] is there.
    const BUDGET: bool = false;

    /// A client for the server at `url`, which has no path.
    async fn connect(dialect: Dialect, form: Form, url: &str) -> Result<Self, Failure>;

    /// The text of a whole reply.
    async fn unary(&mut self) -> Result<String, Failure>;

    /// The text of a streamed reply, joined from its deltas, after the end of the stream.
    async fn stream(&mut self) -> Result<String, Failure>;
}

/// The program of a library.
pub fn run<P: Peer>() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [dialect, form, calls, url] = &arguments[..] else {
        return Err("usage: chat|anthropic unary|tools|stream|budget CALLS URL".into());
    };
    let dialect = match dialect.as_str() {
        "chat" => Dialect::Chat,
        "anthropic" => Dialect::Anthropic,
        other => return Err(format!("no dialect `{other}`").into()),
    };
    let form = match form.as_str() {
        "unary" => Form::Unary,
        "tools" => Form::Tools,
        "stream" => Form::Stream,
        "budget" if P::BUDGET => Form::Budget,
        other => return Err(format!("no form `{other}`").into()),
    };
    let calls: u32 = calls.parse()?;
    let stream = form == Form::Stream;
    let expected = if stream { (0..DELTAS).map(delta).collect() } else { UNARY_TEXT.to_owned() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut peer = P::connect(dialect, form, url).await?;
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
