//! What the vendor's blocks are.

use forge_core::{
    ModelId, ModelProvider,
    event::{Delta, PartKind},
    request::{Citation, Opaque},
};
use forge_http::Failure;
use serde_json::value::RawValue;

use crate::wire::reply::{self as wire, Block, Words};

/// What a block is, and the block itself. Blocks of unknown types stay as the vendor sent them; one without a type is
/// what its fields say.
pub(crate) fn read(raw: &RawValue) -> Result<(PartKind, Block<'_>), Failure> {
    let block: Block<'_> = serde_json::from_str(raw.get()).map_err(|error| malformed(&error))?;
    let kind = match block.r#type.as_deref() {
        Some("text") => PartKind::Text,
        Some("thinking") => PartKind::Thinking,
        Some("tool_use") => PartKind::tool_use("", ""),
        None if block.text.is_some() => PartKind::Text,
        None if block.name.is_some() && block.input.is_some() => PartKind::tool_use("", ""),
        None if block.thinking.is_some() => PartKind::Thinking,
        // `server_tool_use`, `redacted_thinking` and whatever the vendor adds: nobody else can read them, and
        // they go back unchanged.
        _ => PartKind::Vendor,
    };
    let is_answer = match kind {
        PartKind::Text => block.text.is_none(),
        PartKind::ToolUse(_) => block.name.is_none(),
        _ => false,
    };
    if is_answer {
        words(raw.get())?;
    }
    Ok((kind, block))
}

/// Fails if something else than texts stands where words of the answer are expected.
pub(crate) fn words(json: &str) -> Result<(), Failure> {
    serde_json::from_str::<Words>(json).map(drop).map_err(|error| malformed(&error))
}

fn malformed(error: &serde_json::Error) -> Failure {
    Failure::decode("a content block", error)
}

/// What a text rests on. Kinds of citations differ in what they name; all of it stays in the raw form.
pub(crate) fn citation(raw: &RawValue) -> Delta {
    // A citation stands beside the answer: one that cannot be read loses its fields and fails nothing.
    let named: wire::Citation = serde_json::from_str(raw.get()).unwrap_or_default();
    let citation = Citation::raw(raw.get())
        .with_url(named.url.or(named.source))
        .with_title(named.title.or(named.document_title))
        .with_quote(named.cited_text);
    Delta::Citation(Box::new(citation))
}

/// The arguments with which a call began, if there are any. Most streams begin with none and tell them piece by piece.
pub(crate) fn arguments(block: &Block<'_>) -> Option<String> {
    // `{}` is how the vendor opens a call whose arguments are to follow; it is no argument.
    let input = block.input.map(RawValue::get).filter(|input| !matches!(*input, "null" | "{}"));
    input.map(str::to_owned)
}

/// State that only `asked` may have back: the model that was asked, whichever served, because the next turn
/// is sent under the same name.
pub(crate) fn opaque(asked: &ModelId, data: String) -> Opaque {
    Opaque::new(ModelProvider::Anthropic, asked.clone(), data)
}
