//! Attempts for other programs.

use forge_core::storage::accounts::UsageRecord;
use forge_store::{Filter, export, prometheus};

use serde_json::json;

use crate::support::*;

/// Reads RFC 4180.
fn parse(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            other => field.push(other),
        }
    }
    rows
}

#[test]
fn csv_keeps_separators_quotes_and_newlines_and_starts_no_formula() {
    let dir = Dir::new();
    let store = dir.open();
    let odd =
        ["a,b", "say \"x\"", "two\nlines", "=1+1", "+1", "-1", "@a", "\t=1", "\r", "plain", "a;b", "\"\""];
    let with = |(call, text): (usize, &&str)| UsageRecord {
        request_id: Some((*text).to_owned()),
        ..record(call as u128)
    };
    put(&store, odd.iter().enumerate().map(with));
    let mut text = Vec::new();
    store.export(&Filter::default(), export::csv(&mut text).unwrap()).unwrap();
    let rows = parse(std::str::from_utf8(&text).unwrap());
    let (header, rows) = rows.split_first().unwrap();
    let mut back: Vec<_> = rows.iter().map(|row| row.last().unwrap().as_str()).collect();
    for (row, field) in rows.iter().zip(&mut back) {
        assert_eq!(row.len(), header.len());
        assert!(!field.starts_with(['=', '+', '-', '@', '\t', '\r']), "{field:?}");
        *field = field.strip_prefix('\'').unwrap_or(field);
    }
    assert_eq!(back, odd);
}

#[test]
fn both_forms_have_the_same_columns_and_values() {
    let dir = Dir::new();
    let store = dir.open();
    put(&store, [record(1)]);
    let (mut csv, mut json) = (Vec::new(), Vec::new());
    store.export(&Filter::default(), export::csv(&mut csv).unwrap()).unwrap();
    store.export(&Filter::default(), export::jsonl(&mut json)).unwrap();
    let rows = parse(std::str::from_utf8(&csv).unwrap());
    let line: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(rows[0].len(), line.as_object().unwrap().len());
    for (column, value) in rows[0].iter().zip(&rows[1]) {
        let expected = match &line[column] {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        assert_eq!(*value, expected, "{column}");
    }
    assert_eq!(
        [&line["cost_nano_usd"], &line["cost_usd"], &line["duration_ms"], &line["first_token_ms"]],
        [&json!(12_345_678), &json!(0.012_345_678), &json!(1_234.567), &json!(345.678)]
    );
    assert_eq!([&line["model"], &line["model_asked"]], ["large-20261101", "large"]);
}

#[test]
fn an_export_that_cannot_be_written_says_so() {
    let dir = Dir::new();
    let store = dir.open();
    put(&store, [record(1)]);
    let error = store.export(&Filter::default(), |_| Err(std::io::Error::other("no room"))).unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("no room"));
}

#[test]
fn metrics_are_in_the_text_format_with_escaped_labels_and_never_go_back() {
    let dir = Dir::new();
    let store = dir.open();
    let odd = "a\"b\\c\nd";
    put(&store, [UsageRecord { provider: odd.into(), ..record(1) }, failed(2, 1)]);
    let before = prometheus::render(&store).unwrap();
    let labels = r#"provider="a\"b\\c\nd",model="large-20261101",role="critic",status="success""#;
    for line in [
        format!("forge_attempts_total{{{labels}}} 1"),
        format!("forge_tokens_total{{{labels},class=\"cache_read\"}} 200"),
        format!("forge_cost_dollars_total{{{labels}}} 0.012345678"),
        format!("forge_attempt_duration_seconds_bucket{{{labels},le=\"1\"}} 0"),
        format!("forge_attempt_duration_seconds_bucket{{{labels},le=\"2.5\"}} 1"),
        format!("forge_attempt_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 1"),
        format!("forge_attempt_duration_seconds_sum{{{labels}}} 1.234567"),
        "# TYPE forge_attempt_duration_seconds histogram".to_owned(),
    ] {
        assert!(before.lines().any(|found| found == line), "{line}\n{before}");
    }
    let kind =
        r#"forge_errors_total{provider="claude",model="large-20261101",role="critic",kind="overloaded"} 1"#;
    assert!(before.contains(kind), "{before}");

    put(&store, [UsageRecord { attempt: 2, ..record(2) }]);
    let after = prometheus::render(&store).unwrap();
    let failures = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("forge_attempts_total"));
        lines.filter(|line| line.contains("status=\"failure\"")).map(str::to_owned).collect()
    };
    assert_eq!((failures(&after), failures(&after).len()), (failures(&before), 1));
}
