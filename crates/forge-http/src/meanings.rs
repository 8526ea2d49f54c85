//! What a vendor's codes, texts and types of errors mean: a table with the source and the day of every row.

use forge_core::ErrorKind;
use serde::Deserialize;

/// The table of one vendor, in JSON an array of rows with `code`, `type` or `text`, and `kind`, `source` and `checked`.
///
/// ```
/// use forge_core::ErrorKind;
/// use forge_http::Meanings;
///
/// let table = r#"[{"text": ["credit balance"], "kind": "quota_exhausted", "source": "seen", "checked": "2026-11"}]"#;
/// let table = Meanings::from_json(table)?;
/// assert_eq!(table.find("", "", "Your credit balance is too low"), Some(ErrorKind::QuotaExhausted));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Meanings(Vec<Meaning>);

/// One row. All that it names has to stand in an error; the first row that fits decides.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meaning {
    /// How the code ends.
    code: Option<String>,
    r#type: Option<String>,
    /// Pieces of the text, in small letters.
    #[serde(default)]
    text: Vec<String>,
    kind: ErrorKind,
    source: String,
    /// A day or a month.
    checked: String,
}

impl Meanings {
    /// Reads a table.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// The kind of an error with this code, type and text; `None` if the table has none like it.
    pub fn find(&self, code: &str, r#type: &str, text: &str) -> Option<ErrorKind> {
        let text = text.to_ascii_lowercase();
        let fits = |row: &&Meaning| {
            row.code.as_deref().is_none_or(|end| code.ends_with(end))
                && row.r#type.as_deref().is_none_or(|own| own == r#type)
                && row.text.iter().all(|piece| text.contains(piece.as_str()))
        };
        self.0.iter().find(fits).map(|row| row.kind)
    }

    /// The first row that fits every error, does not say where it comes from, or has a text that no error can hold.
    pub fn fault(&self) -> Option<String> {
        let is_sound = |row: &&Meaning| {
            (row.code.is_some() || row.r#type.is_some() || !row.text.is_empty())
                && row.checked.starts_with("202")
                && !row.source.is_empty()
                && row.text.iter().all(|piece| *piece == piece.to_ascii_lowercase())
        };
        self.0.iter().find(|row| !is_sound(row)).map(|row| format!("{row:?}"))
    }
}
