//! What calls cost, and how they went.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::Style,
    widgets::Sparkline,
};

use super::parts::{Cells, count, framed, money, table};
use crate::app::App;

const PLAIN: Style = Style::new();
const EMPTY: &str = "No calls in 24 hours.";

/// A line of hours above a list.
fn split(area: Rect) -> [Rect; 2] {
    Layout::vertical([Constraint::Length(5.min(area.height / 3)), Constraint::Min(3)]).areas(area)
}

pub(super) fn costs(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let [upper, lower] = split(area);
    let (spent, has_unknown) = app.records.spent();
    let more = if has_unknown { ", and what is unknown" } else { "" };
    let title = format!("Spent by the hour, 24 hours: {}{more}", money(Some(spent)));
    hours(frame, upper, title, &app.records.spent_by_hour, app);
    let columns = [
        ("provider", Constraint::Max(20)),
        ("model", Constraint::Fill(1)),
        ("calls", Constraint::Length(7)),
        ("tokens", Constraint::Length(8)),
        ("cost", Constraint::Length(12)),
    ];
    let rows = app.shown(&app.records.usage).into_iter().map(|row| -> Cells {
        vec![
            (row.provider.clone(), PLAIN),
            (row.model.clone(), PLAIN),
            (count(row.calls), PLAIN),
            (count(row.tokens), PLAIN),
            (money(row.cost), if row.cost.is_none() { app.theme.odd() } else { PLAIN }),
        ]
    });
    table(frame, lower, "Costs".to_owned(), &columns, rows.collect(), Some(app.selected()), EMPTY);
}

pub(super) fn metrics(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let [upper, lower] = split(area);
    let calls: u64 = app.records.calls_by_hour.iter().sum();
    hours(
        frame,
        upper,
        format!("Calls by the hour, 24 hours: {}", count(calls)),
        &app.records.calls_by_hour,
        app,
    );
    let columns = [
        ("provider", Constraint::Max(20)),
        ("model", Constraint::Fill(1)),
        ("calls", Constraint::Length(7)),
        ("failed", Constraint::Length(7)),
        ("p50", Constraint::Length(9)),
        ("p95", Constraint::Length(9)),
    ];
    let time = |time: Option<u64>| time.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
    let rows = app.shown(&app.records.usage).into_iter().map(|row| -> Cells {
        vec![
            (row.provider.clone(), PLAIN),
            (row.model.clone(), PLAIN),
            (count(row.calls), PLAIN),
            (count(row.failed), if row.failed > 0 { app.theme.bad() } else { PLAIN }),
            (time(row.p50_ms), PLAIN),
            (time(row.p95_ms), PLAIN),
        ]
    });
    table(frame, lower, "Metrics".to_owned(), &columns, rows.collect(), Some(app.selected()), EMPTY);
}

/// A bar for each hour, the newest at the right. Each is as wide as the room allows.
pub(super) fn hours(frame: &mut Frame<'_>, area: Rect, title: String, hours: &[u64], app: &App) {
    let block = framed(title);
    let width = usize::from(block.inner(area).width) / hours.len().max(1);
    let bars: Vec<u64> = hours.iter().flat_map(|hour| vec![*hour; width.clamp(1, 4)]).collect();
    frame.render_widget(Sparkline::default().data(&bars).style(app.theme.calm()).block(block), area);
}
