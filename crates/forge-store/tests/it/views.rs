//! Views keep their columns: other programs read them.

use std::{
    fmt::Write as _,
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    time::Duration,
};

use chrono::TimeDelta;
use forge_core::{
    Money, ParticipantRole, TokenCount,
    storage::{
        accounts::{CallStatus, Served, UsageRecord},
        journal::{Batch, Claim, Journal as _, StreamName},
    },
    tags::Tags,
    usage::ServerTools,
};
use forge_store::{
    AgentEntry, HookEntry, McpConnection, McpRequest, SqlPart, Store, StoreOptions, TaskEntry, VIEWS,
};
use serde_json::{Value, json};

use crate::support::*;

/// The columns of a statement with the values of its rows.
fn ask(store: &Store, statement: &str) -> (Vec<String>, Vec<Vec<Value>>) {
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    let take = |part: SqlPart<'_>| {
        match part {
            SqlPart::Columns(names) => columns = names.to_vec(),
            SqlPart::Row(values) => rows.push(values.to_vec()),
        }
        Ok(())
    };
    store.sql(statement, Duration::from_secs(60), take).unwrap();
    (columns, rows)
}

/// The rows as JSON, with every column of the view and no other.
fn rows(store: &Store, view: &str, order: &str) -> Vec<Value> {
    let (columns, rows) = ask(store, &format!("SELECT * FROM {view} ORDER BY {order}"));
    let row = |values: Vec<Value>| columns.iter().cloned().zip(values).collect();
    rows.into_iter().map(|values| Value::Object(row(values))).collect()
}

fn full() -> UsageRecord {
    UsageRecord {
        tags: Tags::default()
            .with_session("s-1")
            .with_round(2)
            .with_task("t-1")
            .with("workflow", "w-1")
            .and_then(|tags| tags.with("worker", "h-1"))
            .and_then(|tags| tags.with("cost_centre", "47"))
            .unwrap()
            .with_key("k-1")
            .with_team("red"),
        tokens: TokenCount::default()
            .with_input(1_000)
            .with_cache_read(200)
            .with_cache_write_5m(30)
            .with_cache_write_1h(4)
            .with_other_input(5)
            .with_output(300)
            .with_reasoning(40)
            .with_server_tools(Some(ServerTools::default().with_web_search(2))),
        served: Some(Served::default().with_tier("priority").with_region("us").with_speed("fast")),
        ..record(1)
    }
}

#[test]
fn model_usage_has_a_row_for_each_attempt() {
    let dir = Dir::new();
    let store = Store::open(StoreOptions { price_version: Some("2026-11".into()), ..dir.options() }).unwrap();
    let second = UsageRecord {
        attempt: 2,
        provider: "gpt".into(),
        started_at: noon() + TimeDelta::milliseconds(1_007),
        ..record(2)
    };
    put(&store, [full(), failed(2, 1), second]);
    let found = rows(&store, "model_usage", "call_id, attempt");
    let expected = json!({
        "call_id": "00000000-0000-0000-0000-000000000001",
        "attempt": 1,
        "started_at": "2026-11-20T12:00:00.000Z",
        "started_ms": 1_795_176_000_000_i64,
        "provider": "claude",
        "vendor": "anthropic",
        "model": "large-20261101",
        "model_asked": "large",
        "model_served": "large-20261101",
        "role": "critic",
        "session": "s-1",
        "round": 2,
        "task": "t-1",
        "workflow": "w-1",
        "worker": "h-1",
        "key": "k-1",
        "team": "red",
        "tags": r#"{"cost_centre":"47"}"#,
        "status": "success",
        "error": null,
        "ends_call": 1,
        "fallback": 0,
        "duration_ms": 1_234.567,
        "first_token_ms": 345.678,
        "input_tokens": 1_000,
        "cache_read_tokens": 200,
        "cache_write_5m_tokens": 30,
        "cache_write_1h_tokens": 4,
        "other_input_tokens": 5,
        "output_tokens": 300,
        "reasoning_tokens": 40,
        "total_tokens": 1_579,
        "estimated": 0,
        "cost_nano_usd": 12_345_678,
        "cost_usd": 0.012_345_678,
        "price_version": "2026-11",
        "tier": "priority",
        "region": "us",
        "speed": "fast",
        "server_tools": r#"{"web_search":2,"web_fetch":0,"code_execution":0,"other":0}"#,
        "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy",
    });
    assert_eq!(found[0], expected);

    let what = |row: &Value| {
        ["status", "error", "ends_call", "fallback", "total_tokens"].map(|key| row[key].clone())
    };
    assert_eq!(what(&found[1]), [json!("retry"), json!("overloaded"), json!(0), json!(0), json!(null)]);
    assert_eq!(what(&found[2]), [json!("success"), json!(null), json!(1), json!(1), json!(1_540)]);
    assert_eq!(found[2]["started_at"], "2026-11-20T12:00:01.007Z");
}

