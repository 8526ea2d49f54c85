//! How smaller hosts, the compatible face of Gemini and servers on the user's own machine say no.

use super::server::{Words, words};
use super::words::INVALID;
use crate::error_kind::ErrorKind::{
    Authentication, Billing, ContextLength, InvalidRequest, ModelNotFound, Overloaded, QuotaExhausted,
    RateLimited, Server,
};

pub(super) const PERPLEXITY: &[Words] = &[
    words(InvalidRequest, 400, "invalid_message", "", "Invalid request"),
    words(
        ModelNotFound,
        400,
        "invalid_model",
        "",
        "Invalid model '{model}'. Permitted models can be found in the documentation.",
    ),
    words(Authentication, 401, "unauthorized", "", "Authorization Required"),
    // Spent credit has the status of a bad key; the type tells them apart.
    words(QuotaExhausted, 401, "insufficient_quota", "", "You exceeded your current quota."),
];

pub(super) const TOGETHER: &[Words] = &[
    words(
        ContextLength,
        422,
        INVALID,
        "",
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= {window}. Given: {tokens} \
         `inputs` tokens and 0 `max_new_tokens`",
    ),
    words(Authentication, 401, INVALID, "invalid_api_key", "Invalid API key provided."),
    words(
        Billing,
        402,
        "credit_limit",
        "",
        "Credit limit exceeded, please navigate to your billing settings to add credit.",
    ),
    words(
        ModelNotFound,
        404,
        INVALID,
        "model_not_available",
        "Unable to access model {model}. Please visit the list of supported models.",
    ),
];

pub(super) const ZAI: &[Words] = &[
    words(
        InvalidRequest,
        400,
        "",
        "1210",
        "API call parameters are incorrect, please check the documentation",
    ),
    words(ContextLength, 400, "", "1261", "Prompt exceeds max length"),
    words(Authentication, 401, "", "1000", "Authentication Failed"),
    words(QuotaExhausted, 429, "", "1113", "Insufficient balance or no resource package. Please recharge."),
    words(Billing, 429, "", "1113", "Insufficient balance or no resource package. Please recharge."),
    words(ModelNotFound, 400, "", "1211", "Unknown Model, please check the model code."),
    words(RateLimited, 429, "", "1302", "High concurrency usage of this API, please reduce concurrency"),
    words(Overloaded, 429, "", "1305", "The model is currently experiencing high traffic"),
    words(Server, 500, "", "1234", "Network error, please contact customer service"),
];

pub(super) const MINIMAX: &[Words] = &[
    words(InvalidRequest, 400, "bad_request_error", "", "invalid params"),
    words(ContextLength, 400, "bad_request_error", "", "invalid params, context window exceeds limit (2013)"),
    words(Authentication, 401, "authorized_error", "", "login fail: the API secret key is missing or wrong"),
    words(QuotaExhausted, 402, "insufficient_balance_error", "", "insufficient balance (1008)"),
    words(ModelNotFound, 400, "bad_request_error", "", "invalid params, unknown model '{model}' (2013)"),
    words(RateLimited, 429, "rate_limit_error", "", "rate limit exceeded(RPM) (1002)"),
];

pub(super) const DASHSCOPE: &[Words] = &[
    words(
        ContextLength,
        400,
        INVALID,
        "invalid_parameter_error",
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, {window}]",
    ),
    // An account in arrears is a 400, although the request is a good one.
    words(Billing, 400, "Arrearage", "Arrearage", "Access denied, the account is not in good standing."),
    words(
        QuotaExhausted,
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    words(ModelNotFound, 404, INVALID, "model_not_found", "The model `{model}` does not exist"),
];

pub(super) const COPILOT: &[Words] = &[
    words(
        ContextLength,
        400,
        "",
        "model_max_prompt_tokens_exceeded",
        "prompt token count of {tokens} exceeds the limit of {window}",
    ),
    words(ModelNotFound, 400, "", "model_not_supported", "The requested model is not supported."),
    words(QuotaExhausted, 402, "", "quota_exceeded", "You have exceeded your monthly quota."),
];

pub(super) const GOOGLE: &[Words] = &[
    words(InvalidRequest, 400, "", "INVALID_ARGUMENT", "Request contains an invalid argument."),
    words(
        ContextLength,
        400,
        "",
        "INVALID_ARGUMENT",
        "The input token count ({tokens}) exceeds the maximum number of tokens allowed ({window}).",
    ),
    // As in Gemini's own API a bad key has the status of a bad field. Here no detail tells the two apart.
    words(Authentication, 400, "", "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    words(
        ModelNotFound,
        404,
        "",
        "NOT_FOUND",
        "models/{model} is not found for API version v1main, or is not supported for generateContent.",
    ),
    words(QuotaExhausted, 429, "", "RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    words(RateLimited, 429, "", "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    words(Overloaded, 503, "", "UNAVAILABLE", "The model is overloaded. Please try again later."),
];

pub(super) const SGLANG: &[Words] = &[
    words(InvalidRequest, 400, "BadRequest", "400", "Invalid request"),
    words(
        ContextLength,
        400,
        "BadRequestError",
        "400",
        "The input ({tokens} tokens) is longer than the model's context length ({window} tokens).",
    ),
    words(Server, 500, "InternalServerError", "500", "Internal server error"),
];

pub(super) const LLAMA: &[Words] = &[
    words(
        ContextLength,
        400,
        "exceed_context_size_error",
        "",
        "request ({tokens} tokens) exceeds the available context size ({window} tokens), try increasing it",
    ),
    words(Server, 500, "server_error", "", "internal server error"),
];

pub(super) const VLLM: &[Words] = &[
    words(InvalidRequest, 400, "BadRequestError", "", "Invalid request"),
    words(
        ContextLength,
        400,
        "BadRequestError",
        "",
        "You passed {tokens} input tokens and requested 0 output tokens. However, the model's context length \
         is only {window} tokens, resulting in a maximum input length of {window} tokens. Please reduce the \
         length of the input prompt.",
    )
    .about("input_tokens"),
    words(Server, 500, "InternalServerError", "", "Internal server error"),
];
