//! Text on its way to a person.

use std::{
    borrow::Cow,
    io::{self, IsTerminal as _, Write},
    time::Duration,
};

use forge::Money;
use serde_json::{Map, Value};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::error::CliError;

/// The text without control and direction-changing characters, which could make a terminal do or show
/// something else than the text says. Line ends and tabs stay.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}')
    };
    if text.contains(is_harmful) { Cow::Owned(text.replace(is_harmful, "")) } else { Cow::Borrowed(text) }
}

/// Writes to stdout at once: as it is into files and pipes, cleaned onto a terminal.
pub(crate) fn out(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let shown = if stdout.is_terminal() { clean(text) } else { Cow::Borrowed(text) };
    let written = stdout.write_all(shown.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| CliError::stdout(&error))
}

/// The version of every form of JSON, unless it names its own. A field that is only added does not change it.
const VERSION: &str = "1.0";

/// Writes one JSON value as it is to stdout.
pub(crate) fn raw(value: &Value) -> Result<(), CliError> {
    out(&format!("{value:#}\n"))
}

/// Writes one JSON object with the version of its form to stdout.
pub(crate) fn json(object: &Value) -> Result<(), CliError> {
    raw(&versioned(object))
}

/// Writes a JSON object on one line of stdout, with the version of its form and what it is about.
pub(crate) fn line(mut object: Value, what: &str) -> Result<(), CliError> {
    object["type"] = what.into();
    out(&format!("{}\n", versioned(&object)))
}

/// The object with the version of its form before everything else.
fn versioned(object: &Value) -> Value {
    let mut whole = Map::from_iter([("version".to_owned(), VERSION.into())]);
    whole.extend(object.as_object().cloned().unwrap_or_default());
    whole.into()
}

/// Whole milliseconds, as every form of JSON has them.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A cost as every form of JSON has it; null if it is unknown.
pub(crate) fn with_cost(mut object: Value, cost: Option<Money>) -> Value {
    object["cost_nano_usd"] = cost.map(Money::nanos).into();
    object["cost_usd"] = cost.map(Money::dollars).into();
    object
}

/// Writes a line to stderr, unless the user wants quiet. A closed stderr is no reason to stop.
pub(crate) fn note(quiet: bool, text: &str) {
    if !quiet {
        let _ = writeln!(io::stderr().lock(), "{}", clean(text));
    }
}

/// The text in at most so many columns of a terminal; what is cut off ends in `…`.
pub(crate) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let mut left = columns.saturating_sub(1);
    let fits = |(_, c): &(usize, char)| {
        let width = c.width().unwrap_or(0);
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    };
    let end = text.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8());
    let sign = if columns == 0 { "" } else { "…" };
    Cow::Owned(format!("{}{sign}", text[..end].trim_end()))
}

/// Rows under headings, each column as wide as its widest cell. Columns named in `right` end at the
/// right.
pub(crate) fn table(headings: &[&str], right: &[usize], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if right.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        let line = padded.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    std::iter::once(line(headings.to_vec())).chain(body).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_or_turns_text_around_is_left() {
        assert_eq!(clean("a\u{1b}[2Jb\u{202e}c\r\nd\te\u{7}"), "a[2Jbc\nd\te");
        assert!(matches!(clean("plain – ä\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_text_is_cut_by_columns_not_by_characters() {
        for (text, columns, expected) in [
            ("plain", 5, "plain"),
            ("plain", 4, "pla…"),
            ("a b c", 3, "a…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("e\u{301}tude", 3, "e\u{301}t…"),
            ("x", 0, ""),
        ] {
            assert_eq!(cut(text, columns), expected, "{text} {columns}");
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".into(), "1".into()], vec!["long".into(), "22".into()]];
        assert_eq!(table(&["X", "N"], &[1], &rows), "X      N\na      1\nlong  22\n");
    }
}
