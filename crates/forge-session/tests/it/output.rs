use std::sync::Arc;

use forge_core::{
    storage::journal::{Batch, Claim, Journal as _, JournalError, StreamName},
    time::Clock as _,
};
use forge_session::{Mode, Session, SessionResult, SessionStatus, Stage};

use crate::files::Files;
use crate::stage::{Theatre, name, plan};

#[test]
fn an_estimate_names_every_call_and_sends_none() {
    let theatre = Theatre::new();
    let mut plan = plan();
    plan.settings.cycles = 2;
    let estimate = Session::estimate(&theatre.deps(), &plan).unwrap();
    let stages: Vec<Stage> = estimate.calls.iter().map(|call| call.stage).collect();
    let critique = Stage::Critique;
    assert_eq!(stages, [Stage::Draft, critique, critique, critique, Stage::Synthesis, Stage::Check]);
    assert!(estimate.priced && estimate.likely.money < estimate.most.money);
    assert!(estimate.likely_all_cycles.tokens > estimate.likely.tokens);
    assert_eq!(theatre.sent.lock().unwrap().len(), 0);

    plan.settings.cycles = 1;
    let used = theatre.session(plan.clone()).total;
    assert!(
        used.input_tokens + used.output_tokens <= estimate.most.tokens && used.cost <= estimate.most.money
    );
    plan.settings.mode = Mode::Direct;
    assert_eq!(Session::estimate(&theatre.deps(), &plan).unwrap().calls.len(), 1);
}

#[test]
fn a_plan_without_a_topic_or_somebody_to_ask_is_refused() {
    let theatre = Theatre::new();
    let refused = |plan| Session::estimate(&theatre.deps(), &plan).unwrap_err().to_string();
    let mut nobody = plan();
    nobody.cast.checker.clear();
    let mut nothing = plan();
    nothing.topic.title = "  ".into();
    assert_eq!(
        (refused(nobody), refused(nothing)),
        ("the plan cannot be run".into(), "the plan cannot be run".into())
    );
}

#[test]
fn json_is_versioned_and_can_be_read_back() {
    let result = crate::report::hostile();
    let json: serde_json::Value = serde_json::from_str(&result.to_json()).unwrap();
    assert_eq!((json["version"].as_str(), json["simulated"].as_bool()), (Some("2.0"), Some(true)));
    assert_eq!((json["status"].as_str(), json["label"].as_str()), (Some("complete"), Some("synthesis")));
    assert_eq!(serde_json::from_str::<SessionResult>(&result.to_json()).unwrap(), result);
}

#[test]
fn a_comparison_says_what_the_session_bought() {
    let theatre = Theatre::new();
    let mut plan = plan();
    plan.settings.compare = true;
    let comparison = theatre.session(plan).comparison.unwrap();
    assert_eq!((comparison.serious_found, comparison.serious_settled), (1, 1));
    assert_eq!((comparison.draft_usage.calls, comparison.lost_lines), (1, 0));
    assert!(comparison.new_lines > 0);
}

/// A folder that is gone at the end of the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn journal(&self, theatre: &Theatre) -> Arc<Files> {
        Arc::new(Files::open(&self.0, theatre))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_session_in_plain_files_survives_a_torn_tail() {
    let folder = Folder::new("torn");
    let theatre = Theatre::new();
    let mut deps = theatre.deps();
    deps.journal = folder.journal(&theatre);
    let whole = theatre.session_of(deps.clone(), plan());
    assert_eq!(whole.status, SessionStatus::Settled);

    let file = folder.0.join("s-1.jsonl");
    let bytes = std::fs::read(&file).unwrap();
    for cut in [bytes.len() - 1, bytes.len() - 40, bytes.len() / 2] {
        std::fs::write(&file, &bytes[..cut]).unwrap();
        deps.journal = folder.journal(&theatre);
        let again =
            theatre.run(async { Session::resume(deps.clone(), name()).await.unwrap().run().await.unwrap() });
        assert_eq!(
            (again.document, again.findings),
            (whole.document.clone(), whole.findings.clone()),
            "cut at {cut}"
        );
        assert!(folder.0.join("s-1.torn").exists());
    }
    assert_eq!(theatre.calls("drafter-1"), 1);
}

