//! Small values of a reply.

use std::borrow::Cow;

use forge_core::request::Citation;
use forge_http::Failure;
use serde_json::value::RawValue;

use crate::wire::chat_reply::{Annotation, Detail, UrlCitation};

pub(super) fn citation(raw: &RawValue) -> Citation {
    let annotation: Annotation = serde_json::from_str(raw.get()).unwrap_or_default();
    let UrlCitation { url, title } = annotation.url_citation;
    Citation::raw(raw.get()).with_url(url).with_title(title)
}

/// A page that the server found: an object with its address and title, or its address alone.
pub(super) fn found(raw: &RawValue) -> Citation {
    let page: UrlCitation = serde_json::from_str(raw.get()).unwrap_or_default();
    let url = page.url.or_else(|| serde_json::from_str(raw.get()).ok());
    Citation::raw(raw.get()).with_url(url).with_title(page.title)
}

/// What a person can read of a detail of the thoughts.
pub(crate) fn detail_text(raw: &RawValue) -> String {
    let Detail { text, summary } = serde_json::from_str(raw.get()).unwrap_or_default();
    text.or(summary).unwrap_or_default()
}

/// The JSON text of a call's arguments, whether it came as text or as the value itself.
pub(crate) fn argument_text(arguments: &RawValue) -> Result<String, Failure> {
    let text = arguments.get();
    if text.starts_with('"') {
        let text: Cow<'_, str> =
            serde_json::from_str(text).map_err(|error| Failure::decode("a tool call's arguments", &error))?;
        return Ok(text.into_owned());
    }
    Ok(text.to_owned())
}
