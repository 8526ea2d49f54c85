//! How each server says no, as public reports of 2025 and 2026 give it.

use super::server::{Words, words};
use crate::error_kind::ErrorKind::{
    Authentication, Billing, ContextLength, InvalidRequest, ModelNotFound, Overloaded, QuotaExhausted,
    RateLimited, Server, TokensLimited,
};

pub(super) const INVALID: &str = "invalid_request_error";

/// For kinds that a server has no words of its own for.
pub(crate) const USUAL: &[Words] = &[
    words(InvalidRequest, 400, INVALID, "", "Invalid request"),
    words(ContextLength, 400, INVALID, "context_length_exceeded", "The prompt is too long for this model."),
    words(Authentication, 401, INVALID, "invalid_api_key", "Invalid API key"),
    words(Billing, 402, INVALID, "", "Payment required"),
    words(ModelNotFound, 404, INVALID, "model_not_found", "The model `{model}` does not exist"),
    words(RateLimited, 429, "rate_limit_error", "rate_limit_exceeded", "Rate limit reached"),
    words(TokensLimited, 429, "rate_limit_error", "rate_limit_exceeded", "Token rate limit reached"),
    words(QuotaExhausted, 429, "insufficient_quota", "insufficient_quota", "Your quota is used up"),
    words(Server, 500, "server_error", "internal_error", "Internal server error"),
    words(Overloaded, 503, "service_unavailable", "", "The service is overloaded. Please try again later."),
];

pub(super) const DEEPSEEK: &[Words] = &[
    words(InvalidRequest, 400, INVALID, INVALID, "Invalid request"),
    words(
        ContextLength,
        400,
        INVALID,
        INVALID,
        "This model's maximum context length is {window} tokens. However, you requested {tokens} tokens \
         ({tokens} in the messages, 0 in the completion). Please reduce the length of the messages or \
         completion.",
    ),
    words(
        Authentication,
        401,
        "authentication_error",
        INVALID,
        "Authentication Fails, Your api key is invalid",
    ),
    // DeepSeek is prepaid, so that a spent quota is a spent balance.
    words(Billing, 402, "unknown_error", INVALID, "Insufficient Balance"),
    words(QuotaExhausted, 402, "unknown_error", INVALID, "Insufficient Balance"),
    // No 404: type and code are those of any bad request, and only the text tells.
    words(ModelNotFound, 400, INVALID, INVALID, "Model Not Exist"),
    words(
        Overloaded,
        503,
        "service_unavailable_error",
        INVALID,
        "Service is too busy. Please try again later.",
    ),
];

pub(super) const MISTRAL: &[Words] = &[
    words(InvalidRequest, 400, "invalid_request_message_error", "3230", "Invalid request"),
    words(
        ContextLength,
        400,
        "invalid_request_prompt",
        "3051",
        "Prompt contains {tokens} tokens and 0 draft tokens, too large for model with {window} maximum \
         context length",
    ),
    words(Authentication, 401, "invalid_request_error", "1600", "Unauthorized"),
    words(ModelNotFound, 400, "invalid_model", "1500", "Invalid model: {model}"),
    words(RateLimited, 429, "rate_limited", "1300", "Requests rate limit exceeded"),
    // A 429 that is no limit of the client's: the model is full for everybody.
    words(
        Overloaded,
        429,
        "service_tier_capacity_exceeded",
        "3505",
        "Service tier capacity exceeded for this model.",
    ),
    words(QuotaExhausted, 402, "payment_required", "1400", "Monthly spending limit reached"),
];

pub(super) const GROQ: &[Words] = &[
    words(
        ContextLength,
        400,
        INVALID,
        "context_length_exceeded",
        "Please reduce the length of the messages or completion.",
    ),
    words(Authentication, 401, INVALID, "invalid_api_key", "Invalid API Key"),
    words(
        ModelNotFound,
        404,
        INVALID,
        "model_not_found",
        "The model `{model}` does not exist or you do not have access to it.",
    ),
    // This 413 speaks of tokens a minute and not of the size of a body.
    words(
        TokensLimited,
        413,
        "tokens",
        "rate_limit_exceeded",
        "Request too large for model `{model}` in organization `org_simulated` service tier `on_demand` on \
         tokens per minute (TPM): Limit 8000, Requested 9000, please reduce your message size and try again.",
    ),
];

