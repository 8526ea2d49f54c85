//! The accounts behind the door that every store has.

use async_trait::async_trait;
use forge_core::storage::accounts::{
    AccountsError, AccountsReader, Bucket, Filter, GroupBy, SummaryRow, TrendPoint, UsageRecord,
};
use rusqlite::{Connection, params_from_iter, types::Value};

use crate::{
    error::StoreError,
    filter,
    names::Names,
    row::{self, Row, clamp},
    store,
    store::Store,
};

impl From<StoreError> for AccountsError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Filter { reason } => Self::Filter { reason },
            other => Self::Storage(other.into()),
        }
    }
}

#[async_trait]
impl AccountsReader for Store {
    async fn summary(&self, filter: &Filter, by: &[GroupBy]) -> Result<Vec<SummaryRow>, AccountsError> {
        let (filter, by) = (filter.clone(), by.to_vec());
        Ok(self.answer(move |shared| crate::summary::summary(shared, &filter, &by)).await?)
    }

    async fn trend(&self, filter: &Filter, bucket: Bucket) -> Result<Vec<TrendPoint>, AccountsError> {
        let filter = filter.clone();
        Ok(self.answer(move |shared| crate::summary::trend(shared, &filter, bucket)).await?)
    }

    async fn attempts(
        &self,
        filter: &Filter,
        after: Option<&UsageRecord>,
        limit: u64,
    ) -> Result<Vec<UsageRecord>, AccountsError> {
        let (filter, after) = (filter.clone(), after.cloned());
        let question = self.answer(move |shared| {
            let span = filter::span(&filter)?;
            store::read(shared, "read", |conn| attempts(conn, &filter, span, after.as_ref(), limit))
        });
        Ok(question.await?)
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
