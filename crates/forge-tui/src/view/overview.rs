//! Everything at a glance.

use forge_worker::WorkerStatus;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::Line,
    widgets::{Paragraph, Wrap},
};

use super::{
    Width, costs, lists,
    parts::{ago, clean, fact, framed, money},
    terminal, workers,
};
use crate::{app::App, data::TaskState};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    match Width::of(area) {
        Width::Narrow => {
            let [upper, lower] = Layout::vertical([Constraint::Length(9), Constraint::Min(4)]).areas(area);
            facts(frame, upper, app);
            workers::list(frame, lower, app);
        }
        Width::Medium => {
            let [left, right] =
                Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).spacing(1).areas(area);
            let [upper, lower] = Layout::vertical([Constraint::Length(9), Constraint::Min(4)]).areas(right);
            workers::list(frame, left, app);
            facts(frame, upper, app);
            alerts(frame, lower, app);
        }
        Width::Wide => {
            let [left, middle, right] =
                Layout::horizontal([Constraint::Fill(5), Constraint::Fill(5), Constraint::Fill(3)])
                    .spacing(1)
                    .areas(area);
            let [list, tasks] = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(left);
            let [upper, spent, lower] =
                Layout::vertical([Constraint::Length(9), Constraint::Length(6), Constraint::Min(4)])
                    .areas(right);
            workers::list(frame, list, app);
            lists::tasks(frame, tasks, app);
            terminal::preview(frame, middle, app);
            facts(frame, upper, app);
            costs::hours(frame, spent, "Spent by the hour".to_owned(), &app.records.spent_by_hour, app);
            alerts(frame, lower, app);
        }
    }
}

fn facts(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let lines = summary(app)
        .into_iter()
        .map(|(name, value, bad)| fact(name, value, if bad { app.theme.bad() } else { Style::new() }));
    let lines: Vec<Line<'_>> = lines.collect();
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(framed("Forge")), area);
}

/// The figures of the overview: name, value, and whether something is wrong.
pub(crate) fn summary(app: &App) -> Vec<(&'static str, String, bool)> {
    let records = &app.records;
    let unwell: Vec<&str> = app
        .workers
        .iter()
        .filter(|row| matches!(row.status, WorkerStatus::Failed | WorkerStatus::Error))
        .map(|row| row.name.as_str())
        .collect();
    let at = |wanted: &str| app.workers.iter().filter(|row| row.status.as_str() == wanted).count();
    let workers = format!("{} active, {} idle, {} in all", at("active"), at("idle"), app.workers.len());
    let tasks = format!(
        "{} ready, {} claimed, {} blocked, {} closed",
        records.tasks_in(TaskState::Ready),
        records.tasks_in(TaskState::Claimed),
        records.tasks_in(TaskState::Blocked),
        records.closed
    );
    let (spent, has_unknown) = records.spent();
    let spent = format!(
        "{} in 24 hours{}",
        money(Some(spent)),
        if has_unknown { ", and what is unknown" } else { "" }
    );
    let calls: u64 = records.usage.iter().map(|row| row.calls).sum();
    let failed: u64 = records.usage.iter().map(|row| row.failed).sum();
    let open = records.alerts.iter().filter(|alert| !alert.is_acknowledged).count();
    let mut rows = vec![
        ("workers", workers, false),
        ("tasks", tasks, false),
        ("spent", spent, false),
        ("calls", format!("{calls} in 24 hours, {failed} failed"), false),
        ("sessions", format!("{} under way", records.sessions.len()), false),
        ("alerts", open.to_string(), open > 0),
    ];
    if !unwell.is_empty() {
        rows.push(("unwell", unwell.join(", "), true));
    }
    rows.extend(records.problems.iter().chain(&app.problem).map(|problem| ("problem", clean(problem), true)));
    rows
}

fn alerts(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let open = app.records.alerts.iter().filter(|alert| !alert.is_acknowledged);
    let lines: Vec<Line<'_>> = open
        .map(|alert| {
            let style = if alert.is_critical { app.theme.bad() } else { app.theme.odd() };
            let text = format!("{} {}: {}", ago(alert.since, app.now), alert.subject, alert.cause);
            Line::styled(clean(&text), style)
        })
        .collect();
    let lines = if lines.is_empty() { vec![Line::raw("none")] } else { lines };
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }).block(framed("Alerts")), area);
}
