//! Views that are one list.

use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    style::Style,
};

use super::parts::{Cells, ago, money, table};
use crate::{app::App, data::TaskState};

const PLAIN: Style = Style::new();

/// From so many columns on, points and kinds of tasks have room.
const WITH_POINTS: u16 = 100;

pub(super) fn tasks(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let records = &app.records;
    let mut columns = vec![
        ("", Constraint::Length(2)),
        ("task", Constraint::Max(14)),
        ("state", Constraint::Length(8)),
        ("worker", Constraint::Max(14)),
        ("title", Constraint::Fill(3)),
        ("", Constraint::Fill(2)),
    ];
    if area.width >= WITH_POINTS {
        columns.extend([("points", Constraint::Length(6)), ("kind", Constraint::Length(8))]);
    }
    let shown = app.shown(&records.tasks).into_iter();
    let rows = shown.map(|row| -> Cells {
        let all = [
            (format!("P{}", row.priority), if row.priority == 0 { app.theme.bad() } else { PLAIN }),
            (row.id.clone(), PLAIN),
            (row.state.as_str().to_owned(), app.theme.of_task(row.state)),
            (row.owner.clone().unwrap_or_default(), PLAIN),
            (row.title.clone(), PLAIN),
            (row.note.clone(), app.theme.quiet()),
            (row.score.map(|score| score.to_string()).unwrap_or_default(), PLAIN),
            (row.kind.clone(), PLAIN),
        ];
        all.into_iter().take(columns.len()).collect()
    });
    let title = format!(
        "Tasks of {}: {} ready, {} claimed, {} blocked, {} closed",
        records.workspace,
        records.tasks_in(TaskState::Ready),
        records.tasks_in(TaskState::Claimed),
        records.tasks_in(TaskState::Blocked),
        records.closed
    );
    let empty = "No tasks here. `forge bead add TITLE` makes one.";
    table(frame, area, title, &columns, rows.collect(), Some(app.selected()), empty);
}

pub(super) fn sessions(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let columns = [
        ("session", Constraint::Max(28)),
        ("kind", Constraint::Length(8)),
        ("stage", Constraint::Length(14)),
        ("cost", Constraint::Length(10)),
        ("ago", Constraint::Length(4)),
        ("about", Constraint::Fill(1)),
    ];
    let shown = app.shown(&app.records.sessions).into_iter();
    let rows = shown.map(|row| -> Cells {
        vec![
            (row.name.clone(), PLAIN),
            (row.kind.clone(), PLAIN),
            (row.stage.clone(), app.theme.calm()),
            (money(row.cost), PLAIN),
            (ago(row.updated_at, app.now), PLAIN),
            (row.topic.clone(), PLAIN),
        ]
    });
    let empty = "No council and no workflow is under way. `forge sessions list` has those that ended.";
    table(frame, area, "Sessions".to_owned(), &columns, rows.collect(), Some(app.selected()), empty);
}

pub(super) fn routes(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let columns = [
        ("ago", Constraint::Length(4)),
        ("what", Constraint::Max(24)),
        ("went to", Constraint::Max(24)),
        ("because", Constraint::Fill(1)),
    ];
    let shown = app.shown(&app.records.routes).into_iter();
    let rows = shown.map(|row| -> Cells {
        vec![
            (row.at.map(|at| ago(at, app.now)).unwrap_or_default(), PLAIN),
            (row.what.clone(), PLAIN),
            (row.chosen.clone(), app.theme.calm()),
            (row.reason.clone(), PLAIN),
        ]
    });
    let empty = "Nothing was handed out in 24 hours. `forge route explain` says what the router would do.";
    table(frame, area, "Routing".to_owned(), &columns, rows.collect(), Some(app.selected()), empty);
}

pub(super) fn alerts(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let columns = [
        ("", Constraint::Length(8)),
        ("since", Constraint::Length(5)),
        ("of", Constraint::Max(20)),
        ("what", Constraint::Fill(1)),
    ];
    let rows = app.shown(&app.records.alerts).into_iter().map(|row| -> Cells {
        let (word, style) = match (row.is_acknowledged, row.is_critical) {
            (true, _) => ("seen", app.theme.quiet()),
            (false, true) => ("critical", app.theme.bad()),
            (false, false) => ("warning", app.theme.odd()),
        };
        vec![
            (word.to_owned(), style),
            (ago(row.since, app.now), PLAIN),
            (row.subject.clone(), PLAIN),
            (row.cause.clone(), PLAIN),
        ]
    });
    let empty = "No alerts.";
    table(frame, area, "Alerts".to_owned(), &columns, rows.collect(), Some(app.selected()), empty);
}
