//! Why tasks went where they went.

use std::sync::Arc;

use async_trait::async_trait;
use deadpool_postgres::Object;
use forge_core::storage::{
    StorageError,
    queue::{DecisionLog, KeptDecision},
};
use tokio_postgres::Row;

use crate::{shared::Shared, store::PostgresStore, time};

#[async_trait]
impl DecisionLog for PostgresStore {
    async fn keep_decision(&self, queue: &str, decision: KeptDecision) -> Result<(), StorageError> {
        let queue = queue.to_owned();
        let work = move |_: Arc<Shared>, client: Object| async move {
            let KeptDecision { task, at, decision, .. } = &decision;
            let sql = "INSERT INTO queue_decisions (queue, task, at, decision) VALUES ($1, $2, $3, $4)";
            client.execute(sql, &[&queue, &&**task, &at.timestamp_millis(), &&**decision]).await?;
            Ok(())
        };
        self.ask("keep a decision", work).await
    }

    async fn decisions(&self, queue: &str, task: Option<&str>) -> Result<Vec<KeptDecision>, StorageError> {
        let (queue, task) = (queue.to_owned(), task.map(str::to_owned));
        let work = move |_: Arc<Shared>, client: Object| async move {
            let sql = "SELECT task, at, decision FROM queue_decisions
                WHERE queue = $1 AND ($2::text IS NULL OR task = $2) ORDER BY place";
            let rows = client.query(sql, &[&queue, &task]).await?;
            let read =
                |row: &Row| KeptDecision::new(row.get::<_, &str>(0), time(row.get(1)), row.get::<_, &str>(2));
            Ok(rows.iter().map(read).collect())
        };
        self.ask("read the decisions", work).await
    }
}
