//! Versions of prompts, and the labels that point to them.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use deadpool_postgres::{Object, Transaction};
use forge_core::storage::{
    StorageError, StorageErrorKind,
    access::AuditEvent,
    prompts::{LabelMove, PromptStore, PromptText, PromptVersion},
};
use tokio_postgres::Row;

use crate::{
    access::audit,
    error::Failure,
    shared::Shared,
    store::PostgresStore,
    text::{escape, unescape},
    time,
};

/// Whoever changes what belongs to a name takes turns with all who do.
async fn turn(transaction: &Transaction<'_>, name: &str) -> Result<(), Failure> {
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.prompt.' || $1, 0))";
    transaction.execute(lock, &[&name]).await?;
    Ok(())
}

fn number(row: &Row, at: usize) -> Result<u32, Failure> {
    u32::try_from(row.get::<_, i64>(at)).map_err(|error| Failure::new(StorageErrorKind::Damaged, error))
}

fn version(row: &Row) -> Result<PromptVersion, Failure> {
    let text = |at| row.get::<_, &str>(at);
    let prompt = PromptText::new(text(1), text(2), text(3), unescape(text(4)))
        .with_parts(serde_json::from_str(text(5))?);
    Ok(PromptVersion::new(number(row, 0)?, prompt, time(row.get(6))))
}

/// A wish that a label points somewhere.
struct Move {
    name: String,
    label: String,
    version: Option<u32>,
    now: DateTime<Utc>,
    by: String,
}

impl Move {
    /// The version to which the label points afterwards, and where it goes back to from there.
    async fn target(&self, transaction: &Transaction<'_>) -> Result<Option<(i64, Option<i64>)>, Failure> {
        let find = "SELECT place, before FROM prompt_labels WHERE name = $1 AND label = $2 ORDER BY place DESC LIMIT 1";
        let current = transaction.query_opt(find, &[&self.name, &self.label]).await?;
        if let Some(version) = self.version {
            return Ok(Some((version.into(), current.map(|row| row.get(0)))));
        }
        // A label that went back goes back further from there.
        let Some(before) = current.and_then(|row| row.get::<_, Option<i64>>(1)) else { return Ok(None) };
        let find = "SELECT version, before FROM prompt_labels WHERE place = $1";
        Ok(transaction.query_opt(find, &[&before]).await?.map(|row| (row.get(0), row.get(1))))
    }

    async fn make(&self, transaction: &Transaction<'_>) -> Result<Option<u32>, Failure> {
        turn(transaction, &self.name).await?;
        let Some((version, before)) = self.target(transaction).await? else { return Ok(None) };
        let find = "SELECT number FROM prompt_versions WHERE name = $1 AND number = $2";
        let Some(row) = transaction.query_opt(find, &[&self.name, &version]).await? else { return Ok(None) };
        let insert = "INSERT INTO prompt_labels (name, label, version, before, at, by) VALUES ($1, $2, $3, $4, $5, $6)";
        let at = self.now.timestamp_millis();
        transaction.execute(insert, &[&self.name, &self.label, &version, &before, &at, &self.by]).await?;
        let detail =
            serde_json::json!({ "label": self.label, "version": version, "back": self.version.is_none() });
        let event = AuditEvent::new(self.now, &*self.by, "prompt_labelled", &*self.name);
        audit::append(transaction, &event.with_detail(detail.to_string())).await?;
        number(&row, 0).map(Some)
    }
}

#[async_trait]
impl PromptStore for PostgresStore {
    async fn keep_prompt(&self, prompt: PromptText, now: DateTime<Utc>) -> Result<u32, StorageError> {
        let work = move |_: Arc<Shared>, mut client: Object| async move {
            let PromptText { name, hash, file, text, parts, .. } = &prompt;
            let find = "SELECT number FROM prompt_versions WHERE name = $1 AND hash = $2";
            let statement = client.prepare_cached(find).await?;
            // Most prompts are known, and wait for nobody.
            if let Some(known) = client.query_opt(&statement, &[&&**name, &&**hash]).await? {
                return number(&known, 0);
            }
            let transaction = client.transaction().await?;
            turn(&transaction, name).await?;
            let insert = "INSERT INTO prompt_versions (name, number, hash, file, text, parts, first_used)
                SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6 FROM prompt_versions WHERE name = $1
                ON CONFLICT DO NOTHING";
            let (parts, at) = (serde_json::to_string(parts)?, now.timestamp_millis());
            transaction.execute(insert, &[&&**name, &&**hash, &&**file, &escape(text), &parts, &at]).await?;
            let kept = transaction.query_one(find, &[&&**name, &&**hash]).await?;
            transaction.commit().await?;
            number(&kept, 0)
        };
        self.ask("keep a prompt", work).await
    }

    async fn prompt_versions(&self, name: Option<&str>) -> Result<Vec<PromptVersion>, StorageError> {
        let name = name.map(str::to_owned);
        let work = move |_: Arc<Shared>, client: Object| async move {
            let find = "SELECT number, name, hash, file, text, parts, first_used FROM prompt_versions
                WHERE $1::text IS NULL OR name = $1 ORDER BY name, number";
            client.query(find, &[&name]).await?.iter().map(version).collect()
        };
        self.ask("read the prompts", work).await
    }

    async fn move_label(
        &self,
        name: &str,
        label: &str,
        version: Option<u32>,
        now: DateTime<Utc>,
        by: &str,
    ) -> Result<Option<u32>, StorageError> {
        let wish = Move { name: name.to_owned(), label: label.to_owned(), version, now, by: by.to_owned() };
        let work = move |_: Arc<Shared>, mut client: Object| async move {
            let transaction = client.transaction().await?;
            let moved = wish.make(&transaction).await?;
            transaction.commit().await?;
            Ok(moved)
        };
        self.ask("move a label", work).await
    }

    async fn label_moves(&self, name: Option<&str>) -> Result<Vec<LabelMove>, StorageError> {
        let name = name.map(str::to_owned);
        let work = move |_: Arc<Shared>, client: Object| async move {
            let find = "SELECT name, label, version, at, by FROM prompt_labels
                WHERE $1::text IS NULL OR name = $1 ORDER BY place";
            let read = |row: &Row| {
                let text = |at| row.get::<_, &str>(at);
                Ok(LabelMove::new(text(0), text(1), number(row, 2)?, time(row.get(3)), text(4)))
            };
            client.query(find, &[&name]).await?.iter().map(read).collect()
        };
        self.ask("read the labels", work).await
    }
}
