//! The overview as text, for terminals without a dashboard.

use chrono::{DateTime, Utc};

use crate::{
    app::App,
    data::{Records, WorkerRow},
    theme::Theme,
    view::summary,
};

/// The figures of the overview and a line for each worker, as they are at `now`.
#[must_use]
pub fn overview(workers: Result<Vec<WorkerRow>, String>, records: Records, now: DateTime<Utc>) -> String {
    let mut app = App::new(Theme::None, false, now);
    app.set_workers(workers);
    app.set_records(records);
    let facts = summary(&app).into_iter().map(|(name, value, _)| format!("{name:<10} {value}\n"));
    let rows = app.workers.iter().map(|row| {
        let bead = app.task_of(row).unwrap_or("-");
        format!("{} {:<20} {:<18} {bead}\n", row.status.letter(), row.name, row.state)
    });
    facts.chain(rows).collect()
}
