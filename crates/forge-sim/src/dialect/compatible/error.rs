use serde_json::{Value, json};

use crate::answer::{Answer, Payload};
use crate::api_error::ApiError;
use crate::compatible::{ErrorForm, Server, USUAL, Words};
use crate::error_kind::ErrorKind;
use crate::scenario::ErrorStyle;

/// The row of the server for a kind of refusal, or of a kind that is near.
fn words_of(server: &Server, kind: ErrorKind) -> Words {
    let near = match kind {
        ErrorKind::Permission => ErrorKind::Authentication,
        ErrorKind::DayQuota => ErrorKind::RateLimited,
        ErrorKind::NotFound => ErrorKind::ModelNotFound,
        ErrorKind::TooLarge | ErrorKind::Conflict => ErrorKind::InvalidRequest,
        ErrorKind::Loading => ErrorKind::Overloaded,
        ErrorKind::Timeout | ErrorKind::BadGateway => ErrorKind::Server,
        other => other,
    };
    let find = |table: &[Words], kind| table.iter().find(|words| words.kind == kind).copied();
    // A server without words for prepaid credit speaks of its quota, and the other way round.
    let cousin = match near {
        ErrorKind::Billing => ErrorKind::QuotaExhausted,
        ErrorKind::QuotaExhausted => ErrorKind::Billing,
        ErrorKind::TokensLimited => ErrorKind::RateLimited,
        other => other,
    };
    find(server.words, near)
        .or_else(|| find(server.words, cousin))
        .or_else(|| find(USUAL, near))
        .unwrap_or(USUAL[0])
}

fn status(kind: ErrorKind, words: &Words) -> u16 {
    match kind {
        ErrorKind::NotFound => 404,
        ErrorKind::Permission => 403,
        ErrorKind::TooLarge => 413,
        ErrorKind::Conflict => 409,
        ErrorKind::Timeout => 504,
        ErrorKind::BadGateway => 502,
        _ => words.status,
    }
}

fn text(words: &Words, error: &ApiError) -> String {
    if let Some(message) = &error.message {
        return message.clone();
    }
    // A scripted refusal knows no sizes; these stand for some.
    let (tokens, window) = error.window.unwrap_or((200_000, 131_072));
    words
        .text
        .replace("{model}", error.limit.as_ref().map_or("unknown", |limit| limit.model.as_str()))
        .replace("{tokens}", &tokens.to_string())
        .replace("{window}", &window.to_string())
}

/// The refusal of a name that no model has.
pub(super) fn unknown_model(server: &Server, asked: &str) -> ApiError {
    let words = words_of(server, ErrorKind::ModelNotFound);
    ApiError::new(ErrorKind::ModelNotFound).with_message(words.text.replace("{model}", asked))
}

pub(super) fn body(server: &Server, error: &ApiError) -> Value {
    let words = words_of(server, error.kind);
    let status = error.status.unwrap_or_else(|| status(error.kind, &words));
    let message = text(&words, error);
    if error.style == ErrorStyle::Text {
        return json!({"error": message});
    }
    let some = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    let code = error.code.as_deref().unwrap_or(words.code);
    let param = error.param.as_deref().unwrap_or(words.param);
    match server.error_form {
        // A field too many is told in the words of the web framework.
        ErrorForm::Object if error.style == ErrorStyle::Detail => {
            let place: Vec<Value> = param.split('.').map(step).collect();
            let detail = json!([{"type": "extra_forbidden", "loc": place, "msg": message, "input": null}]);
            json!({"object": "error", "message": {"detail": detail}, "type": "invalid_request_error",
                   "param": null, "code": null})
        }
        _ if error.style == ErrorStyle::Detail => json!({"detail": message}),
        ErrorForm::Nested => json!({"error": {
            "message": message, "type": some(words.type_name), "param": some(param), "code": some(code)}}),
        ErrorForm::NestedStatus => {
            let mut object = json!({"message": message, "code": status});
            if !words.type_name.is_empty() {
                object["type"] = words.type_name.into();
                object["param"] = some(param);
            }
            json!({"error": object})
        }
        ErrorForm::NestedCode => json!({"error": {"code": code, "message": message}}),
        ErrorForm::Flat => json!({
            "message": message, "type": words.type_name, "param": some(param), "code": some(code)}),
        ErrorForm::CodeAndText => json!({"code": code, "error": message}),
        ErrorForm::Object => {
            // SGLang's code is the status as a number, Mistral's a text of digits.
            let code = code.parse::<u64>().ok().filter(|_| code == status.to_string());
            let code = code.map_or_else(|| some(words.code), Value::from);
            json!({"object": "error", "message": message, "type": some(words.type_name),
                   "param": some(param), "code": code})
        }
        ErrorForm::Array => json!([{"error": {"code": status, "message": message, "status": code}}]),
    }
}

/// A step into an array is a number.
fn step(text: &str) -> Value {
    text.parse::<u64>().map_or_else(|_| text.into(), Value::from)
}

pub(super) fn refuse(server: &Server, error: &ApiError) -> Answer {
    let words = words_of(server, error.kind);
    Answer::new(status(error.kind, &words), Payload::Json(body(server, error)))
}
