//! The log of tasks.

use chrono::{DateTime, Utc};
use forge_core::{ParticipantRole, ProviderId};
use rusqlite::{Connection, params};
use serde::Serialize;

use crate::{
    error::StoreError,
    row,
    row::clamp,
    store::Store,
    writer::{Job, patient},
};

/// A task as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskEntry {
    /// The task.
    pub id: String,
    /// The role in which it is done.
    pub role: ParticipantRole,
    /// The configured provider that works or worked on it.
    pub provider: Option<ProviderId>,
    /// How often it was tried.
    pub attempts: u32,
    /// Where it stands, in the words of its owner.
    pub status: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Store {
    /// Logs where a task stands. An entry of the same id is replaced but for the time when the task came.
    /// Returns at once; an entry that cannot be written is tried again.
    pub fn put_task(&self, task: TaskEntry) {
        let write = move |conn: &Connection| {
            conn.prepare_cached(
                "INSERT INTO task_log (id, role, provider, attempts, state, created_at, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (id) DO UPDATE SET role = excluded.role, provider = excluded.provider,
                     attempts = excluded.attempts, state = excluded.state, updated_at = excluded.updated_at",
            )?
            .execute(params![
                task.id,
                task.role.as_str(),
                task.provider.as_ref().map(ProviderId::as_str),
                task.attempts,
                task.status,
                task.created_at.timestamp_millis(),
                task.updated_at.timestamp_millis(),
            ])
            .map(drop)
        };
        self.shared.submit(Job::Work(patient(write, |_| {})));
    }

    /// The tasks that changed last, at most `limit` of them. Blocks.
    pub fn tasks(&self, limit: u64) -> Result<Vec<TaskEntry>, StoreError> {
        self.query("read", |conn| {
            let mut statement = conn.prepare(
                "SELECT id, role, provider, attempts, state, created_at, updated_at FROM task_log
                 ORDER BY updated_at DESC, id LIMIT ?1",
            )?;
            let read = |row: &rusqlite::Row<'_>| {
                let (role, provider): (String, Option<String>) = (row.get(1)?, row.get(2)?);
                Ok(TaskEntry {
                    id: row.get(0)?,
                    role: role.into(),
                    provider: provider.map(ProviderId::from),
                    attempts: row.get(3)?,
                    status: row.get(4)?,
                    created_at: row::time(row.get(5)?),
                    updated_at: row::time(row.get(6)?),
                })
            };
            statement.query_map([clamp(limit)], read)?.collect()
        })
    }
}
