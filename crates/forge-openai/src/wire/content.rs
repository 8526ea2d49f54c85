//! Values that both dialects share.

use forge_core::request::{OutputSchema, Source, ToolInput};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::schema::Sent;

/// An address of bytes: a web address, or the bytes themselves.
#[derive(Debug)]
pub(crate) enum Address<'a> {
    Url(&'a str),
    Bytes { media_type: &'a str, base64: &'a str },
}

impl Serialize for Address<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Url(url) => serializer.serialize_str(url),
            Self::Bytes { media_type, base64 } => {
                serializer.collect_str(&format_args!("data:{media_type};base64,{base64}"))
            }
        }
    }
}

/// The arguments of a call, as the JSON *text* that the vendor wants.
#[derive(Debug)]
pub(crate) struct Arguments<'a>(pub(crate) &'a ToolInput);

impl Serialize for Arguments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ToolInput::Json(value) => serializer.collect_str(value),
            other => serializer.serialize_str(&other.to_text()),
        }
    }
}

/// The text of a tool's result. The vendor has no field that tells failures from results.
#[derive(Debug)]
pub(crate) struct ResultText<'a> {
    pub(crate) failed: bool,
    pub(crate) text: &'a str,
}

impl Serialize for ResultText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.failed {
            serializer.collect_str(&format_args!("Error: {}", self.text))
        } else {
            serializer.serialize_str(self.text)
        }
    }
}

/// A schema for the answer, with the name that the vendor insists on.
#[derive(Debug, Serialize)]
pub(crate) struct JsonSchema<'a> {
    pub(crate) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<&'a str>,
    pub(crate) schema: &'a RawValue,
    /// Whether the vendor holds the model to it; if not, it is a guide.
    pub(crate) strict: bool,
}

impl<'a> JsonSchema<'a> {
    pub(crate) fn of(output: &'a OutputSchema, sent: &'a Sent<'_>) -> Self {
        Self {
            name: &output.name,
            description: output.description.as_deref(),
            schema: sent.schema.raw(),
            strict: sent.strict,
        }
    }
}

/// A recording in the request itself.
#[derive(Debug, Serialize)]
pub(crate) struct InputAudio<'a> {
    pub(crate) data: &'a str,
    pub(crate) format: &'a str,
}

impl<'a> InputAudio<'a> {
    /// `None` for a recording that is somewhere else: the vendor fetches none.
    pub(crate) fn of(source: &'a Source) -> Option<Self> {
        let Source::Base64 { media_type, data } = source else { return None };
        let format = match media_type.rsplit_once('/').map_or(media_type.as_str(), |(_, format)| format) {
            "mpeg" => "mp3",
            "x-wav" | "wave" => "wav",
            format => format,
        };
        Some(Self { data, format })
    }
}

/// What to call a document that has no name: the vendor insists on one.
pub(crate) fn file_name<'a>(name: Option<&'a str>, media_type: &str) -> &'a str {
    name.unwrap_or(if media_type == "application/pdf" { "document.pdf" } else { "document.txt" })
}
