//! Changes to one line that leave every other byte of it alone.

use std::{borrow::Cow, fmt, ops::Range};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use crate::bead::{BeadId, BeadStatus, DependencyKind};

/// What is to be changed in the line of a bead: only the keys that Forge owns, and `updated_at` always.
#[derive(Clone, Debug)]
pub struct LineEdit {
    now: DateTime<Utc>,
    changes: Vec<(&'static str, Option<Change>)>,
}

#[derive(Clone, Debug)]
enum Change {
    Value(Value),
    /// A further row of an array.
    Row(Value),
}

impl LineEdit {
    const fn new(now: DateTime<Utc>, changes: Vec<(&'static str, Option<Change>)>) -> Self {
        Self { now, changes }
    }

    fn status(status: &BeadStatus) -> (&'static str, Option<Change>) {
        ("status", Some(Change::Value(status.as_str().into())))
    }

    /// Whether a bead of this status is to be changed so. What is done stays done, and only what is in progress is opened again:
    /// a person may have put it off, or blocked it, while somebody had it.
    pub(crate) fn suits(&self, status: &BeadStatus) -> bool {
        let opens = self.changes.iter().any(|(key, change)| *key == "assignee" && change.is_none());
        !status.is_done() && (!opens || *status == BeadStatus::InProgress)
    }

    /// `owner` works on it.
    #[must_use]
    pub fn claimed(owner: &str, now: DateTime<Utc>) -> Self {
        let assignee = ("assignee", Some(Change::Value(owner.into())));
        Self::new(now, vec![Self::status(&BeadStatus::InProgress), assignee])
    }

    /// Nobody works on it any more.
    #[must_use]
    pub fn released(now: DateTime<Utc>) -> Self {
        Self::new(now, vec![Self::status(&BeadStatus::Open), ("assignee", None)])
    }

    /// It is done.
    #[must_use]
    pub fn closed(reason: &str, now: DateTime<Utc>) -> Self {
        let closed_at = ("closed_at", Some(Change::Value(written(now).into())));
        let close_reason = ("close_reason", Some(Change::Value(reason.into())));
        Self::new(now, vec![Self::status(&BeadStatus::Closed), closed_at, close_reason])
    }

    /// `bead` depends on another one.
    #[must_use]
    pub fn depends(bead: &BeadId, on: &BeadId, kind: &DependencyKind, by: &str, now: DateTime<Utc>) -> Self {
        let row = serde_json::json!({
            "issue_id": bead.as_str(), "depends_on_id": on.as_str(), "type": kind.as_str(),
            "created_at": written(now), "created_by": by,
        });
        Self::new(now, vec![("dependencies", Some(Change::Row(row)))])
    }

    /// The line after the change; `None` where it holds no object of JSON.
    #[must_use]
    pub fn apply(&self, line: &str) -> Option<String> {
        let updated = ("updated_at", Some(Change::Value(written(self.now).into())));
        self.changes.iter().chain([&updated]).try_fold(line.to_owned(), |line, (key, change)| {
            let object = Object::read(&line)?;
            Some(match change {
                None => object.without(key),
                Some(Change::Value(value)) => object.with(key, &value.to_string()),
                Some(Change::Row(row)) => object.with(key, &with_row(object.value(key), row)),
            })
        })
    }
}

/// A time as lines have it.
pub(crate) fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The array with one more row; rows that are there keep their bytes.
fn with_row(array: Option<&str>, row: &Value) -> String {
    let rows = array.and_then(|text| text.strip_prefix('[')?.strip_suffix(']')).map(str::trim_end);
    match rows.filter(|rows| !rows.trim().is_empty()) {
        Some(rows) => format!("[{rows},{row}]"),
        None => format!("[{row}]"),
    }
}

/// An object in a line, and where its values stand.
struct Object<'a> {
    line: &'a str,
    values: Vec<(Cow<'a, str>, Range<usize>)>,
}

/// The keys of an object in their order, also those that are there twice, with the text of their values.
struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    entries.push((Cow::Owned(key), map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

impl<'a> Object<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let entries: Entries<'a> = serde_json::from_str(line).ok()?;
        let place = |raw: &RawValue| {
            // The text of a value that was borrowed is a part of the line.
            let start = raw.get().as_ptr().addr().checked_sub(line.as_ptr().addr())?;
            line.get(start..start + raw.get().len()).map(|_| start..start + raw.get().len())
        };
        let place = |(key, raw): (Cow<'a, str>, &RawValue)| Some((key, place(raw)?));
        let values = entries.0.into_iter().map(place).collect::<Option<Vec<_>>>()?;
        Some(Self { line, values })
    }

    /// The last value of a key counts, as readers of JSON have it.
    fn value(&self, key: &str) -> Option<&'a str> {
        let found = self.values.iter().rfind(|(name, _)| name == key);
        found.map(|(_, range)| &self.line[range.clone()])
    }

    fn with(&self, key: &str, value: &str) -> String {
        let mut line = self.line.to_owned();
        let places: Vec<_> = self.values.iter().filter(|(name, _)| name == key).collect();
        for (_, range) in places.iter().rev() {
            line.replace_range(range.clone(), value);
        }
        if places.is_empty() {
            let (end, comma) = match (self.values.last(), self.line.find('{')) {
                (Some((_, range)), _) => (range.end, ","),
                (None, Some(open)) => (open + 1, ""),
                (None, None) => return line,
            };
            line.insert_str(end, &format!("{comma}{}:{value}", Value::from(key)));
        }
        line
    }

    fn without(&self, key: &str) -> String {
        let mut line = self.line.to_owned();
        for at in (0..self.values.len()).rev().filter(|at| self.values[*at].0 == key) {
            let end = self.values[at].1.end;
            let range = match at.checked_sub(1) {
                Some(before) => self.values[before].1.end..end,
                // The first one goes with the comma behind it; between a value and a comma there is only white space.
                None => {
                    let comma = line[end..].find(',').filter(|_| self.values.len() > 1);
                    line.find('{').map_or(0, |open| open + 1)..comma.map_or(end, |comma| end + comma + 1)
                }
            };
            line.replace_range(range, "");
        }
        line
    }
}

#[cfg(test)]
mod tests;
