//! Questions in SQL.

use std::{fs, io, time::Duration};

use forge_store::{SqlPart, Store, StoreError};
use serde_json::{Value, json};

use crate::support::*;

const MINUTE: Duration = Duration::from_secs(60);

#[allow(clippy::unnecessary_wraps, reason = "the shape that a question asks for")]
fn nothing(_: SqlPart<'_>) -> io::Result<()> {
    Ok(())
}

fn reason(store: &Store, statement: &str) -> String {
    match store.sql(statement, MINUTE, nothing) {
        Err(StoreError::Statement { reason }) => reason,
        other => panic!("{statement}: {other:?}"),
    }
}

#[test]
fn columns_come_first_and_every_kind_of_value_has_a_form_in_json() {
    let dir = Dir::new();
    let store = dir.open();
    let mut told = Vec::new();
    let statement =
        "SELECT 1 AS whole, 0.5 AS part, 'a' AS text, NULL AS none, x'00ff' AS bytes, 9e999 AS endless
        UNION ALL SELECT 9223372036854775807, 2.0, 'ä', NULL, x'', -9e999; -- a comment";
    let take = |part: SqlPart<'_>| {
        told.push(match part {
            SqlPart::Columns(names) => json!(names),
            SqlPart::Row(values) => json!(values),
        });
        Ok(())
    };
    assert_eq!(store.sql(statement, MINUTE, take).unwrap(), 2);
    assert_eq!(
        told,
        [
            json!(["whole", "part", "text", "none", "bytes", "endless"]),
            json!([1, 0.5, "a", null, "00ff", "inf"]),
            json!([i64::MAX, 2.0, "ä", null, "", "-inf"]),
        ]
    );
    let mut columns = Value::Null;
    let take = |part: SqlPart<'_>| {
        if let SqlPart::Columns(names) = part {
            columns = json!(names);
        }
        Ok(())
    };
    assert_eq!(store.sql("SELECT provider FROM model_usage", MINUTE, take).unwrap(), 0);
    assert_eq!(columns, json!(["provider"]), "also without any row");
}

#[test]
fn what_does_more_than_read_this_file_is_refused_and_changes_nothing() {
    let dir = Dir::new();
    let store = dir.open();
    put(&store, [record(1)]);
    let other = dir.0.join("other.db");
    let attach = format!("ATTACH '{}' AS other", other.display());
    let copy = format!("VACUUM INTO '{}'", other.display());
    for statement in [
        "DELETE FROM attempts",
        "DELETE FROM model_usage",
        "WITH gone AS (SELECT 1) DELETE FROM attempts RETURNING *",
        "UPDATE attempts SET cost = 0",
        "INSERT INTO names (name) VALUES ('x') RETURNING id",
        "CREATE TABLE mine (x)",
        "CREATE TEMP TABLE mine AS SELECT 1",
        "DROP VIEW model_usage",
        &attach,
        "DETACH main",
        &copy,
        "VACUUM",
        "BEGIN",
        "REINDEX",
        "ANALYZE",
        "PRAGMA user_version = 9",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA query_only = false",
        "PRAGMA busy_timeout = 0",
        "PRAGMA mmap_size = 1000000000",
        "EXPLAIN DELETE FROM attempts",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA writable_schema(1)",
        "SELECT * FROM pragma_wal_checkpoint",
    ] {
        let reason = reason(&store, statement);
        let known = ["does more than read", "it is a view", "no such table"];
        assert!(known.iter().any(|known| reason.contains(known)), "{statement}: {reason}");
    }
    assert!(!fs::exists(&other).unwrap());
    assert_eq!(calls(&store), [1]);
    for statement in [
        "PRAGMA table_info(model_usage)",
        "PRAGMA user_version",
        "SELECT name FROM pragma_table_info('findings')",
        "SELECT name FROM sqlite_schema WHERE type = 'view'",
        "EXPLAIN QUERY PLAN SELECT * FROM model_usage",
    ] {
        assert!(store.sql(statement, MINUTE, nothing).unwrap() > 0, "{statement}");
    }
}

#[test]
fn a_fault_in_the_statement_is_told_with_its_place() {
    let dir = Dir::new();
    let store = dir.open();
    for (statement, expected) in [
        ("SELEC 1", "near \"SELEC\": syntax error, at character 1"),
        ("SELECT 'ä', costs FROM model_usage", "no such column: costs, at character 13"),
        ("SELECT * FROM usage", "no such table: usage"),
        ("SELECT json_extract('{', '$')", "malformed JSON"),
        ("SELECT sum(9223372036854775807) FROM (SELECT 1 UNION ALL SELECT 2)", "integer overflow"),
        ("SELECT zeroblob(1000000000)", "string or blob too big"),
        ("", "there is no statement"),
        (" -- nothing", "there is no statement"),
        ("SELECT 1; SELECT 2", "there is more than one statement"),
        ("SELECT 1; nonsense", "there is more than one statement"),
    ] {
        assert_eq!(reason(&store, statement), expected, "{statement}");
    }
}

#[test]
fn a_statement_without_an_end_ends_in_time() {
    let dir = Dir::new();
    let store = dir.open();
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let within = Duration::from_millis(20);
    match store.sql(endless, within, nothing) {
        Err(error @ StoreError::TimedOut { .. }) => {
            assert!(error.to_string().contains("stopped after 0.02 s"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    put(&store, [record(1)]);
    assert_eq!(calls(&store), [1], "others go on");
}

#[test]
fn whoever_has_seen_enough_ends_the_answer() {
    let dir = Dir::new();
    let store = dir.open();
    let mut left = 3;
    let take = |_: SqlPart<'_>| {
        left -= 1;
        if left == 0 { Err(io::Error::from(io::ErrorKind::BrokenPipe)) } else { Ok(()) }
    };
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    match store.sql(endless, MINUTE, take) {
        Err(StoreError::Io { source, .. }) => assert_eq!(source.kind(), io::ErrorKind::BrokenPipe),
        other => panic!("{other:?}"),
    }
}
