//! The workers, and the terminal of the selected one.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::Style,
    widgets::{Paragraph, Wrap},
};

use super::{
    Width,
    parts::{Cells, Column, ago, fact, framed, table},
    terminal,
};
use crate::{app::App, data::WorkerRow};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let rows = u16::try_from(app.shown_workers().len()).unwrap_or(u16::MAX).saturating_add(2);
    match Width::of(area) {
        Width::Narrow => {
            let top = rows.max(3).min(area.height / 2);
            let [upper, lower] = Layout::vertical([Constraint::Length(top), Constraint::Min(3)]).areas(area);
            list(frame, upper, app);
            terminal::preview(frame, lower, app);
        }
        Width::Medium => {
            let [left, right] =
                Layout::horizontal([Constraint::Length(52), Constraint::Min(20)]).spacing(1).areas(area);
            let [upper, lower] = Layout::vertical([Constraint::Min(5), Constraint::Length(10)]).areas(left);
            list(frame, upper, app);
            details(frame, lower, app);
            terminal::preview(frame, right, app);
        }
        Width::Wide => {
            let [left, middle, right] =
                Layout::horizontal([Constraint::Length(70), Constraint::Min(60), Constraint::Length(36)])
                    .spacing(1)
                    .areas(area);
            list(frame, left, app);
            terminal::preview(frame, middle, app);
            details(frame, right, app);
        }
    }
}

/// The workers as a table, as wide as there is room.
pub(super) fn list(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let mut columns: Vec<Column> = vec![
        ("", Constraint::Length(2)),
        ("worker", Constraint::Min(10)),
        ("state", Constraint::Length(18)),
        ("for", Constraint::Length(4)),
        ("task", Constraint::Max(12)),
    ];
    if area.width >= 68 {
        columns.extend([("tier", Constraint::Length(8)), ("agent", Constraint::Length(8))]);
    }
    if area.width >= 100 {
        columns.push(("model", Constraint::Min(10)));
    }
    let cells = |row: &WorkerRow| -> Cells {
        let style = app.theme.of_status(row.status);
        let sign =
            if app.emoji { row.status.indicator().to_owned() } else { row.status.letter().to_string() };
        let all = [
            (sign, style),
            (row.name.clone(), Style::new()),
            (row.state.clone(), style),
            (ago(row.since, app.now), Style::new()),
            (app.task_of(row).unwrap_or_default().to_owned(), Style::new()),
            (row.tier.as_str().to_owned(), Style::new()),
            (row.agent.clone(), Style::new()),
            (row.model.clone(), Style::new()),
        ];
        all.into_iter().take(columns.len()).collect()
    };
    let rows: Vec<Cells> = app.shown_workers().into_iter().map(cells).collect();
    let title = format!("Workers ({})", rows.len());
    let empty = match &app.problem {
        Some(problem) => problem.as_str(),
        None if !app.wanted().is_empty() => "No worker has this text. Esc shows all.",
        None => "No workers. n starts one; so does `forge worker spawn NAME --agent AGENT`.",
    };
    table(frame, area, title, &columns, rows, Some(app.selected()), empty);
}

fn details(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let name = app.worker.as_deref();
    let Some(row) = app.workers.iter().find(|row| Some(row.name.as_str()) == name) else {
        return frame.render_widget(framed("Details"), area);
    };
    let plain = Style::new();
    let pid = row.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    let model = if row.model.is_empty() { "its own choice" } else { row.model.as_str() };
    let lines = vec![
        fact("status", row.status.as_str(), app.theme.of_status(row.status)),
        fact("state", format!("{}, says the {}", row.state, row.source), plain),
        fact("evidence", row.evidence.as_str(), plain),
        fact("agent", format!("{}, pid {pid}", row.agent), plain),
        fact("model", format!("{model} ({})", row.tier.as_str()), plain),
        fact("task", app.task_of(row).unwrap_or("-"), plain),
        fact("restarts", row.restarts.to_string(), if row.restarts > 0 { app.theme.odd() } else { plain }),
        fact("folder", row.workspace.as_str(), plain),
    ];
    let text = Paragraph::new(lines).wrap(Wrap { trim: false }).block(framed(row.name.as_str()));
    frame.render_widget(text, area);
}
