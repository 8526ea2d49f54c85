//! Text on its way to a person.

use std::{
    borrow::Cow,
    io::{self, IsTerminal as _, Write},
    time::Duration,
};

use forge::{Money, prompt::is_hidden};
use serde_json::{Map, Value};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::{error::CliError, markdown::Markdown, paths::variable};

/// The text without hidden characters, which could make a terminal do or show something else than the text says. Line
/// ends and tabs stay.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains(is_hidden) { Cow::Owned(text.replace(is_hidden, "")) } else { Cow::Borrowed(text) }
}

/// Writes to stdout at once: as it is into files and pipes, cleaned onto a terminal.
pub(crate) fn out(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let shown = if stdout.is_terminal() { clean(text) } else { Cow::Borrowed(text) };
    let written = stdout.write_all(shown.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| CliError::stdout(&error))
}

/// Markdown on its way to stdout: rendered on a terminal while it comes, as it is into files and pipes, with `raw`, with
/// `NO_COLOR`, and on a terminal that knows no styles.
pub(crate) struct Prose(Option<Markdown>);

impl Prose {
    pub(crate) fn new(raw: bool) -> Self {
        let plain =
            raw || variable("NO_COLOR").is_some() || variable("TERM").is_some_and(|term| term == "dumb");
        let width = || terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        Self((!plain && io::stdout().is_terminal()).then(|| Markdown::new(width())))
    }

    pub(crate) fn push(&mut self, text: &str) -> Result<(), CliError> {
        match &mut self.0 {
            Some(markdown) => put(&markdown.push(&clean(text))),
            None => out(text),
        }
    }

    pub(crate) fn end(&mut self) -> Result<(), CliError> {
        self.0.as_mut().map_or(Ok(()), |markdown| put(&markdown.end()))
    }
}

/// Shows a whole Markdown text.
pub(crate) fn prose(text: &str, raw: bool) -> Result<(), CliError> {
    let mut prose = Prose::new(raw);
    prose.push(text).and_then(|()| prose.end())
}

/// Writes to stdout what is clean already.
fn put(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
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

/// The width of the terminal that stderr is, in columns.
pub(crate) fn width() -> usize {
    terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| usize::from(width.0))
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
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
        cells.chain([headings[column].width()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            let gap = " ".repeat(width.saturating_sub(cell.width()));
            if right.contains(&column) { format!("{gap}{cell}") } else { format!("{cell}{gap}") }
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
        let wide = [vec!["日本".into(), "1".into()], vec!["long".into(), "2".into()]];
        assert_eq!(table(&["X", "N"], &[], &wide), "X     N\n日本  1\nlong  2\n");
    }
}
