//! Versions of prompts, and the labels that point to them.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use forge_core::storage::{
    StorageError,
    access::AuditEvent,
    prompts::{LabelMove, PromptStore, PromptText, PromptVersion},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{
    audit,
    error::StoreError,
    row,
    store::{self, Store},
    writer::{Job, patient},
};

const VERSION: &str = "number, name, hash, file, text, parts, first_used";

/// Reads [`VERSION`].
fn version(row: &Row<'_>) -> rusqlite::Result<PromptVersion> {
    let text = |column| row.get::<_, Arc<str>>(column);
    let parts: BTreeMap<String, String> = serde_json::from_str(&text(5)?).unwrap_or_default();
    let prompt = PromptText::new(text(1)?, text(2)?, text(3)?, text(4)?).with_parts(parts);
    Ok(PromptVersion::new(row.get(0)?, prompt, row::time(row.get(6)?)))
}

/// Keeps a prompt unless it is known, in the transaction of the caller; returns its number.
fn keep(conn: &Connection, prompt: &PromptText, now: i64) -> rusqlite::Result<u32> {
    let mut find = conn.prepare_cached("SELECT number FROM prompt_versions WHERE name = ?1 AND hash = ?2")?;
    if let Some(known) = find.query_row([&*prompt.name, &*prompt.hash], |row| row.get(0)).optional()? {
        return Ok(known);
    }
    let parts = serde_json::to_string(&prompt.parts).unwrap_or_else(|_| "{}".to_owned());
    conn.prepare_cached(
        "INSERT INTO prompt_versions (name, number, hash, file, text, parts, first_used)
         SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6 FROM prompt_versions WHERE name = ?1
         RETURNING number",
    )?
    .query_row(params![&*prompt.name, &*prompt.hash, &*prompt.file, &*prompt.text, parts, now], |row| {
        row.get(0)
    })
}

fn versions(conn: &Connection, name: Option<&str>) -> rusqlite::Result<Vec<PromptVersion>> {
    let sql =
        format!("SELECT {VERSION} FROM prompt_versions WHERE ?1 IS NULL OR name = ?1 ORDER BY name, number");
    conn.prepare_cached(&sql)?.query_map([name], version)?.collect()
}

/// A wish that a label points somewhere.
struct Move {
    name: String,
    label: String,
    version: Option<u32>,
    now: DateTime<Utc>,
    by: String,
}

fn move_label(conn: &Connection, wish: &Move) -> rusqlite::Result<Option<u32>> {
    let mut find = conn.prepare_cached(
        "SELECT place, before FROM prompt_labels WHERE name = ?1 AND label = ?2 ORDER BY place DESC LIMIT 1",
    )?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let current: Option<(i64, Option<i64>)> = find.query_row([&wish.name, &wish.label], read).optional()?;
    let target = match wish.version {
        Some(version) => Some((version, current.map(|(place, _)| place))),
        // A label that went back goes back further from there.
        None => match current.and_then(|(_, before)| before) {
            None => None,
            Some(before) => conn
                .prepare_cached("SELECT version, before FROM prompt_labels WHERE place = ?1")?
                .query_row([before], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?,
        },
    };
    let Some((version, before)) = target else { return Ok(None) };
    let mut is_known =
        conn.prepare_cached("SELECT 1 FROM prompt_versions WHERE name = ?1 AND number = ?2")?;
    if !is_known.exists(params![wish.name, version])? {
        return Ok(None);
    }
    conn.prepare_cached(
        "INSERT INTO prompt_labels (name, label, version, before, at, by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![wish.name, wish.label, version, before, wish.now.timestamp_millis(), wish.by])?;
    let detail =
        serde_json::json!({ "label": wish.label, "version": version, "back": wish.version.is_none() });
    let event = AuditEvent::new(wish.now, wish.by.as_str(), "prompt_labelled", wish.name.as_str());
    audit::append(conn, &event.with_detail(detail.to_string()))?;
    Ok(Some(version))
}

fn moves(conn: &Connection, name: Option<&str>) -> rusqlite::Result<Vec<LabelMove>> {
    let mut find = conn.prepare_cached(
        "SELECT name, label, version, at, by FROM prompt_labels WHERE ?1 IS NULL OR name = ?1 ORDER BY place",
    )?;
    let read = |row: &Row<'_>| {
        let text = |column| row.get::<_, Arc<str>>(column);
        Ok(LabelMove::new(text(0)?, text(1)?, row.get(2)?, row::time(row.get(3)?), text(4)?))
    };
    find.query_map([name], read)?.collect()
}

impl Store {
    /// Keeps prompts that are used now. Returns at once; what cannot be written is tried again.
    pub fn note_prompts(&self, prompts: Vec<PromptText>, now: DateTime<Utc>) {
        let write = move |conn: &Connection| {
            prompts.iter().try_for_each(|one| keep(conn, one, now.timestamp_millis()).map(drop))
        };
        self.shared.submit(Job::Work(patient(write, |_| {})));
    }

    /// How the labels of a prompt were moved, the last one at the end. Blocks.
    pub fn label_history(&self, name: &str) -> Result<Vec<LabelMove>, StoreError> {
        self.query("read", |conn| moves(conn, Some(name)))
    }

    /// The versions of all prompts, by name and number, and where labels point, by name and label. Blocks.
    pub fn known_prompts(&self) -> Result<(Vec<PromptVersion>, Vec<LabelMove>), StoreError> {
        self.query("read", |conn| {
            let last: BTreeMap<_, _> = moves(conn, None)?
                .into_iter()
                .map(|one| ((Arc::clone(&one.name), Arc::clone(&one.label)), one))
                .collect();
            Ok((versions(conn, None)?, last.into_values().collect()))
        })
    }
}

#[async_trait]
impl PromptStore for Store {
    async fn keep_prompt(&self, prompt: PromptText, now: DateTime<Utc>) -> Result<u32, StorageError> {
        let work = move |conn: &Connection, _: &_| {
            keep(conn, &prompt, now.timestamp_millis()).map(Ok::<_, StoreError>)
        };
        Ok(self.commit(work, |_, number| number).await??)
    }

    async fn prompt_versions(&self, name: Option<&str>) -> Result<Vec<PromptVersion>, StorageError> {
        let name = name.map(str::to_owned);
        let read = move |conn: &Connection| versions(conn, name.as_deref());
        Ok(self.answer(move |shared| store::read(shared, "read", read)).await?)
    }

    async fn move_label(
        &self,
        name: &str,
        label: &str,
        version: Option<u32>,
        now: DateTime<Utc>,
        by: &str,
    ) -> Result<Option<u32>, StorageError> {
        let (name, label, by) = (name.to_owned(), label.to_owned(), by.to_owned());
        let wish = Move { name, label, version, now, by };
        let work = move |conn: &Connection, _: &_| move_label(conn, &wish).map(Ok::<_, StoreError>);
        Ok(self.commit(work, |_, moved| moved).await??)
    }

    async fn label_moves(&self, name: Option<&str>) -> Result<Vec<LabelMove>, StorageError> {
        let name = name.map(str::to_owned);
        let read = move |conn: &Connection| moves(conn, name.as_deref());
        Ok(self.answer(move |shared| store::read(shared, "read", read)).await?)
    }
}
