//! Texts.

use std::borrow::Cow;

use serde::Deserializer;

use super::visitor::{Loose, Take};

/// A text that borrows where it can, which is wherever it has no escapes; a value of another type is `None`.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    deserializer.deserialize_any(Loose(Text))
}

/// A text of its own; a value of another type is `None`.
pub fn string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    text(deserializer).map(|text| text.map(Cow::into_owned))
}

struct Text;

impl<'de> Take<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    fn other(self) -> Self::Value {
        None
    }

    fn text(self, text: Cow<'de, str>) -> Self::Value {
        Some(text)
    }
}