#[test]
fn every_status_and_every_kind_of_error_has_its_name() {
    let dir = Dir::new();
    let store = dir.open();
    let kinds = forge_core::ErrorKind::ALL;
    let failures =
        kinds.iter().zip(1..).map(|(kind, call)| UsageRecord { error: Some(*kind), ..failed(call, 1) });
    put(&store, failures);
    let names: Vec<Value> = kinds.iter().map(|kind| kind.as_str().into()).collect();
    let (_, found) = ask(&store, "SELECT error FROM model_usage ORDER BY call_id");
    assert_eq!(found.concat(), names);
    let statuses = [CallStatus::Success, CallStatus::Failure, CallStatus::Cancelled, CallStatus::Killed];
    put(
        &store,
        statuses.iter().zip(101..).map(|(status, call)| UsageRecord { status: *status, ..record(call) }),
    );
    let (_, found) = ask(&store, "SELECT status FROM model_usage WHERE error IS NULL ORDER BY call_id");
    assert_eq!(found.concat(), ["success", "failure", "cancelled", "killed"]);
}

#[test]
fn model_metrics_sums_up_days_and_outlives_pruned_attempts() {
    let dir = Dir::new();
    let store = dir.open();
    let other =
        |call, status| UsageRecord { status, latency: Duration::from_secs(9), cost: None, ..record(call) };
    put(
        &store,
        [
            full(),
            UsageRecord { latency: Duration::from_micros(765_433), ..record(2) },
            failed(3, 1),
            UsageRecord { attempt: 2, provider: "gpt".into(), ..record(3) },
            UsageRecord { model_served: Some("large-20261101".into()), ..failed(4, 1) },
            other(5, CallStatus::Cancelled),
            other(6, CallStatus::Killed),
        ],
    );
    store.prune(noon() + TimeDelta::days(1), None).unwrap();
    let found = rows(&store, "model_metrics", "day, provider, role");
    let expected = json!({
        "day": "2026-11-20",
        "provider": "claude",
        "model": "large-20261101",
        "role": "critic",
        "calls": 5,
        "attempts": 6,
        "successes": 2,
        "failures": 1,
        "retries": 1,
        "cancelled": 1,
        "killed": 1,
        "fallbacks": 0,
        "success_rate": 2.0 / 3.0,
        "duration_ms_mean": (1_234.567 * 3.0 + 765.433) / 4.0,
        "input_tokens": 4_000,
        "cache_read_tokens": 800,
        "cache_write_5m_tokens": 30,
        "cache_write_1h_tokens": 4,
        "other_input_tokens": 5,
        "output_tokens": 1_200,
        "reasoning_tokens": 160,
        "total_tokens": 6_199,
        "unknown_tokens": 2,
        "cost_nano_usd": 2 * 12_345_678,
        "cost_usd": 0.024_691_356,
        "unknown_cost": 4,
    });
    assert_eq!(found[0], expected);
    assert_eq!((&found[1]["provider"], &found[1]["fallbacks"]), (&json!("gpt"), &json!(1)));
}

