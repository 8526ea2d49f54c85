//! What a vendor's codes, texts and types of errors mean: a table with the source and the day of every row.

use forge_core::ErrorKind;
use serde::Deserialize;

use crate::failure::Failure;

/// The table of one vendor, in JSON an array of rows with `code`, `type`, `param` or `text`, the kinds in `from` that a
/// text may change, and `kind`, `source` and `checked`.
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
    /// The code; after a `*`, how it ends.
    code: Option<String>,
    r#type: Option<String>,
    /// The field of the request that is at fault.
    param: Option<String>,
    /// Pieces of the text, in small letters.
    #[serde(default)]
    text: Vec<String>,
    /// The kinds, judged without the text, that the text may replace.
    from: Option<Vec<ErrorKind>>,
    kind: ErrorKind,
    source: String,
    /// A day or a month.
    checked: String,
}

impl Meaning {
    fn has_code(&self, code: &str) -> bool {
        self.code.as_deref().is_some_and(|own| match own.strip_prefix('*') {
            Some(end) => code.ends_with(end),
            None => own == code,
        })
    }

    fn has_text(&self, small: &str) -> bool {
        self.text.iter().all(|piece| small.contains(piece.as_str()))
    }
}

/// Errors that a text alone tells apart.
const VAGUE: &[ErrorKind] = &[ErrorKind::InvalidRequest];

impl Meanings {
    /// Reads a table. A row with an unknown field or kind fails all of it; [`fault`](Self::fault) looks for
    /// rows that are wrong otherwise.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// The kind of an error with this code, type and text, the latter in any case; `None` if the table has
    /// none like it. The first row that fits decides, so that rows of codes stand before those of texts, and
    /// types come last.
    pub fn find(&self, code: &str, r#type: &str, text: &str) -> Option<ErrorKind> {
        let text = text.to_lowercase();
        let fits = |row: &&Meaning| {
            (row.code.is_none() || row.has_code(code))
                && row.r#type.as_deref().is_none_or(|own| own == r#type)
                && row.has_text(&text)
        };
        self.0.iter().find(fits).map(|row| row.kind)
    }

    /// The kind of an error whose code or type is this word, where the word says enough by itself.
    pub fn named(&self, word: &str) -> Option<ErrorKind> {
        self.0.iter().find(|row| row.has_code(word)).map(|row| row.kind)
    }

    /// The kind of an error for which this field of the request is at fault.
    pub fn at_fault(&self, param: &str) -> Option<ErrorKind> {
        self.0.iter().find(|row| row.param.as_deref() == Some(param)).map(|row| row.kind)
    }

    /// What the text says of an error that is of this kind without it; `kind` itself where no row fits. A
    /// text replaces only kinds that its row names in `from`, by default [`ErrorKind::InvalidRequest`].
    pub fn told(&self, kind: ErrorKind, text: &str) -> ErrorKind {
        let text = text.to_lowercase();
        let says = |row: &&Meaning| {
            !row.text.is_empty()
                && row.from.as_deref().unwrap_or(VAGUE).contains(&kind)
                && row.has_text(&text)
        };
        self.0.iter().find(says).map_or(kind, |row| row.kind)
    }

    /// The failure as its text says that it is.
    pub fn review(&self, failure: Failure) -> Failure {
        Failure { kind: self.told(failure.kind, &failure.message), ..failure }
    }

    /// The first row that fits every error, does not say where it comes from, or has a text that no error can hold.
    pub fn fault(&self) -> Option<String> {
        let is_sound = |row: &&Meaning| {
            (row.code.is_some() || row.r#type.is_some() || row.param.is_some() || !row.text.is_empty())
                && row.checked.starts_with("202")
                && !row.source.is_empty()
                && row.text.iter().all(|piece| !piece.is_empty() && *piece == piece.to_lowercase())
        };
        self.0.iter().find(|row| !is_sound(row)).map(|row| format!("{row:?}"))
    }
}
