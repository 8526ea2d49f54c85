use std::time::Duration;

use forge_core::storage::journal::{Batch, Claim, Journal as _};
use forge_session::{Event, Record, Session, SessionResult};

use crate::stage::{Play, Theatre, name, plan};

/// A theatre whose journal holds the first `length` entries of another one's.
fn cut(entries: &[Vec<u8>], length: usize) -> Theatre {
    let theatre = Theatre::new();
    let journal = std::sync::Arc::clone(&theatre.journal);
    theatre.run(async {
        let fence = journal.claim(&name(), &Claim::new("dead", Duration::from_secs(60))).await.unwrap();
        journal.append(&name(), fence, Batch::new(0, entries[..length].to_vec())).await.unwrap();
        journal.release(&name(), fence).await.unwrap();
    });
    theatre
}

fn finished(entries: &[Vec<u8>]) -> usize {
    let read = |entry: &Vec<u8>| serde_json::from_slice::<Record>(entry).unwrap();
    entries.iter().filter(|entry| matches!(read(entry).event, Event::CallFinished { .. })).count()
}

fn resume(theatre: &Theatre) -> SessionResult {
    theatre.run(async { Session::resume(theatre.deps(), name()).await.unwrap().run().await.unwrap() })
}

/// Two cycles: the first check leaves everything open.
fn script(theatre: &Theatre) {
    theatre.plays("checker-1", |_, request| {
        let prompt = crate::stage::user(request);
        if prompt.contains("Settled for F1.\n\nSettled for F2.") && !prompt.contains("Settled for F5.") {
            Play::Say(serde_json::json!({"verdicts": [{"finding": "F1", "settled": false, "reason": "no"}], "new_findings": []}).to_string())
        } else {
            Play::Sensible
        }
    });
}

#[test]
fn a_session_cut_at_any_entry_goes_on_without_repeating_a_finished_call() {
    let whole = Theatre::new();
    script(&whole);
    let mut plan = plan();
    plan.settings.cycles = 2;
    let expected = whole.session(plan);
    let entries = whole.entries();
    let calls = whole.sent.lock().unwrap().len();
    assert!(entries.len() > 20 && expected.cycles == 2, "{} entries", entries.len());
    for length in 1..=entries.len() {
        let theatre = cut(&entries, length);
        script(&theatre);
        let result = resume(&theatre);
        let made = theatre.sent.lock().unwrap().len();
        assert_eq!(made, calls - finished(&entries[..length]), "cut at {length}");
        assert_eq!(result.document, expected.document, "cut at {length}");
        assert_eq!(result.findings, expected.findings, "cut at {length}");
        assert_eq!((result.status, result.stop_reason), (expected.status, expected.stop_reason));
    }
}

/// Without what journals of the first version did not have.
fn as_written_before(entry: &[u8]) -> Vec<u8> {
    let mut record: serde_json::Value = serde_json::from_slice(entry).unwrap();
    let fields = record.as_object_mut().unwrap();
    for new in ["document", "lost", "panel", "wishes"] {
        fields.remove(new);
    }
    if let Some(version) = fields.get_mut("version") {
        *version = 1.into();
    }
    for finding in fields.get_mut("findings").and_then(|all| all.as_array_mut()).into_iter().flatten() {
        finding.as_object_mut().unwrap().remove("checked");
        for raised in finding["raised_by"].as_array_mut().unwrap() {
            raised.as_object_mut().unwrap().remove("person");
        }
    }
    serde_json::to_vec(&record).unwrap()
}

#[test]
fn a_journal_of_the_first_version_is_read() {
    let whole = Theatre::new();
    whole.plays("synth-1", |_, request| {
        let prompt = crate::stage::user(request);
        let document = format!("{}\n\nAll new.", crate::stage::fenced(prompt, "DOCUMENT"));
        let decide = |label: &String| {
            serde_json::json!({"finding": label, "decision": "accept", "reason": "right", "changed_span": "All new."})
        };
        let all: Vec<_> = crate::stage::labels(prompt).iter().map(decide).collect();
        crate::stage::Play::Say(serde_json::json!({"document": document, "dispositions": all}).to_string())
    });
    let expected = whole.session(plan());
    let entries: Vec<Vec<u8>> = whole.entries().iter().map(|entry| as_written_before(entry)).collect();
    let theatre = cut(&entries, entries.len());
    let read = resume(&theatre);
    assert!(read.document.ends_with("All new."), "{}", read.document);
    assert_eq!((read.document, read.status), (expected.document, expected.status));
    assert_eq!((theatre.sent.lock().unwrap().len(), read.panels.len()), (0, 0));
}

#[test]
fn a_newer_journal_is_refused() {
    let whole = Theatre::new();
    whole.session(plan());
    let mut entries = whole.entries();
    entries[0] =
        String::from_utf8(entries[0].clone()).unwrap().replace("\"version\":3", "\"version\":4").into_bytes();
    let theatre = cut(&entries, 1);
    let error = theatre.run(Session::resume(theatre.deps(), name())).unwrap_err();
    assert!(error.to_string().contains("version 4"), "{error}");
}

#[test]
fn a_call_that_is_made_again_must_fit_into_what_the_dead_one_leaves() {
    let whole = Theatre::new();
    let mut plan = plan();
    plan.settings.caps.tokens = Some(15_000);
    plan.settings.mode = forge_session::Mode::Direct;
    whole.session(plan);
    // The first two entries: the session and the intent of its draft, which sets more than half aside.
    let theatre = cut(&whole.entries(), 2);
    let result = resume(&theatre);
    assert_eq!((theatre.calls("drafter-1"), result.stop_reason), (0, Some(forge_session::Stop::Budget)));
}
