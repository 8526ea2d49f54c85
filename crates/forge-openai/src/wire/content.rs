//! Values that both dialects share.

use serde::{Serialize, Serializer};
use serde_json::Value;

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
pub(crate) struct Arguments<'a>(pub(crate) &'a Value);

impl Serialize for Arguments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(raw) => serializer.serialize_str(raw),
            value => serializer.collect_str(value),
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

#[derive(Debug, Serialize)]
pub(crate) struct JsonSchema<'a> {
    pub(crate) name: &'a str,
    pub(crate) schema: &'a Value,
    pub(crate) strict: bool,
}

/// What to call a document that has no name: the vendor insists on one.
pub(crate) fn file_name<'a>(name: Option<&'a str>, media_type: &str) -> &'a str {
    name.unwrap_or(if media_type == "application/pdf" { "document.pdf" } else { "document.txt" })
}
