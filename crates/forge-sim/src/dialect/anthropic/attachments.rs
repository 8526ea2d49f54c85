//! Images and documents in messages.

use serde_json::Value;

use crate::api_error::ApiError;
use crate::dialect::media::{self, Flaw};

const IMAGE_TYPES: &[&str] = &["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Checks the source of an `image` or a `document`.
pub(super) fn check(kind: &str, block: &Value, path: &str) -> Result<(), ApiError> {
    let source = &block["source"];
    let at = format!("{path}.{kind}.source");
    match source.get("type").and_then(Value::as_str) {
        Some("base64") => base64(kind, source, &format!("{at}.base64")),
        Some("text") if kind == "document" => text(source, &format!("{at}.text")),
        Some("content") if kind == "document" => Ok(()),
        Some("url") => match source.get("url").and_then(Value::as_str) {
            Some(url) if url.starts_with("https://") => Ok(()),
            Some(_) => Err(ApiError::invalid(format!("{at}.url.url: Only HTTPS URLs are supported."))),
            None => Err(ApiError::invalid(format!("{at}.url.url: Field required"))),
        },
        Some("file") => match source.get("file_id").and_then(Value::as_str) {
            Some(_) => Ok(()),
            None => Err(ApiError::invalid(format!("{at}.file.file_id: Field required"))),
        },
        _ => {
            let known = if kind == "image" {
                "'base64', 'file', 'url'"
            } else {
                "'base64', 'content', 'file', 'text', 'url'"
            };
            let given = source["type"].as_str().unwrap_or_default();
            Err(ApiError::invalid(format!(
                "{at}: Input tag '{given}' found using 'type' does not match any of the expected tags: {known}"
            )))
        }
    }
}

fn text(source: &Value, at: &str) -> Result<(), ApiError> {
    if source.get("media_type").and_then(Value::as_str) != Some("text/plain") {
        return Err(ApiError::invalid(format!("{at}.media_type: Input should be 'text/plain'")));
    }
    match source.get("data").and_then(Value::as_str) {
        Some(data) if data.trim().is_empty() => {
            Err(ApiError::invalid(format!("{at}.data: document text must contain non-whitespace text")))
        }
        Some(_) => Ok(()),
        None => Err(ApiError::invalid(format!("{at}.data: Field required"))),
    }
}

fn base64(kind: &str, source: &Value, at: &str) -> Result<(), ApiError> {
    let media_type = source
        .get("media_type")
        .and_then(Value::as_str)
        .ok_or_else(|| ApiError::invalid(format!("{at}.media_type: Field required")))?;
    let data = source
        .get("data")
        .and_then(Value::as_str)
        .ok_or_else(|| ApiError::invalid(format!("{at}.data: Field required")))?;
    if kind == "image" && !IMAGE_TYPES.contains(&media_type) {
        return Err(ApiError::invalid(format!(
            "{at}.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
        )));
    }
    if kind == "document" && media_type != "application/pdf" {
        return Err(ApiError::invalid(format!("{at}.media_type: Input should be 'application/pdf'")));
    }
    media::check(media_type, data).map_err(|flaw| {
        ApiError::invalid(match flaw {
            Flaw::DataUrl | Flaw::NotBase64 => format!("{at}: invalid base64 data"),
            Flaw::Contradicts { seen } if kind == "image" && seen.starts_with("image/") => format!(
                "{at}: The image was specified using the {media_type} media type, but the image \
                 appears to be a {seen} image"
            ),
            Flaw::Contradicts { .. } | Flaw::Unreadable if kind == "image" => {
                "Could not process image".to_owned()
            }
            Flaw::Contradicts { .. } | Flaw::Unreadable => "The PDF specified was not valid.".to_owned(),
        })
    })
}

/// Whether the document asks for citations.
pub(super) fn cites(block: &Value) -> bool {
    block.pointer("/citations/enabled").and_then(Value::as_bool) == Some(true)
}