pub(super) const XAI: &[Words] = &[
    words(InvalidRequest, 400, "", "Client specified an invalid argument", "Invalid request"),
    words(
        ContextLength,
        400,
        "",
        "Client specified an invalid argument",
        "This model's maximum prompt length is {window} but the request contains {tokens} tokens.",
    ),
    // A bad key has status and code of any bad argument, and only the text tells.
    words(
        Authentication,
        400,
        "",
        "Client specified an invalid argument",
        "Incorrect API key provided. You can obtain an API key from https://console.x.ai.",
    ),
    words(
        Billing,
        403,
        "",
        "The caller does not have permission to execute the specified operation",
        "Your newly created team doesn't have any credits or licenses yet.",
    ),
    // Spent credit and a rate limit share status and code; the texts differ.
    words(
        QuotaExhausted,
        429,
        "",
        "Some resource has been exhausted",
        "Your team has either used all available credits or reached its monthly spending limit.",
    ),
    words(
        ModelNotFound,
        404,
        "",
        "Some requested entity was not found",
        "The model {model} does not exist or your team does not have access to it.",
    ),
    words(RateLimited, 429, "", "Some resource has been exhausted", "Too many requests for team simulated."),
];

pub(super) const OPENROUTER: &[Words] = &[
    words(
        ContextLength,
        400,
        "",
        "",
        "This endpoint's maximum context length is {window} tokens. However, you requested about {tokens} \
         tokens. Please reduce the length of either one, or use the context-compression plugin.",
    ),
    words(Authentication, 401, "", "", "No auth credentials found"),
    words(
        Billing,
        402,
        "",
        "",
        "Insufficient credits. Add more using https://openrouter.ai/settings/credits",
    ),
    // A key may have a limit of its own, below the credit of its account.
    words(
        QuotaExhausted,
        403,
        "",
        "",
        "Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys",
    ),
    words(ModelNotFound, 400, "", "", "{model} is not a valid model ID"),
    // OpenRouter passes on the failure of whoever serves the model.
    words(Server, 502, "", "", "Provider returned error"),
];

pub(super) const MOONSHOT: &[Words] = &[
    words(
        ContextLength,
        400,
        INVALID,
        "",
        "Invalid request: Your request exceeded model token limit: {window} (requested: {tokens})",
    ),
    words(Authentication, 401, "invalid_authentication_error", "", "Invalid Authentication"),
    // Spent quota, rate limit and overload share the 429; the type tells them apart.
    words(
        QuotaExhausted,
        429,
        "exceeded_current_quota_error",
        "",
        "You exceeded your current token quota, please check your account balance",
    ),
    words(
        Billing,
        429,
        "exceeded_current_quota_error",
        "",
        "Your account is suspended, please check your plan and billing details",
    ),
    words(
        ModelNotFound,
        404,
        "resource_not_found_error",
        "",
        "Not found the model {model} or Permission denied",
    ),
    words(RateLimited, 429, "rate_limit_reached_error", "", "Your account reached max request limit"),
    words(
        Overloaded,
        429,
        "engine_overloaded_error",
        "",
        "The engine is currently overloaded, please try again later",
    ),
];

pub(super) const CEREBRAS: &[Words] = &[
    words(InvalidRequest, 400, INVALID, "wrong_api_format", "Invalid request").about("validation_error"),
    words(
        ContextLength,
        400,
        INVALID,
        "context_length_exceeded",
        "Please reduce the length of the messages or completion. Current length is {tokens} while limit is \
         {window}",
    )
    .about("messages"),
    words(Authentication, 401, INVALID, "wrong_api_key", "Wrong API Key").about("api_key"),
    words(
        ModelNotFound,
        404,
        "not_found_error",
        "model_not_found",
        "Model {model} does not exist or you do not have access to it.",
    )
    .about("model"),
    words(
        TokensLimited,
        429,
        "too_many_tokens_error",
        "token_quota_exceeded",
        "Tokens per minute limit exceeded - too many tokens processed.",
    )
    .about("quota"),
    words(
        Overloaded,
        429,
        "too_many_requests_error",
        "queue_exceeded",
        "We're experiencing high traffic right now! Please try again soon.",
    )
    .about("queue"),
];
