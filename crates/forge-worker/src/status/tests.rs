use serde_json::json;

use super::*;
use crate::state::{WaitReason, WorkerState, WorkerStatus};

#[test]
fn every_state_has_one_of_the_seven_words() {
    let exited = |code, signal, asked| WorkerState::Exited { code, signal, asked };
    let table = [
        (WorkerState::Starting, WorkerStatus::Starting),
        (WorkerState::Ready, WorkerStatus::Idle),
        (WorkerState::Working, WorkerStatus::Active),
        (WorkerState::Waiting(WaitReason::Permission), WorkerStatus::Active),
        (WorkerState::Waiting(WaitReason::Question), WorkerStatus::Active),
        (WorkerState::Waiting(WaitReason::Limit), WorkerStatus::Active),
        (WorkerState::Waiting(WaitReason::Dialog), WorkerStatus::Active),
        (WorkerState::Undelivered, WorkerStatus::Active),
        (WorkerState::TurnFailed("limit".into()), WorkerStatus::Active),
        (WorkerState::Paused, WorkerStatus::Paused),
        (WorkerState::Frozen, WorkerStatus::Paused),
        (WorkerState::Stopping, WorkerStatus::Stopped),
        (exited(Some(0), None, false), WorkerStatus::Stopped),
        (exited(Some(1), None, true), WorkerStatus::Stopped),
        (exited(None, Some(15), true), WorkerStatus::Stopped),
        (exited(Some(1), None, false), WorkerStatus::Failed),
        (exited(None, Some(9), false), WorkerStatus::Failed),
        (exited(None, None, false), WorkerStatus::Failed),
        (WorkerState::Orphaned, WorkerStatus::Failed),
        (WorkerState::Lost, WorkerStatus::Failed),
        (WorkerState::Unknown, WorkerStatus::Error),
    ];
    for (state, status) in table {
        assert_eq!(state.status(), status, "{state:?}");
    }
}

#[test]
fn the_seven_have_a_sign_a_letter_and_a_verdict_each() {
    let healthy: Vec<_> = WorkerStatus::ALL.into_iter().filter(|it| it.is_healthy()).collect();
    assert_eq!(
        healthy,
        [WorkerStatus::Active, WorkerStatus::Idle, WorkerStatus::Starting, WorkerStatus::Paused]
    );
    let signs: Vec<_> = WorkerStatus::ALL.into_iter().map(WorkerStatus::indicator).collect();
    assert_eq!(signs, ["✅", "💤", "🔄", "⏸️", "❌", "⏹️", "⚠️"]);
    let letters: std::collections::BTreeSet<_> =
        WorkerStatus::ALL.into_iter().map(WorkerStatus::letter).collect();
    assert_eq!(letters.len(), 7);
}

#[test]
fn a_file_of_the_documents_form_comes_back_as_it_was_with_what_nobody_knows() {
    let file = json!({
        "worker_id": "claude-code-sonnet-alpha",
        "status": "active",
        "current_task": "fg-123: Implement feature X",
        "model": "sonnet",
        "tier": "standard",
        "pid": 12345,
        "started_at": "2025-01-15T10:30:00.000Z",
        "last_update": "2025-01-15T10:35:00.000Z",
        "mood": { "of": ["the", "day"] },
    });
    let read = WorkerStatusFile::parse(file.to_string().as_bytes()).unwrap();
    assert_eq!((read.status, read.pid), (WorkerStatus::Active, Some(12345)));
    assert_eq!(read.to_json(), file);
}

#[test]
fn every_shape_that_the_file_has_had_is_read() {
    let read = |file: serde_json::Value| WorkerStatusFile::parse(file.to_string().as_bytes());
    let old = read(json!({
        "id": "a", "status": "Running", "pid": "77", "tier": "PREMIUM",
        "current_task": { "bead_id": "fg-1", "bead_title": "Do it" },
        "started_at": 1_736_937_000, "last_activity": 1_736_937_000_500_i64,
    }))
    .unwrap();
    assert_eq!(old.status, WorkerStatus::Active);
    assert_eq!(old.current_task.as_deref(), Some("fg-1: Do it"));
    assert_eq!((old.pid, old.tier), (Some(77), Some(crate::tier::WorkerTier::Premium)));
    assert_eq!(old.started_at.unwrap().timestamp(), 1_736_937_000);
    assert_eq!(old.last_update.unwrap().timestamp_millis(), 1_736_937_000_500);
    let nested =
        read(json!({ "worker": "a", "status": { "type": "idle" }, "pid": 0, "current_task": null })).unwrap();
    assert_eq!((nested.status, nested.pid, nested.current_task), (WorkerStatus::Idle, None, None));
    for damaged in [
        json!([]),
        json!({ "status": "idle" }),
        json!({ "worker_id": "a" }),
        json!({ "worker_id": "a", "status": "??" }),
    ] {
        assert!(matches!(read(damaged), Err(StatusFileError::Damaged(_))));
    }
}

#[test]
fn a_half_written_file_is_the_one_before_and_links_and_large_ones_are_refused() {
    let folder = std::env::temp_dir().join(format!("forge-status-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    crate::private::folder(&folder).unwrap();
    let path = folder.join("a.json");
    let mut reader = StatusReader::new();
    assert!(reader.read(&path).unwrap().is_none());
    std::fs::write(&path, r#"{"worker_id": "a", "sta"#).unwrap();
    assert!(matches!(reader.read(&path), Err(StatusFileError::Damaged(_))));
    std::fs::write(&path, r#"{"worker_id": "a", "status": "idle"}"#).unwrap();
    let whole = reader.read(&path).unwrap();
    std::fs::write(&path, r#"{"worker_id": "a", "status": "act"#).unwrap();
    assert_eq!(reader.read(&path).unwrap(), whole);
    std::fs::write(&path, " ".repeat(64 * 1024 + 1)).unwrap();
    assert!(matches!(reader.read(&path), Err(StatusFileError::Io(_))));
    let link = folder.join("b.json");
    std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
    assert!(matches!(reader.read(&link), Err(StatusFileError::Io(_))));
    std::fs::remove_dir_all(&folder).unwrap();
}
