//! What vendors' words mean, as dated data.

use forge_core::ErrorKind;
use forge_http::Failure;
use serde::Deserialize;

use crate::wire::error::ErrorBody;

/// Codes and texts of error replies with their kinds.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct ErrorTable {
    rows: Vec<Row>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Row {
    /// A code or type that says enough by itself.
    code: Option<String>,
    /// A field of the request that is at fault.
    param: Option<String>,
    /// Pieces in lower case, all of which the text holds.
    text: Vec<String>,
    /// The kinds that an error has without the text: only those give way to it.
    from: Option<Vec<ErrorKind>>,
    kind: Option<ErrorKind>,
    source: String,
    checked: String,
}

/// Errors that a text alone tells apart.
const VAGUE: &[ErrorKind] = &[ErrorKind::InvalidRequest];

impl ErrorTable {
    /// Reads a table from JSON: an array of objects with `code`, `param` or `text`, the kinds in `from` that a text may
    /// change, the `kind`, and the `source` and day (`checked`) of each.
    ///
    /// # Errors
    /// The text is something else.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// What the code, the type or the field at fault says.
    pub(crate) fn by_code(&self, body: &ErrorBody) -> Option<ErrorKind> {
        let of = |word: Option<&str>, field: fn(&Row) -> Option<&str>| {
            let word = word?;
            self.rows.iter().find(|row| field(row) == Some(word))?.kind
        };
        let by_code = of(body.code.as_deref(), |row| row.code.as_deref());
        let by_type = of(body.r#type.as_deref(), |row| row.code.as_deref());
        if by_type == Some(ErrorKind::QuotaExhausted) {
            return by_type;
        }
        by_code.or(by_type).or_else(|| of(body.param.as_deref(), |row| row.param.as_deref()))
    }

    /// What the text says of an error that is of this kind without it.
    pub fn by_text(&self, kind: ErrorKind, text: &str) -> ErrorKind {
        let text = text.to_lowercase();
        let says = |row: &&Row| {
            !row.text.is_empty()
                && row.from.as_deref().unwrap_or(VAGUE).contains(&kind)
                && row.text.iter().all(|piece| text.contains(piece.as_str()))
        };
        self.rows.iter().find(says).and_then(|row| row.kind).unwrap_or(kind)
    }

    /// The failure as its text says that it is.
    pub fn review(&self, failure: Failure) -> Failure {
        Failure { kind: self.by_text(failure.kind, &failure.message), ..failure }
    }

    /// Rows that say nothing, or not where they come from.
    pub fn unsound(&self) -> Vec<String> {
        let is_sound = |row: &Row| {
            let says = usize::from(row.code.is_some())
                + usize::from(row.param.is_some())
                + usize::from(!row.text.is_empty());
            says == 1
                && row.kind.is_some()
                && !row.source.is_empty()
                && row.checked.len() == "2026-11-28".len()
                && row.text.iter().all(|piece| !piece.is_empty() && *piece == piece.to_lowercase())
        };
        self.rows.iter().filter(|row| !is_sound(row)).map(|row| format!("{row:?}")).collect()
    }
}
