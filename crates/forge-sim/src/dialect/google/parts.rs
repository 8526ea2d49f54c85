//! The parts of a content: their fields, and what their bytes are.

use serde_json::Value;

use super::field::{check_names, get, text, wrong_value};
use crate::api_error::ApiError;
use crate::dialect::media::{self, Flaw};

/// The kinds of content that a part holds one of, each with the fields that it knows.
const KINDS: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("toolCall", &["args", "id", "toolName", "toolType"]),
    ("toolResponse", &["id", "response", "toolName", "toolType"]),
    ("inlineData", &["data", "displayName", "mimeType"]),
    ("fileData", &["displayName", "fileUri", "mimeType"]),
    ("functionCall", &["args", "id", "name", "partialArgs", "willContinue"]),
    ("functionResponse", &["id", "name", "parts", "response", "scheduling", "willContinue"]),
    ("executableCode", &["code", "id", "language"]),
    ("codeExecutionResult", &["id", "outcome", "output"]),
];

const EXTRAS: &[&str] = &["mediaResolution", "partMetadata", "thought", "thoughtSignature", "videoMetadata"];

/// Media types that the model reads.
const MEDIA: &[&str] = &["image/", "audio/", "video/", "text/", "application/pdf", "application/json"];

const STRUCT: &str = "type.googleapis.com/google.protobuf.Struct";

pub(super) fn check(part: &Value, at: &str) -> Result<(), ApiError> {
    let known: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).chain(EXTRAS.iter().copied()).collect();
    check_names(part, at, &known)?;
    let mut held = KINDS.iter().filter(|(kind, _)| get(part, kind).is_some());
    let Some((kind, fields)) = held.next() else {
        // A signature may come back on a part of its own.
        if get(part, "thoughtSignature").is_some() {
            return Ok(());
        }
        return Err(ApiError::invalid(format!(
            "* GenerateContentRequest.{at}.data: required oneof field 'data' must have one initialized \
             field\n"
        )));
    };
    if let Some((other, _)) = held.next() {
        return Err(ApiError::invalid(format!(
            "Invalid value at '{at}' (oneof), oneof field 'data' is already set. Cannot set '{other}'"
        )));
    }
    let content = get(part, kind).unwrap_or(&Value::Null);
    match *kind {
        "text" if content.is_string() => return Ok(()),
        "text" => return Err(wrong_value(&format!("{at}.text"), "TYPE_STRING", content)),
        _ => check_names(content, &format!("{at}.{}", snake(kind)), fields)?,
    }
    match *kind {
        // Both are a protobuf `Struct`, so that a client has to wrap a text.
        "functionCall" => structure(get(content, "args"), true, &format!("{at}.function_call.args")),
        "functionResponse" => {
            structure(get(content, "response"), false, &format!("{at}.function_response.response"))
        }
        "inlineData" => bytes(content, &format!("{at}.inline_data")),
        _ => Ok(()),
    }
}

fn snake(kind: &str) -> &'static str {
    match kind {
        "inlineData" => "inline_data",
        "fileData" => "file_data",
        "functionCall" => "function_call",
        "functionResponse" => "function_response",
        "toolCall" => "tool_call",
        "toolResponse" => "tool_response",
        "executableCode" => "executable_code",
        _ => "code_execution_result",
    }
}

fn structure(value: Option<&Value>, optional: bool, at: &str) -> Result<(), ApiError> {
    match value {
        None if optional => Ok(()),
        Some(Value::Object(_)) => Ok(()),
        other => Err(wrong_value(at, STRUCT, other.unwrap_or(&Value::Null))),
    }
}

fn bytes(data: &Value, at: &str) -> Result<(), ApiError> {
    let media_type = text(data, "mimeType").unwrap_or_default();
    if !MEDIA.iter().any(|known| media_type.starts_with(known)) {
        return Err(ApiError::invalid(format!("Unsupported MIME type: {media_type}")));
    }
    let encoded = text(data, "data").unwrap_or_default();
    // Bytes are read in both alphabets of base64.
    let standard = encoded.replace('-', "+").replace('_', "/");
    media::check(media_type, if encoded.starts_with("data:") { encoded } else { &standard }).map_err(|flaw| {
        ApiError::invalid(match flaw {
            Flaw::DataUrl | Flaw::NotBase64 => {
                let start: String = encoded.chars().take(40).collect();
                format!("Invalid value at '{at}.data' (TYPE_BYTES), Base64 decoding failed for \"{start}\"")
            }
            Flaw::Contradicts { seen } => format!(
                "The MIME type {media_type} does not match the provided data, which is of the type {seen}."
            ),
            Flaw::Unreadable if media_type == "application/pdf" => "The document has no pages.".to_owned(),
            Flaw::Unreadable => "Unable to process input image. Please retry or report in \
                https://developers.generativeai.google/guide/troubleshooting"
                .to_owned(),
        })
        .with_param(at)
    })
}
