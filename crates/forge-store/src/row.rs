//! One attempt as it stands in the file: numbers, with ids for names.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use forge_core::{
    ModelId, ModelProvider, Money, ParticipantRole, ProviderId, TokenCount,
    call::CallId,
    storage::accounts::{Served, UsageRecord},
    tags::Tags,
    usage::ServerTools,
};
use rusqlite::{Connection, Statement, params};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    codes::{error_code, error_kind, status, status_code},
    names::Names,
};

/// An hour in milliseconds.
pub(crate) const HOUR: i64 = 60 * 60 * 1_000;
/// A day in milliseconds.
pub(crate) const DAY: i64 = 24 * HOUR;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// Milliseconds since 1970. With the call and the attempt it is the key.
    pub(crate) started_at: i64,
    pub(crate) call: [u8; 16],
    pub(crate) attempt: u32,
    pub(crate) provider: i64,
    pub(crate) vendor: i64,
    pub(crate) asked: i64,
    pub(crate) served: Option<i64>,
    pub(crate) role: i64,
    pub(crate) session: Option<i64>,
    pub(crate) round: Option<u32>,
    pub(crate) task: Option<i64>,
    pub(crate) status: i64,
    /// 0 for none.
    pub(crate) error: i64,
    /// Microseconds.
    pub(crate) latency: i64,
    pub(crate) first_token: Option<i64>,
    /// In the order of [`CLASSES`].
    pub(crate) tokens: [Option<i64>; 7],
    /// Nano-dollars.
    pub(crate) cost: Option<i64>,
    pub(crate) price_version: Option<i64>,
    pub(crate) estimated: bool,
    /// Whether the call ended with this attempt.
    pub(crate) ends: bool,
    /// Whether it is the answer, and another provider was tried first.
    pub(crate) fallback: bool,
    pub(crate) request_id: Option<String>,
    /// Names of the tags in [`INDEXED`].
    pub(crate) indexed: [Option<i64>; 4],
    /// The other tags, and so on: JSON objects.
    pub(crate) tags: Option<String>,
    pub(crate) server_tools: Option<String>,
    pub(crate) served_as: Option<String>,
}

/// The classes of tokens, as they are called in the file.
pub(crate) const CLASSES: [&str; 7] =
    ["input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning", "other_input"];

/// Tags that have a column with an id, beside `session` and `task`; `round` has one with its number.
pub(crate) const INDEXED: [&str; 4] = ["workflow", "worker", "key", "team"];

pub(crate) const COLUMNS: &str = "started_at, call_id, attempt, provider, vendor, asked, served, role, session, round, \
    task, status, error, latency, first_token, input, cache_read, cache_write_5m, cache_write_1h, output, \
    reasoning, other_input, cost, price_version, estimated, ends, fallback, request_id, workflow, worker, \
    \"key\", team, tags, server_tools, served_as";

impl Row {
    /// The row of a record, as far as the record alone determines it.
    pub(crate) fn from_record(
        conn: &Connection,
        names: &mut Names,
        record: &UsageRecord,
        price_version: Option<i64>,
    ) -> rusqlite::Result<Self> {
        let mut id = |name: &str| names.id(conn, name);
        let tokens = &record.tokens;
        let classes = [
            tokens.input,
            tokens.cache_read,
            tokens.cache_write_5m,
            tokens.cache_write_1h,
            tokens.output,
            tokens.reasoning,
            tokens.other_input,
        ];
        let tags = &record.tags;
        let mut indexed = [None; 4];
        for (column, key) in indexed.iter_mut().zip(INDEXED) {
            *column = tags.get(key).map(&mut id).transpose()?;
        }
        Ok(Self {
            started_at: record.started_at.timestamp_millis(),
            call: record.call_id.as_u128().to_be_bytes(),
            attempt: record.attempt,
            provider: id(record.provider.as_str())?,
            vendor: id(record.vendor.as_str())?,
            asked: id(record.model_asked.as_str())?,
            served: record.model_served.as_ref().map(|model| id(model.as_str())).transpose()?,
            role: id(record.role.as_str())?,
            session: tags.session().map(&mut id).transpose()?,
            round: tags.round(),
            task: tags.task().map(&mut id).transpose()?,
            status: status_code(record.status),
            error: record.error.map_or(0, error_code),
            latency: micros(record.latency),
            first_token: record.first_token.map(micros),
            tokens: classes.map(|class| class.map(clamp)),
            cost: record.cost.map(|cost| clamp(cost.nanos())),
            // Without a cost no prices were used.
            price_version: record.cost.and(price_version),
            estimated: record.estimated,
            // Until `ledger` has seen the other attempts of the call.
            ends: true,
            fallback: false,
            request_id: record.request_id.clone(),
            indexed,
            tags: other_tags(tags),
            server_tools: tokens.server_tools.as_ref().map(json),
            served_as: record.served.as_ref().map(json),
        })
    }

