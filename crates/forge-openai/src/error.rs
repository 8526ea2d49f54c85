//! Errors in the vendor's words become kinds: by code, then by type, then by status, and only as a
//! last resort by text.

use std::{fmt::Write as _, sync::LazyLock};

use forge_core::ErrorKind;
use forge_http::{ErrorReply, Failure, Meanings, kind_of_status};

use crate::wire::error::ErrorBody;

/// What the vendors of the dialect say.
static TABLE: LazyLock<Meanings> =
    LazyLock::new(|| Meanings::from_json(include_str!("../errors.json")).unwrap_or_default());

/// Types that say no more than that something is wrong; the status says more.
const VAGUE: [&str; 2] = ["invalid_request_error", "BadRequestError"];

/// Reads an error in any shape that OpenAI and the servers of its dialect send, for
/// [`Dialect::classify`](forge_http::Dialect). `error` may be an object, a text or missing, a code a text, a
/// number or null. A body that is no JSON is judged by its status, with its text or title as the message.
pub fn classify(reply: &ErrorReply<'_>) -> Failure {
    match ErrorBody::read(reply.body) {
        Some(body) => failure(body, Some(reply.status)),
        None => Failure::from_status(reply),
    }
}

/// Reads an error inside a reply that began as a success; `None` if `body` is not an error in JSON. A code
/// that is a number stands for the status; without one, an error that nothing else tells apart is
/// [`ErrorKind::Server`].
pub fn inside(body: &str) -> Option<Failure> {
    ErrorBody::read(body.as_bytes()).map(|body| failure(body, None))
}

