//! What was asked over the Model Context Protocol, and by whom.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use crate::{
    row::clamp,
    store::Store,
    writer::{Job, patient},
};

/// A tool that was called, once it has answered. Nothing of the question or the answer is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpRequest {
    /// When it came.
    pub started_at: DateTime<Utc>,
    /// The connection that it came over, if connections are known; see [`McpConnection::id`].
    pub connection: Option<String>,
    /// `stdio` or `http`.
    pub transport: String,
    /// What the client calls itself.
    pub client: Option<String>,
    /// The name of the key that it came with.
    pub key: Option<String>,
    /// The tool.
    pub tool: String,
    /// `ok`, or the code of the failure.
    pub outcome: String,
    /// How long it took.
    pub duration: Duration,
}

/// A client that has said who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpConnection {
    /// Its own id.
    pub id: String,
    /// `stdio` or `http`.
    pub transport: String,
    /// What the client calls itself.
    pub client: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The version of the protocol that it asked for.
    pub protocol: String,
    /// The name of the key that it came with.
    pub key: Option<String>,
    /// When it came.
    pub began_at: DateTime<Utc>,
    /// When it went; over HTTP nobody knows.
    pub ended_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Notes a call. Returns at once; a row that cannot be written is tried again.
    pub fn put_mcp_request(&self, request: McpRequest) {
        let write = move |conn: &Connection| {
            conn.prepare_cached(
                "INSERT INTO mcp_calls (started_at, connection, transport, client, key, tool, outcome, duration_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                request.started_at.timestamp_millis(),
                request.connection,
                request.transport,
                request.client,
                request.key,
                request.tool,
                request.outcome,
                clamp(u64::try_from(request.duration.as_millis()).unwrap_or(u64::MAX)),
            ])
            .map(drop)
        };
        self.shared.submit(Job::Work(patient(write, |_| {})));
    }

    /// Notes a client that has come, and the same one again when it has gone. Returns at once; a row that cannot be written is
    /// tried again.
    pub fn put_mcp_connection(&self, connection: McpConnection) {
        let write = move |conn: &Connection| {
            conn.prepare_cached(
                "INSERT INTO mcp_clients (id, transport, client, version, protocol, key, began_at, ended_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at",
            )?
            .execute(params![
                connection.id,
                connection.transport,
                connection.client,
                connection.version,
                connection.protocol,
                connection.key,
                connection.began_at.timestamp_millis(),
                connection.ended_at.map(|at| at.timestamp_millis()),
            ])
            .map(drop)
        };
        self.shared.submit(Job::Work(patient(write, |_| {})));
    }
}

/// Removes what was asked, and who came, before `end`, ms since 1970.
pub(crate) fn remove(conn: &Connection, end: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM mcp_calls WHERE started_at < ?1", [end])?;
    conn.execute("DELETE FROM mcp_clients WHERE began_at < ?1", [end]).map(drop)
}
