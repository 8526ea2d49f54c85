//! What rows of the table have in common.

use super::reply::{CallIds, Thoughts, UsageShape};
use super::server::{ErrorForm, FieldWords, Fields, Model, Returned, Server, Template};

pub(super) const ROLES: &[&str] = &["system", "developer", "user", "assistant", "tool"];
// `developer` is OpenAI's role for instructions. Servers with a closed list of roles refuse it.
pub(super) const NO_DEVELOPER: &[&str] = &["system", "user", "assistant", "tool"];
/// Mistral takes these and no other.
pub(super) const MISTRAL_FIELDS: &[&str] = &[
    "frequency_penalty",
    "guardrails",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_mode",
    // Not `seed`: a client that sends OpenAI's word for it is refused.
    "random_seed",
    "reasoning_effort",
    "response_format",
    "safe_prompt",
    "stop",
    "stream",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
];

pub(super) const FORMATS: &[&str] = &["text", "json_object", "json_schema"];

pub(super) const fn model(id: &'static str, context: u64, thinks: bool) -> Model {
    Model { id, context, thinks }
}

impl Template {
    /// One that takes every order.
    pub const FREE: Self = Self { status: 400, alternate: None, empty: None, late_system: None, last: None };

    /// One that wants alternating turns.
    pub const STRICT: Self = Self {
        status: 500,
        alternate: Some(
            "Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/...",
        ),
        empty: Some(
            "Jinja Exception: Assistant message must have either content or tool calls, but not none.",
        ),
        late_system: Some("Jinja Exception: System message must be at the beginning."),
        last: None,
    };
}

impl Server {
    /// A hosted server without habits, which a row differs from.
    pub const PLAIN: Self = Self {
        id: "",
        name: "",
        base_path: "",
        roots: &["/v1"],
        models: &[],
        any_model: false,
        needs_key: true,
        request: Fields::Any,
        message: Fields::Any,
        field_words: FieldWords {
            status: 400,
            body: "property '{field}' is unsupported",
            message: "messages.{index}: property '{field}' is unsupported",
        },
        roles: ROLES,
        formats: FORMATS,
        formats_words: "This response_format type is unavailable now",
        call_id: None,
        template: Template::FREE,
        thoughts: Thoughts::Field("reasoning_content"),
        returned: Returned::AsYouLike,
        call_ids: CallIds::Random,
        usage: UsageShape::DETAILED,
        malformed_call: None,
        service_tier: None,
        whole_delta: false,
        done_after_error: false,
        error_form: ErrorForm::Nested,
        words: &[],
    };

    /// A server on the user's own machine, without a key: its one model answers for every name.
    pub const LOCAL: Self = Self {
        needs_key: false,
        any_model: true,
        models: &[model("qwen3", 32_768, true)],
        usage: UsageShape::TOTALS,
        ..Self::PLAIN
    };
}
