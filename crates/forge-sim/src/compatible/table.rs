//! The servers of the Chat dialect. A row says in what a server differs from [`Server::PLAIN`].

use super::base::{MISTRAL_FIELDS, NO_DEVELOPER, model};
use super::reply::{CallIds, Thoughts, UsageShape};
use super::server::{CallIdRule, ErrorForm, FieldWords, Fields, Returned, Server, Template};
use super::{words as texts, words_others as others};

pub(crate) const SERVERS: [Server; 17] = [
    Server {
        id: "deepseek",
        name: "DeepSeek",
        base_path: "/deepseek/v1",
        roots: &["/v1", ""],
        models: &[
            model("deepseek-v4-pro", 1_000_000, true),
            model("deepseek-v4-flash", 1_000_000, true),
            model("deepseek-reasoner", 131_072, true),
            model("deepseek-chat", 131_072, false),
        ],
        roles: NO_DEVELOPER,
        // DeepSeek has a JSON mode and no structured output, so that a schema has to go into the prompt.
        formats: &["text", "json_object"],
        // A client that drops the thoughts of a turn with calls breaks its loop of tools here.
        returned: Returned::WithCalls {
            field: "reasoning_content",
            text: "The `reasoning_content` in the thinking mode must be passed back to the API.",
        },
        usage: UsageShape {
            // Hits and misses sum to `prompt_tokens`: a client that adds them to the total counts twice.
            cached: &["prompt_cache_hit_tokens"],
            fresh: &["prompt_cache_miss_tokens"],
            unasked: true,
            ..UsageShape::DETAILED
        },
        words: texts::DEEPSEEK,
        ..Server::PLAIN
    },
    Server {
        id: "mistral",
        name: "Mistral",
        base_path: "/mistral/v1",
        models: &[
            model("mistral-large-latest", 262_144, false),
            model("magistral-medium-latest", 131_072, true),
            model("devstral-latest", 262_144, false),
        ],
        // Mistral takes no field that it does not know, so that an extra of another vendor is a 422.
        request: Fields::Only(MISTRAL_FIELDS),
        message: Fields::Without(&[
            "reasoning_content",
            "reasoning",
            "reasoning_details",
            "refusal",
            "annotations",
        ]),
        field_words: FieldWords {
            status: 422,
            body: "Extra inputs are not permitted",
            message: "Extra inputs are not permitted",
        },
        roles: NO_DEVELOPER,
        call_id: Some(CallIdRule {
            length: 9,
            text: "Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9.",
        }),
        template: Template {
            empty: Some("Assistant message must have either content or tool_calls, but not none."),
            last: Some(
                "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
            ),
            ..Template::FREE
        },
        thoughts: Thoughts::Chunks,
        call_ids: CallIds::Nine,
        usage: UsageShape { cached: &["num_cached_tokens"], unasked: true, ..UsageShape::TOTALS },
        error_form: ErrorForm::Object,
        words: texts::MISTRAL,
        ..Server::PLAIN
    },
    Server {
        id: "groq",
        name: "Groq",
        base_path: "/groq/v1",
        roots: &["/v1", "/openai/v1"],
        models: &[
            model("openai/gpt-oss-120b", 131_072, true),
            model("llama-3.3-70b-versatile", 131_072, false),
        ],
        // Groq names its thoughts `reasoning`, and takes them back under no other name.
        message: Fields::Without(&["reasoning_content", "reasoning_details"]),
        field_words: FieldWords {
            message: "'messages.{index}' : for 'role:assistant' the following must be satisfied\
                      [('messages.{index}' : property '{field}' is unsupported)]",
            ..Server::PLAIN.field_words
        },
        thoughts: Thoughts::Field("reasoning"),
        service_tier: Some("on_demand"),
        // The mistake is the model's, and the status is that of a bad request nonetheless.
        malformed_call: Some((
            "tool_use_failed",
            "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details.",
        )),
        words: texts::GROQ,
        ..Server::PLAIN
    },
    Server {
        id: "xai",
        name: "xAI",
        base_path: "/xai/v1",
        models: &[model("grok-4.5", 262_144, true), model("grok-4.5-fast", 2_000_000, false)],
        // Ids repeat from reply to reply: a client that keys the calls of a conversation by id mixes them up.
        call_ids: CallIds::Counted,
        // Only the total and the details have the thoughts: `completion_tokens` alone is too small a bill.
        usage: UsageShape { reasoning_apart: true, ..UsageShape::DETAILED },
        error_form: ErrorForm::CodeAndText,
        words: texts::XAI,
        ..Server::PLAIN
    },
    Server {
        id: "openrouter",
        name: "OpenRouter",
        base_path: "/openrouter/v1",
        roots: &["/v1", "/api/v1"],
        models: &[
            model("anthropic/claude-sonnet-5.5", 1_000_000, true),
            model("deepseek/deepseek-v4-pro", 131_072, true),
            model("mistralai/mistral-large", 131_072, false),
        ],
        thoughts: Thoughts::Details,
        error_form: ErrorForm::NestedStatus,
        words: texts::OPENROUTER,
        ..Server::PLAIN
    },
    Server {
        id: "moonshot",
        name: "Moonshot",
        base_path: "/moonshot/v1",
        models: &[model("kimi-k3", 262_144, true), model("kimi-k2.5", 262_144, true)],
        template: Template {
            empty: Some(
                "Invalid request: the message at position {index} with role 'assistant' must not be empty",
            ),
            ..Template::FREE
        },
        returned: Returned::WithCalls {
            field: "reasoning_content",
            text: "thinking is enabled but reasoning_content is missing in assistant tool call message at \
                   index {index}",
        },
        call_ids: CallIds::Named,
        // Usage lies inside the last choice, where a reader of the envelope finds none.
        usage: UsageShape {
            cached: &["cached_tokens"],
            in_choice: true,
            unasked: true,
            ..UsageShape::TOTALS
        },
        words: texts::MOONSHOT,
        ..Server::PLAIN
    },
    Server {
        id: "cerebras",
        name: "Cerebras",
        base_path: "/cerebras/v1",
        models: &[model("gpt-oss-120b", 131_072, true), model("zai-glm-4.7", 131_072, true)],
        // A client that sends `store: false` to everybody is refused here.
        request: Fields::Without(&["store", "thinking", "metadata", "logit_bias", "prompt_cache_key"]),
        message: Fields::Without(&["reasoning_content", "reasoning_details"]),
        field_words: FieldWords {
            body: "body.{field}: property 'body.{field}' is unsupported",
            message: "messages.{index}.assistant.{field}: property \
                      'messages.{index}.assistant.{field}' is unsupported",
            ..Server::PLAIN.field_words
        },
        thoughts: Thoughts::Field("reasoning"),
        error_form: ErrorForm::Flat,
        words: texts::CEREBRAS,
        ..Server::PLAIN
    },
    Server {
        id: "perplexity",
        name: "Perplexity",
        base_path: "/perplexity/v1",
        roots: &["/v1", ""],
        models: &[model("sonar-reasoning-pro", 131_072, true), model("sonar-pro", 200_000, false)],
        roles: NO_DEVELOPER,
        formats: &["text", "json_schema"],
        formats_words: "Invalid response_format: type must be 'text' or 'json_schema'",
        template: Template {
            alternate: Some(
                "After the (optional) system message(s), user or tool message(s) should alternate with \
                 assistant message(s).",
            ),
            last: Some("Last message must have role `user`."),
            ..Template::FREE
        },
        // No field tells thoughts from answer: the client has to take them out of the text.
        thoughts: Thoughts::Tags,
        usage: UsageShape { unasked: true, ..UsageShape::TOTALS },
        // Whoever looks at the `delta` first reads an empty answer.
        whole_delta: true,
        error_form: ErrorForm::NestedStatus,
        words: others::PERPLEXITY,
        ..Server::PLAIN
    },
    Server {
        id: "together",
        name: "Together",
        base_path: "/together/v1",
        models: &[
            model("deepseek-ai/DeepSeek-V4", 131_072, true),
            model("meta-llama/Llama-3.3-70B-Instruct-Turbo", 131_072, false),
        ],
        thoughts: Thoughts::Field("reasoning"),
        usage: UsageShape { cached: &["cached_tokens"], ..UsageShape::TOTALS },
        words: others::TOGETHER,
        ..Server::PLAIN
    },
    Server {
        id: "zai",
        name: "Z.ai",
        base_path: "/zai/v1",
        roots: &["/v1", "/api/paas/v4"],
        models: &[model("glm-5.2", 202_752, true), model("glm-5.2-air", 131_072, false)],
        roles: NO_DEVELOPER,
        formats: &["text", "json_object"],
        usage: UsageShape { unasked: true, ..UsageShape::DETAILED },
        // The code tells spent credit from a limit: the status is 429 for both.
        error_form: ErrorForm::NestedCode,
        words: others::ZAI,
        ..Server::PLAIN
    },
    Server {
        id: "minimax",
        name: "MiniMax",
        base_path: "/minimax/v1",
        models: &[model("MiniMax-M3", 204_800, true)],
        thoughts: Thoughts::Tags,
        words: others::MINIMAX,
        ..Server::PLAIN
    },
    Server {
        id: "dashscope",
        name: "Alibaba",
        base_path: "/dashscope/v1",
        roots: &["/v1", "/compatible-mode/v1"],
        models: &[model("qwen3.5-plus", 262_144, true), model("qwen3-max", 262_144, false)],
        words: others::DASHSCOPE,
        ..Server::PLAIN
    },
    Server {
        id: "copilot",
        name: "Copilot",
        base_path: "/copilot/v1",
        models: &[model("gpt-5-mini", 128_000, false)],
        words: others::COPILOT,
        ..Server::PLAIN
    },
    Server {
        id: "google-compatible",
        name: "Gemini's compatible face",
        base_path: "/google-compatible/v1",
        models: &[model("gemini-3.8-flash", 1_048_576, true)],
        // The face refuses fields of OpenAI that Gemini has nothing for.
        request: Fields::Without(&[
            "store",
            "prompt_cache_key",
            "metadata",
            "logit_bias",
            "safety_identifier",
        ]),
        field_words: FieldWords {
            body: "Invalid JSON payload received. Unknown name \"{field}\": Cannot find field.",
            ..Server::PLAIN.field_words
        },
        thoughts: Thoughts::Hidden,
        // The thinking shows in nothing but the total.
        usage: UsageShape { reasoning_apart: true, ..UsageShape::TOTALS },
        error_form: ErrorForm::Array,
        words: others::GOOGLE,
        ..Server::PLAIN
    },
    Server {
        id: "sglang",
        name: "SGLang",
        base_path: "/sglang",
        error_form: ErrorForm::Object,
        words: others::SGLANG,
        ..Server::LOCAL
    },
    Server {
        id: "strict-template",
        name: "llama.cpp with a strict template",
        base_path: "/strict-template",
        roles: NO_DEVELOPER,
        template: Template::STRICT,
        error_form: ErrorForm::NestedStatus,
        words: others::LLAMA,
        ..Server::LOCAL
    },
    Server {
        id: "strict-template-vllm",
        name: "vLLM with a strict template",
        base_path: "/strict-template-vllm",
        roles: NO_DEVELOPER,
        template: Template {
            status: 400,
            alternate: Some(
                "After the optional system message, conversation roles must alternate \
                 user/assistant/user/assistant/...",
            ),
            empty: Some("Assistant message must have either content or tool_calls, but not none."),
            late_system: Some("System message must be at the beginning."),
            last: None,
        },
        thoughts: Thoughts::Field("reasoning"),
        done_after_error: true,
        error_form: ErrorForm::NestedStatus,
        words: others::VLLM,
        ..Server::LOCAL
    },
];
