//! Why tasks went where they went.

use std::sync::Arc;

use async_trait::async_trait;
use forge_core::storage::{
    StorageError,
    queue::{DecisionLog, KeptDecision},
};
use rusqlite::{Connection, params};

use crate::{
    error::StoreError,
    row::time,
    store::{self, Store},
};

fn decisions(conn: &Connection, queue: &str, task: Option<&str>) -> rusqlite::Result<Vec<KeptDecision>> {
    let mut find = conn.prepare_cached(
        "SELECT task, at, decision FROM queue_decisions WHERE queue = ?1 AND (?2 IS NULL OR task = ?2) ORDER BY place",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(KeptDecision::new(row.get::<_, Arc<str>>(0)?, time(row.get(1)?), row.get::<_, Arc<str>>(2)?))
    };
    find.query_map(params![queue, task], read)?.collect()
}

#[async_trait]
impl DecisionLog for Store {
    async fn keep_decision(&self, queue: &str, decision: KeptDecision) -> Result<(), StorageError> {
        let queue = queue.to_owned();
        let work = move |conn: &Connection, _: &_| {
            let KeptDecision { task, at, decision, .. } = &decision;
            conn.prepare_cached(
                "INSERT INTO queue_decisions (queue, task, at, decision) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![queue, &**task, at.timestamp_millis(), &**decision])
            .map(|_| Ok::<_, StoreError>(()))
        };
        Ok(self.commit(work, |_, ()| ()).await??)
    }

    async fn decisions(&self, queue: &str, task: Option<&str>) -> Result<Vec<KeptDecision>, StorageError> {
        let (queue, task) = (queue.to_owned(), task.map(str::to_owned));
        let read = move |conn: &Connection| decisions(conn, &queue, task.as_deref());
        Ok(self.answer(move |shared| store::read(shared, "read", read)).await?)
    }
}