#[test]
fn tasks_are_those_of_the_log() {
    let dir = Dir::new();
    let store = dir.open();
    store.put_task(TaskEntry {
        id: "t-1".into(),
        role: "coder".into(),
        provider: Some("gpt".into()),
        attempts: 2,
        status: "completed".into(),
        created_at: noon(),
        updated_at: noon() + TimeDelta::milliseconds(1_500),
    });
    wait(forge_core::storage::accounts::UsageSink::flush(&store)).unwrap();
    let expected = json!({
        "task": "t-1",
        "role": "coder",
        "provider": "gpt",
        "attempts": 2,
        "state": "completed",
        "created_at": "2026-11-20T12:00:00.000Z",
        "updated_at": "2026-11-20T12:00:01.500Z",
    });
    assert_eq!(rows(&store, "tasks", "task"), [expected]);
}

#[test]
fn questions_over_mcp_are_rows_of_their_client() {
    let dir = Dir::new();
    let store = dir.open();
    let client = McpConnection {
        id: "c-1".into(),
        transport: "stdio".into(),
        client: Some("codex".into()),
        version: Some("1.2".into()),
        protocol: "2025-11-25".into(),
        key: None,
        began_at: noon(),
        ended_at: None,
    };
    store.put_mcp_connection(client.clone());
    store.put_mcp_request(McpRequest {
        started_at: noon() + TimeDelta::milliseconds(1),
        connection: Some("c-1".into()),
        transport: "stdio".into(),
        client: Some("codex".into()),
        key: None,
        tool: "find".into(),
        outcome: "ok".into(),
        duration: Duration::from_micros(12_900),
    });
    let ended_at = Some(noon() + TimeDelta::seconds(1));
    store.put_mcp_connection(McpConnection { ended_at, version: None, ..client });
    wait(forge_core::storage::accounts::UsageSink::flush(&store)).unwrap();
    let request = json!({
        "started_at": "2026-11-20T12:00:00.001Z",
        "connection": "c-1",
        "transport": "stdio",
        "client": "codex",
        "key": null,
        "tool": "find",
        "outcome": "ok",
        "duration_ms": 12,
    });
    assert_eq!(rows(&store, "mcp_requests", "started_at"), [request]);
    let connection = json!({
        "connection": "c-1",
        "transport": "stdio",
        "client": "codex",
        "version": "1.2",
        "protocol": "2025-11-25",
        "key": null,
        "began_at": "2026-11-20T12:00:00.000Z",
        "ended_at": "2026-11-20T12:00:01.000Z",
    });
    assert_eq!(rows(&store, "mcp_connections", "connection"), [connection]);
    let kept = || ["mcp_requests", "mcp_connections"].map(|view| rows(&store, view, "client").len());
    store.prune(noon(), None).unwrap();
    assert_eq!(kept(), [1, 1], "days are whole");
    store.prune(noon() + TimeDelta::days(1), None).unwrap();
    assert_eq!(kept(), [0, 0]);
}

#[test]
fn settings_of_agents_and_hooks_are_counted_by_their_hash() {
    let dir = Dir::new();
    let store = dir.open();
    let agent = AgentEntry {
        hash: "0123456789ab".into(),
        name: "editor".into(),
        role: ParticipantRole::Coder,
        provider: None,
        model: None,
        temperature: Some(0.5),
        max_steps: 16,
        max_tokens: None,
        max_cost: Some(Money::from_nanos(5)),
        used_at: noon() + TimeDelta::seconds(1),
    };
    store.put_agent(agent.clone());
    // Of two processes the later one may be the first to write.
    store.put_agent(AgentEntry { used_at: noon(), ..agent.clone() });
    store.put_agent(AgentEntry { hash: "other".into(), max_steps: 2, ..agent });
    let hook = HookEntry {
        hash: "ff".into(),
        name: "frozen".into(),
        event: "PreEdit".into(),
        matcher: Some("*.sql".into()),
        argv: vec!["./frozen.sh".into(), "a b".into()],
        origin: "forge.yaml:2:3".into(),
        required: true,
        result: "allow".into(),
        exit: Some("ended with status 0".into()),
        used_at: noon(),
    };
    store.put_hook(hook.clone());
    store.put_hook(HookEntry { result: "deny".into(), exit: None, ..hook });
    wait(forge_core::storage::accounts::UsageSink::flush(&store)).unwrap();
    let agents = rows(&store, "agents", "max_steps DESC");
    let expected = json!({
        "agent": "editor",
        "role": "coder",
        "provider": null,
        "model": null,
        "temperature": 0.5,
        "max_steps": 16,
        "max_tokens": null,
        "max_cost_nano_usd": 5,
        "hash": "0123456789ab",
        "first_used": "2026-11-20T12:00:01.000Z",
        "last_used": "2026-11-20T12:00:01.000Z",
    });
    assert_eq!((agents.len(), &agents[0]), (2, &expected));
    let expected = json!({
        "hook": "frozen",
        "event": "PreEdit",
        "matcher": "*.sql",
        "argv": r#"["./frozen.sh","a b"]"#,
        "origin": "forge.yaml:2:3",
        "required": 1,
        "trusted_hash": "ff",
        "runs": 2,
        "last_result": "deny",
        "last_exit": null,
        "first_used": "2026-11-20T12:00:00.000Z",
        "last_used": "2026-11-20T12:00:00.000Z",
    });
    assert_eq!(rows(&store, "hooks", "hook"), [expected]);
}

