//! A look at the file that never waits, never changes it and makes no file beside it.

use std::{fmt::Write as _, path::Path};

use forge_core::storage::journal::StreamName;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::schema;

/// Names of streams with their summaries.
pub type Glances = Vec<(StreamName, Option<Value>)>;

/// The streams of the file at `path` whose names begin with `start`, the last names first, at most `most`. Empty if
/// the file cannot be read at once: this is for hints such as the completions of a shell, not for answers.
pub fn glance(path: &Path, start: &str, most: usize) -> Glances {
    look(path, start, most).unwrap_or_default()
}

/// The names of the keys and of the teams in the file at `path`, at most `most` of each, under the same terms.
pub fn glance_names(path: &Path, most: usize) -> (Vec<String>, Vec<String>) {
    let read = || -> rusqlite::Result<_> {
        let conn = connect(path)?;
        let names = |table: &str, order: &str| -> rusqlite::Result<Vec<String>> {
            let mut find = conn.prepare(&format!("SELECT name FROM {table} ORDER BY {order} LIMIT ?1"))?;
            find.query_map([i64::try_from(most).unwrap_or(i64::MAX)], |row| row.get(0))?.collect()
        };
        // Those that can still be used come first.
        Ok((names("client_keys", "state, name")?, names("teams", "name")?))
    };
    read().unwrap_or_default()
}

fn look(path: &Path, start: &str, most: usize) -> rusqlite::Result<Glances> {
    let conn = connect(path)?;
    let mut statement = conn.prepare(
        "SELECT name, summary FROM journal_streams
         WHERE entries > 0 AND substr(name, 1, length(?1)) = ?1 ORDER BY name DESC LIMIT ?2",
    )?;
    let mut rows = statement.query(rusqlite::params![start, i64::try_from(most).unwrap_or(i64::MAX)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let Ok(name) = StreamName::new(row.get_ref(0)?.as_str()?) else { continue };
        let summary = row.get_ref(1)?.as_str_or_null()?.and_then(|text| serde_json::from_str(text).ok());
        found.push((name, summary));
    }
    Ok(found)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // SQLite makes both files beside a database in WAL mode unless it takes the database for one that nobody writes.
    let is_in_use = ["-wal", "-shm"].iter().all(|end| schema::beside(path, end).exists());
    if is_in_use {
        return Connection::open_with_flags(path, flags);
    }
    Connection::open_with_flags(address(path), flags | OpenFlags::SQLITE_OPEN_URI)
}

/// The file as an address that SQLite reads without looking for anybody who writes it.
fn address(path: &Path) -> String {
    let mut address = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/.-_".contains(byte) {
            address.push(char::from(*byte));
        } else {
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address + "?immutable=1"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_as_an_address() {
        assert_eq!(address(Path::new("/a b/ü?#.db")), "file:/a%20b/%C3%BC%3F%23.db?immutable=1");
    }
}
