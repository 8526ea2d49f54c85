//! What the vendor's codes, texts and types of errors mean: a table with the source and the day of every row.

use std::sync::LazyLock;

use forge_core::ErrorKind;
use serde::Deserialize;

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
    #[allow(dead_code, reason = "for those who keep the table")]
    source: String,
    /// A day or a month.
    #[allow(dead_code, reason = "for those who keep the table")]
    checked: String,
}

static TABLE: LazyLock<Vec<Meaning>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../errors.json")).unwrap_or_default());

/// The kind of an error with this code, type and text; `None` if the table has none like it.
pub(crate) fn meaning(code: &str, r#type: &str, text: &str) -> Option<ErrorKind> {
    let text = text.to_ascii_lowercase();
    let fits = |row: &&Meaning| {
        row.code.as_deref().is_none_or(|end| code.ends_with(end))
            && row.r#type.as_deref().is_none_or(|own| own == r#type)
            && row.text.iter().all(|piece| text.contains(piece.as_str()))
    };
    TABLE.iter().find(fits).map(|row| row.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_can_be_read_and_says_where_it_comes_from() {
        let table: Vec<Meaning> = serde_json::from_str(include_str!("../errors.json")).unwrap();
        for row in table {
            assert!(row.code.is_some() || row.r#type.is_some() || !row.text.is_empty(), "{row:?}");
            assert!(row.checked.starts_with("202") && !row.source.is_empty(), "{row:?}");
            assert!(row.text.iter().all(|piece| *piece == piece.to_ascii_lowercase()), "{row:?}");
        }
    }
}
