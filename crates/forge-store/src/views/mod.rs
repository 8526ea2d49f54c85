//! Views for other programs. Tables may change with every version; the columns of a view only grow in number.
//!
//! Views hold no data, so they are not part of the file's form: whoever opens the file for writing makes those that
//! are missing or that an earlier version made.

use std::fmt::Write as _;

use forge_core::{ErrorKind, storage::accounts::CallStatus};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::codes::{self, error_code, status_code};

/// The names of the views.
pub const VIEWS: &[&str] = &[
    "model_usage",
    "model_metrics",
    "tasks",
    "sessions",
    "findings",
    "prompts",
    "mcp_requests",
    "mcp_connections",
    "workflows",
    "agents",
    "hooks",
    "beads",
];

const TEXTS: [&str; VIEWS.len()] = [
    include_str!("model_usage.sql"),
    include_str!("model_metrics.sql"),
    include_str!("tasks.sql"),
    include_str!("sessions.sql"),
    include_str!("findings.sql"),
    include_str!("prompts.sql"),
    include_str!("mcp_requests.sql"),
    include_str!("mcp_connections.sql"),
    include_str!("workflows.sql"),
    include_str!("agents.sql"),
    include_str!("hooks.sql"),
    include_str!("beads.sql"),
];

/// Brings the views up to this version.
pub(crate) fn refresh(conn: &Connection) -> rusqlite::Result<()> {
    let wanted: Vec<_> = TEXTS.iter().map(|text| filled(text)).collect();
    if are(conn, &wanted)? {
        return Ok(());
    }
    let transaction = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
    drop_all(&transaction)?;
    wanted.iter().try_for_each(|text| transaction.execute_batch(text))?;
    transaction.commit()
}

/// Drops the views, so that the tables behind them can change.
pub(crate) fn drop_all(conn: &Connection) -> rusqlite::Result<()> {
    let mut find = conn.prepare("SELECT count(*) FROM sqlite_schema WHERE type = 'view' AND name = ?1")?;
    for name in VIEWS {
        // In an older form of the file, the name may be that of a table.
        if find.query_row([*name], |row| row.get::<_, i64>(0))? > 0 {
            conn.execute_batch(&format!("DROP VIEW {name}"))?;
        }
    }
    Ok(())
}

fn are(conn: &Connection, wanted: &[String]) -> rusqlite::Result<bool> {
    let mut find =
        conn.prepare("SELECT count(*) FROM sqlite_schema WHERE type = 'view' AND name = ?1 AND sql = ?2")?;
    for (name, text) in VIEWS.iter().zip(wanted) {
        if find.query_row((name, text), |row| row.get::<_, i64>(0))? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The statement with the words and numbers that stand for codes.
fn filled(text: &str) -> String {
    let statuses = [
        CallStatus::Success,
        CallStatus::Failure,
        CallStatus::Retry,
        CallStatus::Cancelled,
        CallStatus::Killed,
    ];
    let words = [
        ("{STATUSES}", cases(statuses.map(|status| (status_code(status), status.as_str())))),
        ("{ERRORS}", cases(ErrorKind::ALL.iter().map(|kind| (error_code(*kind), kind.as_str())))),
        ("{SUCCESS}", codes::SUCCESS.to_string()),
        ("{FAILURE}", codes::FAILURE.to_string()),
        ("{RETRY}", codes::RETRY.to_string()),
        ("{CANCELLED}", codes::CANCELLED.to_string()),
        ("{KILLED}", codes::KILLED.to_string()),
    ];
    words.iter().fold(text.trim_end().to_owned(), |text, (mark, words)| text.replace(mark, words))
}

fn cases(words: impl IntoIterator<Item = (i64, &'static str)>) -> String {
    let words = words.into_iter().fold(String::new(), |mut cases, (code, word)| {
        // Writing to a string cannot fail.
        let _ = write!(cases, "WHEN {code} THEN '{word}' ");
        cases
    });
    words.trim_end().to_owned()
}