/// Writes a journal as a session does.
fn journal(store: &Store, name: &str, entries: &[Value], summary: Option<Value>) {
    let stream = StreamName::new(name).unwrap();
    let fence = wait(store.claim(&stream, &Claim::new("test", Duration::ZERO))).unwrap();
    let payloads = entries.iter().map(|entry| entry.to_string().into_bytes()).collect();
    let mut batch = Batch::new(0, payloads);
    if let Some(summary) = summary {
        batch = batch.with_summary(summary);
    }
    wait(store.append(&stream, fence, batch)).unwrap();
}

fn started(title: &str) -> Value {
    json!({"at": 0, "type": "session_started", "version": 2, "started": "2026-11-20T11:59:00.123456789Z", "plan": {
        "topic": {"title": title}, "settings": {"mode": "duo"}, "simulated": true}})
}

#[test]
fn sessions_are_told_from_other_streams_and_from_their_first_entry_without_a_summary() {
    let dir = Dir::new();
    let store = Store::open(StoreOptions { clock: Hand::new(), ..dir.options() }).unwrap();
    let entry = started("A rate limiter");
    let summary = json!({"id": "s-1", "title": "A rate limiter", "status": "settled", "started": null,
        "stop_reason": "nothing_open", "calls": 7, "cost": 1_500_000_000});
    journal(&store, "s-1", std::slice::from_ref(&entry), Some(summary));
    journal(&store, "s-2", &[started("Older")], None);
    journal(&store, "other", &[json!({"type": "batch_started"})], None);
    journal(&store, "no-entry", &[], None);
    journal(&store, "text", &[json!("no object")], None);
    let stream = StreamName::new("noise").unwrap();
    let fence = wait(store.claim(&stream, &Claim::new("test", Duration::ZERO))).unwrap();
    wait(store.append(&stream, fence, Batch::new(0, vec![b"\xff{\"findings\":[{".to_vec()]))).unwrap();

    let found = rows(&store, "sessions", "session");
    let expected = json!({
        "session": "s-1",
        "title": "A rate limiter",
        "status": "settled",
        "stop_reason": "nothing_open",
        "mode": "duo",
        "simulated": 1,
        "started_at": "2026-11-20T11:59:00.123Z",
        "updated_at": "2026-11-20T12:00:00.000Z",
        "ended_at": "2026-11-20T12:00:00.000Z",
        "calls": 7,
        "cost_nano_usd": 1_500_000_000,
        "cost_usd": 1.5,
        "entries": 1,
        "bytes": entry.to_string().len(),
    });
    assert_eq!(found[0], expected);
    let what = |key: &str| found[1][key].clone();
    assert_eq!((what("session"), what("title"), what("status")), (json!("s-2"), json!("Older"), json!(null)));
    assert_eq!((found.len(), what("ended_at"), what("cost_usd")), (2, json!(null), json!(null)));
    assert_eq!(rows(&store, "findings", "id"), [] as [Value; 0]);
}

