//! Text laid out for a terminal.

use std::borrow::Cow;

use forge::prompt::is_hidden;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The text without hidden characters, which could make a terminal do or show something else than the text says. Line
/// ends and tabs stay.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains(is_hidden) { Cow::Owned(text.replace(is_hidden, "")) } else { Cow::Borrowed(text) }
}

/// The text in at most so many columns of a terminal; what is cut off ends in `…`.
pub(crate) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    // One column is the sign's.
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