#[test]
fn a_damaged_line_ends_the_stream_and_a_newer_one_is_refused() {
    let folder = Folder::new("damaged");
    let theatre = Theatre::new();
    let journal = folder.journal(&theatre);
    theatre.run(async {
        let stream = name();
        let fence =
            journal.claim(&stream, &Claim::new("a", std::time::Duration::from_secs(9))).await.unwrap();
        journal.append(&stream, fence, Batch::new(0, vec![b"one".to_vec(), b"two".to_vec()])).await.unwrap();
        journal.append(&stream, fence, Batch::new(2, vec![b"three".to_vec()])).await.unwrap();
        assert_eq!(journal.read(&stream, 1).await.unwrap().len(), 2);
        let file = folder.0.join("s-1.jsonl");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("three", "throe")).unwrap();
        assert_eq!(journal.read(&stream, 0).await.unwrap().len(), 2);
        std::fs::write(&file, text.replace("\"v\":1", "\"v\":9")).unwrap();
        assert!(matches!(journal.read(&stream, 0).await, Err(JournalError::Storage(_))));
    });
}

#[test]
fn plain_files_keep_a_second_writer_out_and_fence_a_late_one_off() {
    let folder = Folder::new("fence");
    let theatre = Theatre::new();
    let (one, other) = (folder.journal(&theatre), folder.journal(&theatre));
    let stream = StreamName::new("s").unwrap();
    let lease = std::time::Duration::from_secs(60);
    theatre.run(async {
        let first = one.claim(&stream, &Claim::new("a", lease)).await.unwrap();
        assert_eq!(one.claim(&stream, &Claim::new("a", lease)).await.unwrap(), first);
        let held = other.claim(&stream, &Claim::new("b", lease)).await;
        assert!(matches!(held, Err(JournalError::Held { holder, .. }) if &*holder == "a"));
        one.append(&stream, first, Batch::new(0, vec![b"x".to_vec()])).await.unwrap();
        theatre.timer.advance(lease);
        assert_eq!(theatre.timer.now(), chrono::DateTime::UNIX_EPOCH + lease);
        let second = other.claim(&stream, &Claim::new("b", lease)).await.unwrap();
        assert!(second > first);
        let late = one.append(&stream, first, Batch::new(1, vec![b"late".to_vec()])).await;
        assert!(matches!(late, Err(JournalError::Fenced { .. })));
        let gap = other.append(&stream, second, Batch::new(0, vec![b"y".to_vec()])).await;
        assert!(matches!(gap, Err(JournalError::Conflict { actual: 1, .. })));
        other.release(&stream, second).await.unwrap();
        one.claim(&stream, &Claim::new("a", lease)).await.unwrap();
    });
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_file_is_not_followed() {
    let (folder, outside) = (Folder::new("linked"), Folder::new("outside"));
    for path in [&folder.0, &outside.0] {
        std::fs::create_dir_all(path).unwrap();
    }
    let theatre = Theatre::new();
    let journal = folder.journal(&theatre);
    for (stream, extension) in [("s-1", "jsonl"), ("s-2", "claim")] {
        let target = outside.0.join(extension);
        std::fs::write(&target, "").unwrap();
        std::os::unix::fs::symlink(&target, folder.0.join(format!("{stream}.{extension}"))).unwrap();
        let stream = StreamName::new(stream).unwrap();
        theatre.run(async {
            let lease = std::time::Duration::from_secs(9);
            let claimed = journal.claim(&stream, &Claim::new("a", lease)).await;
            let written = match claimed {
                Ok(fence) => {
                    journal.append(&stream, fence, Batch::new(0, vec![b"x".to_vec()])).await.map(drop)
                }
                Err(error) => Err(error),
            };
            assert!(matches!(written, Err(JournalError::Storage(_))), "{written:?}");
        });
        assert_eq!(std::fs::read(&target).unwrap(), b"");
    }
}