#[test]
fn findings_stand_as_their_last_entry_says_with_the_names_of_those_who_raised_them() {
    let dir = Dir::new();
    let store = dir.open();
    let answered = |cycle: u32, seat: u32, provider: &str| {
        json!({"at": 5, "type": "call_finished", "call": {"cycle": cycle, "stage": "critique", "seat": seat, "step": 0},
            "answer": {"raw_content": "\"findings\":[{", "served": {"model": "m", "provider": "v", "provider_id": provider}}})
    };
    let raised = json!({"id": 1, "cycle": 1, "remark": {"severity": "major", "category": "correctness", "location": "",
        "quote": "a \"quote\"", "claim": "it is wrong", "suggested_change": "say it right"}, "anchored": true,
        "raised_by": [
            {"seat": 0, "person": false, "cycle": 1, "severity": "major", "claim": "it is wrong"},
            {"seat": 1, "person": false, "cycle": 2, "severity": null, "claim": "so it is"},
            {"seat": null, "person": true, "cycle": 2, "severity": null, "claim": "indeed"},
            {"seat": null, "person": false, "cycle": 2, "severity": null, "claim": "yes"}],
        "state": "open", "disposition": null, "note": null});
    let mut settled = raised.clone();
    settled["state"] = "settled".into();
    settled["checked"] = true.into();
    settled["note"] = "it is gone".into();
    settled["disposition"] = json!({"finding": 1, "decision": "accept", "reason": "right"});
    let mut same = raised.clone();
    (same["id"], same["state"]) = (2.into(), "duplicate".into());
    same["remark"]["severity"] = Value::Null;
    same["disposition"] = json!({"finding": 2, "decision": "duplicate", "reason": "", "same_as": 1});
    let entries = [
        started("A topic"),
        answered(1, 0, "first"),
        answered(1, 1, "second"),
        answered(1, 0, "repaired"),
        json!({"at": 7, "type": "findings_recorded", "cycle": 1, "calls": [], "findings": [raised]}),
        json!({"at": 8, "type": "dispositions_recorded", "cycle": 1, "findings": [same]}),
        json!({"at": 9, "type": "checked", "cycle": 1, "verdicts": [], "findings": [settled]}),
        answered(2, 0, "later"),
    ];
    journal(&store, "s-1", &entries, None);
    journal(&store, "s-2", &[started("Empty"), json!({"type": "findings_recorded", "findings": []})], None);

    let found = rows(&store, "findings", "id");
    let expected = json!({
        "session": "s-1",
        "id": "F1",
        "cycle": 1,
        "severity": "major",
        "category": "correctness",
        "claim": "it is wrong",
        "quote": "a \"quote\"",
        "suggested_change": "say it right",
        "anchored": 1,
        "state": "settled",
        "decision": "accept",
        "reason": "right",
        "duplicate_of": null,
        "checked": 1,
        "note": "it is gone",
        "voices": 4,
        "raised_by": r#"["repaired/m","second/m","the person who asked","the checker"]"#,
    });
    assert_eq!(found[0], expected);
    assert_eq!(
        (found.len(), &found[1]["severity"], &found[1]["duplicate_of"]),
        (2, &json!("unrated"), &json!("F1"))
    );
}

#[test]
fn views_of_another_version_are_made_anew_and_a_plain_reader_can_use_them() {
    let dir = Dir::new();
    put(&dir.open(), [record(1)]);
    let change = "DROP VIEW findings; DROP VIEW model_usage; CREATE VIEW model_usage AS SELECT 1 AS old;
        CREATE VIEW mine AS SELECT count(*) AS calls FROM model_usage";
    sql(&dir.db()).execute_batch(change).unwrap();
    drop(dir.open());
    let conn = sql(&dir.db());
    let mut counts = String::new();
    for view in VIEWS.iter().chain(&["mine"]) {
        let count: i64 =
            conn.query_row(&format!("SELECT count(*) FROM {view}"), [], |row| row.get(0)).unwrap();
        write!(counts, "{view} {count}, ").unwrap();
    }
    assert_eq!(
        counts,
        "model_usage 1, model_metrics 1, tasks 0, sessions 0, findings 0, prompts 0, mcp_requests 0, mcp_connections 0, workflows 0, agents 0, hooks 0, beads 0, mine 1, "
    );
    for view in VIEWS {
        assert!(conn.execute(&format!("DELETE FROM {view}"), []).is_err(), "{view} cannot be written");
    }
}

