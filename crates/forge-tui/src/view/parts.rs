//! What several views are made of.

use chrono::{DateTime, Utc};
use forge_core::Money;
use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Block, Borders, Cell, Paragraph, Row, Table, TableState, Wrap},
};

use crate::theme::Theme;

/// A frame with a title.
pub(super) fn framed(title: impl Into<String>) -> Block<'static> {
    Block::new().borders(Borders::TOP).title(Span::styled(format!(" {} ", title.into()), Theme::title()))
}

/// A column: its title and its width.
pub(super) type Column = (&'static str, Constraint);

/// A row of cells with a style each.
pub(super) type Cells = Vec<(String, Style)>;

/// A table with one row selected, which is in sight, or the words for an empty one.
pub(super) fn table(
    frame: &mut Frame<'_>,
    area: Rect,
    title: String,
    columns: &[Column],
    rows: Vec<Cells>,
    selected: Option<usize>,
    empty: &str,
) {
    if rows.is_empty() {
        let words = Paragraph::new(empty.to_owned()).wrap(Wrap { trim: true }).block(framed(title));
        return frame.render_widget(words, area);
    }
    let cells = |row: Cells| {
        Row::new(row.into_iter().map(|(text, style)| Cell::new(Span::styled(clean(&text), style))))
    };
    let header = Row::new(columns.iter().map(|(name, _)| Cell::new(*name))).style(Theme::title());
    let widths: Vec<_> = columns.iter().map(|(_, width)| *width).collect();
    let table = Table::new(rows.into_iter().map(cells), widths)
        .header(header)
        .column_spacing(2)
        .row_highlight_style(Theme::selected())
        .block(framed(title));
    frame.render_stateful_widget(table, area, &mut TableState::new().with_selected(selected));
}

/// A text without what steers a terminal.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A name and what belongs to it.
pub(super) fn fact(name: &str, value: impl Into<String>, style: Style) -> Line<'static> {
    Line::from(vec![Span::raw(format!("{name:<10} ")), Span::styled(clean(&value.into()), style)])
}

/// How long ago, in the largest unit that fits.
pub(super) fn ago(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - then).num_seconds().max(0);
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// An amount to the cent, or as exactly as it is where it is less than a dollar; `?` where it is unknown.
pub(super) fn money(cost: Option<Money>) -> String {
    let Some(cost) = cost else { return "?".to_owned() };
    let nanos = cost.nanos();
    match nanos {
        0 => "$0".to_owned(),
        1_000_000_000.. => format!("${}.{:02}", nanos / 1_000_000_000, nanos / 10_000_000 % 100),
        _ => format!("${}.{:06}", nanos / 1_000_000_000, nanos / 1000 % 1_000_000),
    }
}

/// A count in the largest unit that fits.
pub(super) fn count(number: u64) -> String {
    match number {
        ..10_000 => number.to_string(),
        10_000..10_000_000 => format!("{}k", number / 1000),
        _ => format!("{}M", number / 1_000_000),
    }
}