/// Reads the value of an `error` field.
pub(crate) fn from_field(error: &str) -> Failure {
    let whole = format!(r#"{{"error":{error}}}"#);
    inside(&whole).unwrap_or_else(Failure::nameless)
}

fn failure(body: ErrorBody, status: Option<u16>) -> Failure {
    // An HTTP status that is known goes before a number in the body, which some servers use for codes of
    // their own.
    let inner = if status.is_none() { body.status } else { None };
    let kind = kind(&body, status.or(inner));
    let mut message = if body.message.is_empty() { "the error has no text".into() } else { body.message };
    if let Some((prompt, fits)) = body.window {
        // llama.cpp says both numbers beside the text; whoever shortens a prompt needs them.
        let _ = write!(message, " ({prompt} tokens, {fits} fit)");
    }
    Failure { status: inner, code: body.code.or(body.r#type), ..Failure::new(kind, message) }
}

fn kind(body: &ErrorBody, status: Option<u16>) -> ErrorKind {
    let kind = by_code(body).unwrap_or_else(|| match status {
        Some(404) => not_found(body),
        Some(status) => kind_of_status(status),
        None if body.r#type.as_deref().is_some_and(|kind| VAGUE.contains(&kind)) => ErrorKind::InvalidRequest,
        // Inside a reply the text may say what the status would have said.
        None => match TABLE.told(ErrorKind::InvalidRequest, &body.message) {
            ErrorKind::InvalidRequest => ErrorKind::Server,
            told => told,
        },
    });
    // The text comes last and changes vague kinds alone: it is what vendors reword without notice.
    TABLE.told(kind, &body.message)
}

/// What the code, the type or the field at fault says. Money is told by the type, whatever the code is.
fn by_code(body: &ErrorBody) -> Option<ErrorKind> {
    let named = |word: &Option<String>| TABLE.named(word.as_deref()?);
    let by_type = named(&body.r#type);
    // A type of `insufficient_quota` comes with codes that are added from year to year; taken for a rate
    // limit, a spent account would be asked again and again.
    if by_type == Some(ErrorKind::QuotaExhausted) {
        return by_type;
    }
    named(&body.code).or(by_type).or_else(|| TABLE.at_fault(body.param.as_deref()?))
}

/// A 404 in the vendor's own format: an unknown model, a wrong address, or a reference to something
/// that is not stored.
fn not_found(body: &ErrorBody) -> ErrorKind {
    // The vendor says `model_not_found` with a status of 404 here and 400 there, at times with no code at
    // all.
    if body.param.as_deref() == Some("model") || body.message.contains("model") {
        ErrorKind::ModelNotFound
    } else if body.message.starts_with("Invalid URL") || body.code.is_none() && body.param.is_none() {
        // Nothing in it is about the request: the address is most likely wrong.
        ErrorKind::Decode
    } else {
        ErrorKind::InvalidRequest
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn classified(status: u16, body: &str) -> Failure {
        let reply = ErrorReply {
            status,
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
            now: chrono::DateTime::UNIX_EPOCH,
        };
        classify(&reply)
    }

    fn kind_of(status: u16, r#type: &str, code: &str) -> ErrorKind {
        let body = serde_json::json!({"error": {
            "message": "words", "type": r#type, "param": null,
            "code": if code.is_empty() { None } else { Some(code) },
        }});
        classified(status, &body.to_string()).kind
    }

    #[test]
    fn each_documented_error_has_its_kind() {
        let request = "invalid_request_error";
        for (status, r#type, code, kind) in [
            (400, request, "unsupported_parameter", ErrorKind::InvalidRequest),
            (400, request, "unsupported_value", ErrorKind::InvalidRequest),
            (400, request, "invalid_value", ErrorKind::InvalidRequest),
            (400, request, "decimal_above_max_value", ErrorKind::InvalidRequest),
            (400, request, "unknown_parameter", ErrorKind::InvalidRequest),
            (400, request, "previous_response_not_found", ErrorKind::InvalidRequest),
            (400, request, "", ErrorKind::InvalidRequest),
            (400, request, "invalid_encrypted_content", ErrorKind::StateRejected),
            (400, request, "context_length_exceeded", ErrorKind::ContextTooLong),
            (400, request, "model_not_found", ErrorKind::ModelNotFound),
            (404, request, "model_not_found", ErrorKind::ModelNotFound),
            (400, request, "content_policy_violation", ErrorKind::ContentFiltered),
            (400, request, "invalid_prompt", ErrorKind::ContentFiltered),
            (401, request, "invalid_api_key", ErrorKind::Authentication),
            (401, request, "", ErrorKind::Authentication),
            (403, "request_forbidden", "unsupported_country_region_territory", ErrorKind::Permission),
            (403, request, "", ErrorKind::Permission),
            (408, request, "", ErrorKind::Timeout),
            (409, request, "", ErrorKind::Server),
            (429, "requests", "rate_limit_exceeded", ErrorKind::RateLimited),
            (429, "tokens", "rate_limit_exceeded", ErrorKind::RateLimited),
            (429, "tokens", "", ErrorKind::RateLimited),
            (429, "BadRequestError", "", ErrorKind::RateLimited),
            (429, request, "slow_down", ErrorKind::Overloaded),
            (429, "insufficient_quota", "insufficient_quota", ErrorKind::QuotaExhausted),
            (429, "insufficient_quota", "", ErrorKind::QuotaExhausted),
            (429, "insufficient_quota", "rate_limit_exceeded", ErrorKind::QuotaExhausted),
            (429, request, "credit_balance_exhausted", ErrorKind::QuotaExhausted),
            (429, request, "organization_spend_limit_exceeded", ErrorKind::QuotaExhausted),
            (429, request, "project_spend_limit_exceeded", ErrorKind::QuotaExhausted),
            (429, request, "organization_usage_limit_exceeded", ErrorKind::QuotaExhausted),
            (500, "server_error", "", ErrorKind::Server),
            (500, "server_error", "server_error", ErrorKind::Server),
            (503, "service_unavailable_error", "server_is_overloaded", ErrorKind::Overloaded),
            (503, "server_error", "slow_down", ErrorKind::Overloaded),
            (503, "anything", "", ErrorKind::Overloaded),
        ] {
            assert_eq!(kind_of(status, r#type, code), kind, "{status} {type} {code}");
        }
    }

    #[test]
    fn the_vendors_words_are_kept() {
        let failure = classified(400, r#"{"error":{"message":"m","type":"t","param":"p","code":"c"}}"#);
        assert_eq!((failure.message.as_str(), failure.code.as_deref()), ("m", Some("c")));
        let without_code = classified(500, r#"{"error":{"message":"m","type":"server_error","code":null}}"#);
        assert_eq!(without_code.code.as_deref(), Some("server_error"));
        assert_eq!(classified(502, "<html><title>Bad Gateway</title></html>").kind, ErrorKind::Server);
    }

    #[test]
    fn a_404_is_told_apart() {
        let kind = |body: &str| classified(404, body).kind;
        assert_eq!(kind(r#"{"error":{"message":"Invalid URL (POST /x)","code":null}}"#), ErrorKind::Decode);
        assert_eq!(kind(r#"{"detail":"Not Found"}"#), ErrorKind::Decode);
        assert_eq!(
            kind(r#"{"error":{"message":"Item 'rs_1' not found.","param":"input","code":null}}"#),
            ErrorKind::InvalidRequest
        );
        assert_eq!(kind(r#"{"error":{"message":"model 'x' not found"}}"#), ErrorKind::ModelNotFound);
        assert_eq!(kind("nginx"), ErrorKind::Decode);
    }

    #[test]
    fn an_error_inside_a_reply_has_its_own_status() {
        let failure = inside(r#"{"error":{"code":400,"message":"bad","type":"invalid_request_error"}}"#);
        let failure = failure.unwrap();
        assert_eq!((failure.kind, failure.status), (ErrorKind::InvalidRequest, Some(400)));
        let vague = from_field(r#"{"message":"m","type":"invalid_request_error"}"#);
        assert_eq!(vague.kind, ErrorKind::InvalidRequest);
        let bare = from_field(r#""something broke""#);
        assert_eq!((bare.kind, bare.message.as_str()), (ErrorKind::Server, "something broke"));
        let long = r#"{"message":"This model's maximum context length is 4096 tokens","code":400}"#;
        assert_eq!(from_field(long).kind, ErrorKind::ContextTooLong);
    }

    #[test]
    fn every_row_says_where_it_comes_from() {
        let table = Meanings::from_json(include_str!("../errors.json")).unwrap();
        assert_eq!(table.fault(), None);
    }

    #[test]
    fn texts_of_the_field_have_their_kinds_and_their_neighbours_keep_theirs() {
        use ErrorKind::{
            Authentication, ContentFiltered, ContextTooLong, Decode, InvalidRequest, Malformed,
            ModelNotFound, Overloaded, Permission, QuotaExhausted, RateLimited, Server, StateRejected,
        };
        let text = |message: &str| serde_json::json!({"error": {"message": message}}).to_string();
        let typed = |message: &str, r#type: &str, code: &str| {
            serde_json::json!({"error": {"message": message, "type": r#type, "code": code}}).to_string()
        };
        let flat =
            |code: &str, message: &str| serde_json::json!({"code": code, "error": message}).to_string();
        let vllm = |message: &str, param: &str| {
            serde_json::json!({"error": {"message": message, "type": "BadRequestError", "param": param, "code": 400}})
                .to_string()
        };
        for (status, body, kind) in [
            // No money.
            (400, text("Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."), QuotaExhausted),
            (400, text("You have reached your specified API usage limits. You will regain access on 2026-12-01."), QuotaExhausted),
            (429, typed("Your account is suspended, please check your plan and billing details", "exceeded_current_quota_error", ""), QuotaExhausted),
            (429, typed("Insufficient balance or no resource package. Please recharge.", "", "1113"), QuotaExhausted),
            (402, typed("Insufficient Balance", "unknown_error", "invalid_request_error"), QuotaExhausted),
            (400, typed("Insufficient Balance", "unknown_error", "invalid_request_error"), QuotaExhausted),
            (403, flat("The caller does not have permission", "Your team has either used all available credits or reached its monthly spending limit."), QuotaExhausted),
            (403, flat("The caller does not have permission", "Your newly created team doesn't have any credits yet."), QuotaExhausted),
            (402, text("This request requires more credits, or fewer max_tokens."), QuotaExhausted),
            (400, typed("Access denied, please make sure your account is in good standing.", "Arrearage", "Arrearage"), QuotaExhausted),
            (429, text("Rate limit reached for requests"), RateLimited),
            (429, typed("Your account reached max RPM: 3, please try again after 1 seconds", "rate_limit_reached_error", ""), RateLimited),
            (429, text("Balance your load: too many requests"), RateLimited),
            (429, typed("The engine is currently overloaded, please try again later", "engine_overloaded_error", ""), Overloaded),
            (403, text("You are not allowed to sample from this model"), Permission),
            // Too long.
            (400, vllm("You passed 16385 input tokens and requested 0 output tokens. However, the model's context length is only 16384 tokens.", "input_tokens"), ContextTooLong),
            (400, vllm("The prompt was refused", "input_tokens"), ContextTooLong),
            (400, vllm("max_tokens must be at least 1", "max_tokens"), InvalidRequest),
            (400, flat("Client specified an invalid argument", "This model's maximum prompt length is 131072 but the request contains 537812 tokens."), ContextTooLong),
            (400, typed("Invalid request: Your request exceeded model token limit: 262144 (requested: 291351)", "invalid_request_error", ""), ContextTooLong),
            (400, text("invalid params, context window exceeds limit (2013)"), ContextTooLong),
            (400, text("prompt token count of 5000 exceeds the limit of 4096"), ContextTooLong),
            (400, text("<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30000]"), ContextTooLong),
            (400, r#"{"error":"the input length exceeds the context length"}"#.to_owned(), ContextTooLong),
            (500, r#"{"error":"the input length exceeds the context length"}"#.to_owned(), ContextTooLong),
            (413, typed("Request exceeds the maximum size", "request_too_large", ""), ContextTooLong),
            (400, text("Trying to keep the first 8114 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens"), ContextTooLong),
            (400, text("This model's maximum context length is 4096 tokens."), ContextTooLong),
            (400, text("Prompt contains 40000 tokens, too large for model with 32768 maximum context length"), ContextTooLong),
            (400, text("prompt is too long: 210000 tokens > 200000 maximum"), ContextTooLong),
            (400, text("The input token count (1100000) exceeds the maximum number of tokens allowed (1048576)."), ContextTooLong),
            (400, text("`inputs` tokens + `max_new_tokens` must be <= 8193."), ContextTooLong),
            (400, text("image exceeds the limit of 20 MB"), InvalidRequest),
            (400, text("max_tokens is too large: 100000. This model supports at most 16384 completion tokens"), InvalidRequest),
            (400, text("the name of a tool is too long"), InvalidRequest),
            // The key.
            (400, flat("Client specified an invalid argument", "Incorrect API key provided: na***ys. You can obtain an API key from https://console.x.ai."), Authentication),
            (400, text("API key not valid. Please pass a valid API key."), Authentication),
            (400, text("the field `api key` is not known"), InvalidRequest),
            // The model.
            (404, flat("Some requested entity was not found", "The model grok-beta does not exist or your team 1 does not have access to it."), ModelNotFound),
            (400, flat("Client specified an invalid argument", "The model grok-9 does not exist"), ModelNotFound),
            (400, r#"{"object":"error","message":"Invalid model: nobody","type":"invalid_model","param":null,"code":"1500"}"#.to_owned(), ModelNotFound),
            (400, r#"{"error":{"message":"a/b is not a valid model ID","code":400},"user_id":"u"}"#.to_owned(), ModelNotFound),
            (404, r#"{"error":{"message":"No endpoints found for a/b:free.","code":404}}"#.to_owned(), ModelNotFound),
            (400, typed("Model Not Exist", "invalid_request_error", "invalid_request_error"), ModelNotFound),
            (400, typed("Unknown Model, please check the model code.", "", "1211"), ModelNotFound),
            (404, typed("The API deployment for this resource does not exist.", "", "DeploymentNotFound"), ModelNotFound),
            (400, typed("The model `x` has been decommissioned", "invalid_request_error", "model_decommissioned"), ModelNotFound),
            (404, text("no such address"), Decode),
            (400, text("this tool does not exist"), InvalidRequest),
            // The model wrote a bad call.
            (400, typed("Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details.", "invalid_request_error", "tool_use_failed"), Malformed),
            (400, text("Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details."), Server),
            (400, text("tool call validation failed: parameters for tool f did not match schema"), Server),
            (400, text("tools[0].function.name: invalid"), InvalidRequest),
            // The template refuses the conversation, at every try.
            (500, typed("Jinja Exception: After the optional system message, conversation roles must alternate user and assistant roles.", "server_error", ""), InvalidRequest),
            (500, text("Conversation roles must alternate user/assistant/user/assistant/..."), InvalidRequest),
            (500, typed("tools param requires --jinja flag", "server_error", ""), InvalidRequest),
            (500, typed("slot unavailable", "server_error", ""), Server),
            // Filters and state.
            (403, text("Content violates usage guidelines. Failed check: SAFETY"), ContentFiltered),
            (400, text("Content Exists Risk"), ContentFiltered),
            (400, typed("Input data may contain inappropriate content.", "data_inspection_failed", "data_inspection_failed"), ContentFiltered),
            (400, text("Item 'rs_1' of type 'reasoning' was provided without its required following item."), StateRejected),
            (400, text("Item 'fc_1' of type 'function_call' was provided without its required 'reasoning' item: 'rs_1'."), StateRejected),
            // Google's compatible endpoint wraps errors in a list.
            (400, r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]"#.to_owned(), Authentication),
        ] {
            assert_eq!(classified(status, &body).kind, kind, "{status} {body}");
        }
        let in_stream = from_field(
            r#"{"message":"Failed to call a function.","type":"invalid_request_error","code":"tool_use_failed"}"#,
        );
        assert_eq!(in_stream.kind, Malformed);
        assert_eq!(from_field(r#"{"message":"Insufficient Balance"}"#).kind, QuotaExhausted);
        let minimax =
            r#"{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"},"choices":null}"#;
        assert_eq!(inside(minimax).unwrap().kind, QuotaExhausted);
    }
}
