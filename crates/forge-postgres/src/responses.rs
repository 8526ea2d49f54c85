//! Responses that a server keeps for its clients.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use deadpool_postgres::Object;
use forge_core::storage::{
    StorageError,
    responses::{ResponseStore, StoredResponse},
};
use tokio_postgres::{IsolationLevel, Row};

use crate::{shared::Shared, store::PostgresStore, time};

const COLUMNS: &str = "id, owner, previous, created_at, expires_at, under_way_until, input, response";

/// Reads [`COLUMNS`].
fn response(row: &Row) -> StoredResponse {
    let text = |at| row.get::<_, &str>(at);
    let times = [time(row.get(3)), time(row.get(4))];
    let mut response = StoredResponse::new(text(0), text(1), times, text(6), text(7));
    response.previous = row.get::<_, Option<&str>>(2).map(Arc::from);
    response.under_way_until = row.get::<_, Option<i64>>(5).map(time);
    response
}

#[async_trait]
impl ResponseStore for PostgresStore {
    async fn put_response(&self, response: StoredResponse) -> Result<(), StorageError> {
        let work = move |_: Arc<Shared>, client: Object| async move {
            let sql = format!(
                "INSERT INTO responses ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (owner, id) DO UPDATE SET ({COLUMNS}) = ROW (excluded.id, excluded.owner, excluded.previous,
                     excluded.created_at, excluded.expires_at, excluded.under_way_until, excluded.input, excluded.response)"
            );
            let StoredResponse {
                id,
                owner,
                previous,
                created_at,
                expires_at,
                under_way_until,
                input,
                response,
                ..
            } = &response;
            let [created, expires] = [created_at, expires_at].map(DateTime::timestamp_millis);
            let until = under_way_until.map(|until| until.timestamp_millis());
            let statement = client.prepare_cached(&sql).await?;
            let previous = previous.as_deref();
            client
                .execute(
                    &statement,
                    &[&&**id, &&**owner, &previous, &created, &expires, &until, &&**input, &&**response],
                )
                .await?;
            Ok(())
        };
        self.ask("keep a response", work).await
    }

    async fn end_response(&self, owner: &str, id: &str, response: Arc<str>) -> Result<bool, StorageError> {
        let (owner, id) = (owner.to_owned(), id.to_owned());
        let work = move |_: Arc<Shared>, client: Object| async move {
            let sql = "UPDATE responses SET under_way_until = NULL, response = $3
                WHERE owner = $1 AND id = $2 AND under_way_until IS NOT NULL";
            Ok(client.execute(sql, &[&owner, &id, &&*response]).await? > 0)
        };
        self.ask("end a response", work).await
    }

    async fn renew_responses(
        &self,
        ids: &[Arc<str>],
        until: DateTime<Utc>,
    ) -> Result<Vec<Arc<str>>, StorageError> {
        let (ids, until) = (ids.to_vec(), until.timestamp_millis());
        let work = move |_: Arc<Shared>, client: Object| async move {
            let texts: Vec<&str> = ids.iter().map(|id| &**id).collect();
            let sql = "UPDATE responses SET under_way_until = $2
                WHERE id = ANY ($1) AND under_way_until IS NOT NULL RETURNING id";
            let rows = client.query(sql, &[&texts, &until]).await?;
            let renewed: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
            Ok(ids.iter().filter(|id| renewed.contains(&&***id)).cloned().collect())
        };
        self.ask("renew responses", work).await
    }

    async fn responses(
        &self,
        owner: &str,
        id: &str,
        links: usize,
        bytes: usize,
    ) -> Result<Vec<StoredResponse>, StorageError> {
        let (owner, id) = (owner.to_owned(), Arc::<str>::from(id));
        let work = move |_: Arc<Shared>, mut client: Object| async move {
            // One state of the table, while others delete.
            let reading =
                client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
            let transaction = reading.start().await?;
            let sql = format!("SELECT {COLUMNS} FROM responses WHERE owner = $1 AND id = $2");
            let statement = transaction.prepare_cached(&sql).await?;
            let (mut found, mut next, mut held) = (Vec::new(), Some(id), 0_usize);
            while let Some(id) = next.take().filter(|_| found.len() < links && held < bytes) {
                if let Some(row) = transaction.query_opt(&statement, &[&owner, &&*id]).await? {
                    let one = response(&row);
                    held = held.saturating_add(one.bytes());
                    next.clone_from(&one.previous);
                    found.push(one);
                }
            }
            Ok(found)
        };
        self.ask("read responses", work).await
    }

    async fn delete_response(&self, owner: &str, id: &str) -> Result<bool, StorageError> {
        let (owner, id) = (owner.to_owned(), id.to_owned());
        let work = move |_: Arc<Shared>, client: Object| async move {
            Ok(client.execute("DELETE FROM responses WHERE owner = $1 AND id = $2", &[&owner, &id]).await?
                > 0)
        };
        self.ask("delete a response", work).await
    }

    async fn sweep_responses(&self, now: DateTime<Utc>) -> Result<u64, StorageError> {
        let now = now.timestamp_millis();
        let work = move |_: Arc<Shared>, client: Object| async move {
            Ok(client.execute("DELETE FROM responses WHERE expires_at <= $1", &[&now]).await?)
        };
        self.ask("forget responses", work).await
    }
}
