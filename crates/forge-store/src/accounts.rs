//! The accounts behind the door that every store has.

use std::{sync::Arc, thread};

use async_trait::async_trait;
use forge_core::storage::accounts::{
    AccountsError, AccountsReader, Bucket, Filter, GroupBy, SummaryRow, TrendPoint, UsageRecord,
};
use rusqlite::{Connection, params_from_iter, types::Value};
use tokio::sync::oneshot;

use crate::{
    error::StoreError,
    filter,
    names::Names,
    row::{self, Row, clamp},
    store,
    store::Store,
    writer::Shared,
};

impl From<StoreError> for AccountsError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Filter { reason } => Self::Filter { reason },
            other => Self::Storage(other.into()),
        }
    }
}

impl Store {
    /// Answers a question on a thread of its own, because it may take a while.
    async fn answer<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Arc<Shared>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, AccountsError> {
        let (sender, answer) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let work = move || {
            // Whoever asked may have gone.
            let _ = sender.send(question(&shared));
        };
        let started = thread::Builder::new().name("forge-store-reader".into()).spawn(work);
        started.map_err(|source| StoreError::Io {
            what: "start a thread for",
            path: self.path().to_owned(),
            source,
        })?;
        let closed = |_| StoreError::Closed { path: self.path().to_owned() };
        Ok(answer.await.map_err(closed)??)
    }
}

#[async_trait]
impl AccountsReader for Store {
    async fn summary(&self, filter: &Filter, by: &[GroupBy]) -> Result<Vec<SummaryRow>, AccountsError> {
        let (filter, by) = (filter.clone(), by.to_vec());
        self.answer(move |shared| crate::summary::summary(shared, &filter, &by)).await
    }

    async fn trend(&self, filter: &Filter, bucket: Bucket) -> Result<Vec<TrendPoint>, AccountsError> {
        let filter = filter.clone();
        self.answer(move |shared| crate::summary::trend(shared, &filter, bucket)).await
    }

    async fn attempts(
        &self,
        filter: &Filter,
        after: Option<&UsageRecord>,
        limit: u64,
    ) -> Result<Vec<UsageRecord>, AccountsError> {
        let (filter, after) = (filter.clone(), after.cloned());
        self.answer(move |shared| {
            let span = filter::span(&filter)?;
            store::read(shared, "read", |conn| attempts(conn, &filter, span, after.as_ref(), limit))
        })
        .await
    }
}

fn attempts(
    conn: &Connection,
    filter: &Filter,
    (from, to): (i64, i64),
    after: Option<&UsageRecord>,
    limit: u64,
) -> rusqlite::Result<Vec<UsageRecord>> {
    let mut names = Names::default();
    let Some(conditions) = filter::conditions(filter, conn, &mut names, "coalesce(served, asked)")? else {
        return Ok(Vec::new());
    };
    let mut values = vec![Value::from(from), to.into(), clamp(limit).into()];
    let mut beyond = "";
    if let Some(after) = after {
        beyond = " AND (started_at, call_id, attempt) > (?4, ?5, ?6)";
        values.push(after.started_at.timestamp_millis().into());
        values.push(after.call_id.as_u128().to_be_bytes().to_vec().into());
        values.push(after.attempt.into());
    }
    let mut statement = conn.prepare(&format!(
        "SELECT {} FROM attempts WHERE started_at >= ?1 AND started_at < ?2{conditions}{beyond}
         ORDER BY started_at, call_id, attempt LIMIT ?3",
        row::COLUMNS
    ))?;
    let rows = statement.query_map(params_from_iter(values), Row::read)?;
    rows.map(|row| row?.to_record(conn, &mut names)).collect()
}
