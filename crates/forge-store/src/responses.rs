//! Responses that a server keeps for its clients.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use forge_core::storage::{
    StorageError,
    responses::{ResponseStore, StoredResponse},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{
    error::StoreError,
    row,
    store::{self, Store},
};

const COLUMNS: &str = "id, owner, previous, created_at, expires_at, under_way_until, input, response";

/// Reads [`COLUMNS`].
fn response(row: &Row<'_>) -> rusqlite::Result<StoredResponse> {
    let text = |column| row.get::<_, Arc<str>>(column);
    let times = [row::time(row.get(3)?), row::time(row.get(4)?)];
    let mut response = StoredResponse::new(text(0)?, text(1)?, times, text(6)?, text(7)?);
    response.previous = row.get(2)?;
    response.under_way_until = row.get::<_, Option<i64>>(5)?.map(row::time);
    Ok(response)
}

fn put(conn: &Connection, one: &StoredResponse) -> rusqlite::Result<()> {
    let sql = format!("INSERT OR REPLACE INTO responses ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    conn.prepare_cached(&sql)?.execute(params![
        &*one.id,
        &*one.owner,
        one.previous.as_deref(),
        one.created_at.timestamp_millis(),
        one.expires_at.timestamp_millis(),
        one.under_way_until.map(|until| until.timestamp_millis()),
        &*one.input,
        &*one.response,
    ])?;
    Ok(())
}

fn walk(
    conn: &Connection,
    owner: &str,
    id: &str,
    links: usize,
    bytes: usize,
) -> rusqlite::Result<Vec<StoredResponse>> {
    let mut find = conn.prepare(&format!("SELECT {COLUMNS} FROM responses WHERE owner = ?1 AND id = ?2"))?;
    let (mut found, mut next, mut held) = (Vec::new(), Some(Arc::from(id)), 0_usize);
    while let Some(id) = next.take().filter(|_: &Arc<str>| found.len() < links && held < bytes) {
        if let Some(one) = find.query_row([owner, &*id], response).optional()? {
            held = held.saturating_add(one.bytes());
            next.clone_from(&one.previous);
            found.push(one);
        }
    }
    Ok(found)
}

fn renew(conn: &Connection, ids: &[Arc<str>], until: i64) -> rusqlite::Result<Vec<Arc<str>>> {
    let mut renew = conn.prepare_cached(
        "UPDATE responses SET under_way_until = ?2 WHERE id = ?1 AND under_way_until IS NOT NULL",
    )?;
    let mut renewed = Vec::new();
    for id in ids {
        if renew.execute(params![&**id, until])? > 0 {
            renewed.push(Arc::clone(id));
        }
    }
    Ok(renewed)
}

impl Store {
    /// Changes responses in a transaction that is on disk afterwards.
    async fn change_responses<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        let work = move |conn: &Connection, _: &_| work(conn).map(Ok::<_, StoreError>);
        Ok(self.commit(work, |_, made| made).await??)
    }
}

#[async_trait]
impl ResponseStore for Store {
    async fn put_response(&self, response: StoredResponse) -> Result<(), StorageError> {
        self.change_responses(move |conn| put(conn, &response)).await
    }

    async fn end_response(&self, owner: &str, id: &str, response: Arc<str>) -> Result<bool, StorageError> {
        let (owner, id) = (owner.to_owned(), id.to_owned());
        self.change_responses(move |conn| {
            let mut end = conn.prepare_cached(
                "UPDATE responses SET under_way_until = NULL, response = ?3
                 WHERE owner = ?1 AND id = ?2 AND under_way_until IS NOT NULL",
            )?;
            Ok(end.execute(params![owner, id, &*response])? > 0)
        })
        .await
    }

    async fn renew_responses(
        &self,
        ids: &[Arc<str>],
        until: DateTime<Utc>,
    ) -> Result<Vec<Arc<str>>, StorageError> {
        let (ids, until) = (ids.to_vec(), until.timestamp_millis());
        self.change_responses(move |conn| renew(conn, &ids, until)).await
    }

    async fn responses(
        &self,
        owner: &str,
        id: &str,
        links: usize,
        bytes: usize,
    ) -> Result<Vec<StoredResponse>, StorageError> {
        let (owner, id) = (owner.to_owned(), id.to_owned());
        let walk = move |conn: &Connection| {
            // One state of the file, while others delete.
            let state = conn.unchecked_transaction()?;
            walk(&state, &owner, &id, links, bytes)
        };
        Ok(self.answer(move |shared| store::read_again(shared, walk)).await?)
    }

    async fn delete_response(&self, owner: &str, id: &str) -> Result<bool, StorageError> {
        let (owner, id) = (owner.to_owned(), id.to_owned());
        self.change_responses(move |conn| {
            let gone = conn.execute("DELETE FROM responses WHERE owner = ?1 AND id = ?2", [&owner, &id])?;
            Ok(gone > 0)
        })
        .await
    }

    async fn sweep_responses(&self, now: DateTime<Utc>) -> Result<u64, StorageError> {
        let now = now.timestamp_millis();
        self.change_responses(move |conn| {
            let gone = conn.execute("DELETE FROM responses WHERE expires_at <= ?1", [now])?;
            Ok(gone as u64)
        })
        .await
    }
}