    /// Reads [`COLUMNS`].
    pub(crate) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            started_at: row.get(0)?,
            call: row.get(1)?,
            attempt: row.get(2)?,
            provider: row.get(3)?,
            vendor: row.get(4)?,
            asked: row.get(5)?,
            served: row.get(6)?,
            role: row.get(7)?,
            session: row.get(8)?,
            round: row.get(9)?,
            task: row.get(10)?,
            status: row.get(11)?,
            error: row.get(12)?,
            latency: row.get(13)?,
            first_token: row.get(14)?,
            tokens: [
                row.get(15)?,
                row.get(16)?,
                row.get(17)?,
                row.get(18)?,
                row.get(19)?,
                row.get(20)?,
                row.get(21)?,
            ],
            cost: row.get(22)?,
            price_version: row.get(23)?,
            estimated: row.get(24)?,
            ends: row.get(25)?,
            fallback: row.get(26)?,
            request_id: row.get(27)?,
            indexed: [row.get(28)?, row.get(29)?, row.get(30)?, row.get(31)?],
            tags: row.get(32)?,
            server_tools: row.get(33)?,
            served_as: row.get(34)?,
        })
    }

    /// Runs a statement with the values of [`COLUMNS`]; returns whether it changed anything.
    pub(crate) fn write(&self, statement: &mut Statement<'_>) -> rusqlite::Result<bool> {
        let [input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, other_input] = self.tokens;
        let [workflow, worker, key, team] = self.indexed;
        let changed = statement.execute(params![
            self.started_at,
            self.call,
            self.attempt,
            self.provider,
            self.vendor,
            self.asked,
            self.served,
            self.role,
            self.session,
            self.round,
            self.task,
            self.status,
            self.error,
            self.latency,
            self.first_token,
            input,
            cache_read,
            cache_write_5m,
            cache_write_1h,
            output,
            reasoning,
            other_input,
            self.cost,
            self.price_version,
            self.estimated,
            self.ends,
            self.fallback,
            self.request_id,
            workflow,
            worker,
            key,
            team,
            self.tags,
            self.server_tools,
            self.served_as,
        ])?;
        Ok(changed > 0)
    }

    pub(crate) fn to_record(&self, conn: &Connection, names: &mut Names) -> rusqlite::Result<UsageRecord> {
        let mut name = |id: i64| names.name(conn, id);
        let mut tags: Tags = self.tags.as_deref().and_then(read_json).unwrap_or_default();
        let columns = ["session", "task"].into_iter().chain(INDEXED);
        for (key, id) in columns.zip([self.session, self.task].into_iter().chain(self.indexed)) {
            if let Some(id) = id {
                // What fitted into the record fits into it again.
                let _ = tags.set(key, name(id)?);
            }
        }
        if let Some(round) = self.round {
            tags = tags.with_round(round);
        }
        Ok(UsageRecord {
            call_id: CallId::from_u128(u128::from_be_bytes(self.call)),
            attempt: self.attempt,
            started_at: time(self.started_at),
            provider: ProviderId::new(name(self.provider)?),
            vendor: ModelProvider::from(&*name(self.vendor)?),
            model_asked: ModelId::new(name(self.asked)?),
            model_served: self.served.map(&mut name).transpose()?.map(ModelId::new),
            role: ParticipantRole::from(&*name(self.role)?),
            tags,
            status: status(self.status),
            error: error_kind(self.error),
            latency: Duration::from_micros(unsigned(self.latency)),
            first_token: self.first_token.map(unsigned).map(Duration::from_micros),
            tokens: self.token_count(),
            cost: self.cost.map(unsigned).map(Money::from_nanos),
            estimated: self.estimated,
            request_id: self.request_id.clone(),
            served: self.served_as(),
        })
    }

    pub(crate) fn token_count(&self) -> TokenCount {
        let [input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, other_input] =
            self.tokens.map(|class| class.map(unsigned));
        TokenCount::default()
            .with_input(input)
            .with_cache_read(cache_read)
            .with_cache_write_5m(cache_write_5m)
            .with_cache_write_1h(cache_write_1h)
            .with_output(output)
            .with_reasoning(reasoning)
            .with_other_input(other_input)
            .with_server_tools(self.server_tools.as_deref().and_then(read_json::<ServerTools>))
    }

    /// How the vendor served the call.
    pub(crate) fn served_as(&self) -> Option<Served> {
        self.served_as.as_deref().and_then(read_json)
    }

    /// The model that sets the price.
    pub(crate) fn model(&self) -> i64 {
        self.served.unwrap_or(self.asked)
    }
}

/// The tags that have no column, as a JSON object.
fn other_tags(tags: &Tags) -> Option<String> {
    let has_column = |key: &str| match key {
        "session" | "task" => true,
        "round" => tags.round().is_some(),
        _ => INDEXED.contains(&key),
    };
    let rest: BTreeMap<_, _> = tags.iter().filter(|(key, _)| !has_column(key)).collect();
    (!rest.is_empty()).then(|| json(&rest))
}

/// Maps and structs of plain values always have a JSON form.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn read_json<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// SQLite's integers end where half of ours begin.
pub(crate) fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// A time in milliseconds; 1970 if no date can be written that far away.
pub(crate) fn time(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}
