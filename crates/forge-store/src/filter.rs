//! What a filter means in the file.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use forge_core::{ParticipantRole, storage::accounts::Filter};
use rusqlite::Connection;

use crate::{
    codes,
    error::StoreError,
    names::Names,
    row::{DAY, INDEXED},
};

/// More than any date that can be written, and whole days.
pub(crate) const FOREVER: i64 = 1_000_000_000 * DAY;

/// From and to, in milliseconds; whole days where the filter has no end.
pub(crate) fn span(filter: &Filter) -> Result<(i64, i64), StoreError> {
    let edge = |time: Option<DateTime<Utc>>, open: i64| time.map_or(open, |time| time.timestamp_millis());
    let (from, to) = (edge(filter.since, -FOREVER), edge(filter.until, FOREVER));
    if from > to {
        let reason = "the filter ends before it begins; swap `since` and `until`".to_owned();
        return Err(StoreError::Filter { reason });
    }
    Ok((from, to))
}

/// Whether only the attempts themselves can tell.
pub(crate) fn needs_rows(filter: &Filter) -> bool {
    !(filter.sessions.is_empty() && filter.calls.is_empty() && filter.tags.is_empty())
}

/// The filter's conditions but time, where `model` is the column or expression of the model. `None` if
/// a name is asked for that no attempt has.
pub(crate) fn conditions(
    filter: &Filter,
    conn: &Connection,
    names: &mut Names,
    model: &str,
) -> rusqlite::Result<Option<String>> {
    fn texts<T: AsRef<str>>(list: &[T]) -> Vec<&str> {
        list.iter().map(AsRef::as_ref).collect()
    }
    let roles = filter.roles.iter().map(ParticipantRole::as_str).collect();
    let mut columns = vec![
        ("provider", texts(&filter.providers)),
        (model, texts(&filter.models)),
        ("role", roles),
        ("session", texts(&filter.sessions)),
    ];
    let mut conditions = String::new();
    for (key, value) in filter.tags.iter() {
        match key {
            "session" | "task" => columns.push((key, vec![value])),
            "round" if filter.tags.round().is_some() => {
                restrict(&mut conditions, "round", filter.tags.round().map(i64::from).as_slice());
            }
            _ if INDEXED.contains(&key) => columns.push((key, vec![value])),
            _ => tagged(&mut conditions, key, value),
        }
    }
    for (column, wanted) in columns.into_iter().filter(|(_, wanted)| !wanted.is_empty()) {
        let mut ids = Vec::new();
        for name in wanted {
            // Only looked up: a question makes no names.
            ids.extend(names.find(conn, name)?);
        }
        if ids.is_empty() {
            return Ok(None);
        }
        restrict(&mut conditions, &column_name(column), &ids);
    }
    if !filter.statuses.is_empty() {
        let codes: Vec<_> = filter.statuses.iter().map(|status| codes::status_code(*status)).collect();
        restrict(&mut conditions, "status", &codes);
    }
    if !filter.calls.is_empty() {
        let calls: Vec<_> = filter.calls.iter().map(|call| format!("x'{:032x}'", call.as_u128())).collect();
        let _ = write!(conditions, " AND call_id IN ({})", calls.join(","));
    }
    Ok(Some(conditions))
}

/// `key` is a word of SQL.
fn column_name(column: &str) -> String {
    if column == "key" { "\"key\"".to_owned() } else { column.to_owned() }
}

fn restrict(conditions: &mut String, column: &str, ids: &[i64]) {
    let ids: Vec<_> = ids.iter().map(i64::to_string).collect();
    // Writing to a string cannot fail.
    let _ = write!(conditions, " AND {column} IN ({})", ids.join(","));
}

/// Texts stand in hexadecimal, so that no character in them means anything to SQL.
fn tagged(conditions: &mut String, key: &str, value: &str) {
    let text = |text: &str| {
        let digits = text.bytes().fold(String::new(), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        });
        format!("CAST(x'{digits}' AS TEXT)")
    };
    let (key, value) = (text(key), text(value));
    let _ = write!(
        conditions,
        " AND EXISTS (SELECT 1 FROM json_each(attempts.tags) AS tag WHERE tag.key = {key} AND tag.value = {value})"
    );
}