#[test]
fn a_file_that_can_only_be_read_is_asked_without_its_views() {
    let dir = Dir::new();
    put(&dir.open(), [record(1)]);
    sql(&dir.db()).execute_batch("DROP VIEW findings; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    // A file format that SQLite may read, but not write.
    let mut file = fs::File::options().write(true).open(dir.db()).unwrap();
    file.seek(SeekFrom::Start(18)).unwrap();
    file.write_all(&[3]).unwrap();
    drop(file);
    assert_eq!(calls(&dir.open()), [1]);
}

#[test]
fn no_view_stands_in_the_way_of_a_new_form() {
    let dir = Dir::new();
    let old = format!("{}/tests/samples/v3.db", env!("CARGO_MANIFEST_DIR"));
    fs::copy(old, dir.db()).unwrap();
    // What a later version reads may not be there yet.
    sql(&dir.db()).execute_batch("CREATE VIEW findings AS SELECT * FROM nowhere").unwrap();
    let store = dir.open();
    assert_eq!(rows(&store, "findings", "id"), [] as [Value; 0]);
    assert_eq!(rows(&store, "model_usage", "call_id").len(), 3);
}

#[test]
fn a_dump_and_a_copy_of_the_newest_form_keep_the_views() {
    let dir = Dir::new();
    let store = dir.open();
    put(&store, [record(1)]);
    let copy = dir.0.join("copy.db");
    store.backup(&copy).unwrap();
    let count = |conn: &rusqlite::Connection| -> i64 {
        conn.query_row("SELECT count(*) FROM model_usage", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(&sql(&copy)), 1);
    // What a dump in SQL does not hold.
    sql(&copy).execute_batch("PRAGMA application_id = 0; PRAGMA user_version = 0;").unwrap();
    let opened = Store::open(StoreOptions::new(&copy)).unwrap();
    assert_eq!(rows(&opened, "model_usage", "call_id").len(), 1);
}

#[test]
fn beads_has_a_row_for_each_task_and_who_has_it() {
    use forge_core::storage::queue::{
        LeaseEnd, LeaseEnding, LeaseRequest, LineChange, QueueStore as _, TaskChoice,
    };

    let dir = Dir::new();
    let store = dir.open();
    let text = r#"{"id":"a-1","title":"A","issue_type":"bug","priority":0,"status":"closed","created_at":"2026-11-20T00:00:00Z"}"#;
    let lines = [("a-1", text), ("a-2", r#"{"id":"a-2"}"#), ("~{}", "{}")];
    let lines = lines.map(|(id, line)| LineChange::new(id, None, line));
    wait(store.write_lines("/w", lines.into())).unwrap();
    let request = || LeaseRequest::new("worker-1", noon(), Duration::from_secs(60));
    for (queue, task) in [("/w", "a-1"), ("/else", "b-1")] {
        let choose = move |_: &[_]| Some(TaskChoice::new(task, None));
        wait(store.lease(queue, request(), std::sync::Arc::new(choose))).unwrap().unwrap();
    }
    let closed = LeaseEnd::new("a-1", 1, LeaseEnding::Closed("commit 0123456".into()), noon());
    wait(store.end_lease("/w", closed)).unwrap();
    let found = rows(&store, "beads", "workspace, id");
    let expected = json!({
        "workspace": "/w",
        "id": "a-1",
        "title": "A",
        "kind": "bug",
        "status": "closed",
        "priority": 0,
        "created_at": "2026-11-20T00:00:00Z",
        "updated_at": null,
        "claims": 1,
        "owner": "worker-1",
        "claimed_at": "2026-11-20T12:00:00.000Z",
        "expires_at": "2026-11-20T12:01:00.000Z",
        "ended_at": "2026-11-20T12:00:00.000Z",
        "ending": "closed",
        "detail": "commit 0123456",
    });
    assert_eq!(found[1], expected);
    assert_eq!(
        (&found[2]["status"], &found[2]["priority"], &found[2]["claims"]),
        (&json!("open"), &json!(2), &json!(0))
    );
    assert_eq!(
        (&found[0]["id"], &found[0]["title"], &found[0]["owner"]),
        (&json!("b-1"), &Value::Null, &json!("worker-1"))
    );
    assert_eq!(found.len(), 3, "a record of another kind is no bead");
}
