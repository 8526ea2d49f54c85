//! Participants as critics, through the critique stage of sessions.

use std::{sync::Arc, time::Instant};

use forge_core::{
    ErrorKind, ModelRequest, Participant, Provider, request::Part, storage::memory::MemoryJournal,
    time::ManualTimer,
};
use forge_eval::{Critic, CriticState, CriticsReport, Evaluation, SessionCritic, Wish};
use forge_session::{SessionDeps, Settings};
use forge_testkit::{Answer, Script};
use serde_json::json;

use crate::critics::corpus;

fn prompt(request: &ModelRequest) -> String {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let texts =
        parts.filter_map(|part| if let Part::Text { text, .. } = part { Some(text.as_str()) } else { None });
    texts.collect::<Vec<_>>().join("\n")
}

/// `keen` finds the race where it is, `prose` writes none of the form, `busy` answers nothing at all.
fn script() -> Script {
    Script::new(|cx, request| match cx.model().as_str() {
        "prose" => Answer::text("I have read it, and it is fine."),
        "busy" => Answer::fail(ErrorKind::Overloaded),
        _ => {
            let has_fault = prompt(request).contains("reads and then writes");
            let finding = json!({"quote": "reads and then writes", "location": "", "claim": "a race, not atomic",
                "category": "correctness", "severity": "critical", "suggested_change": ""});
            let findings = if has_fault { vec![finding] } else { Vec::new() };
            Answer::text(json!({"strengths": [], "findings": findings}).to_string())
        }
    })
}

fn critics(script: &Arc<Script>, models: &[&str]) -> Vec<Box<dyn Critic>> {
    let timer = Arc::new(ManualTimer::new());
    let journal = Arc::new(MemoryJournal::new(timer.clone()));
    let provider: Arc<dyn Provider> = script.clone();
    let deps = SessionDeps::new(provider, journal, timer, "test").unwrap();
    let critic = |model: &&str| {
        let participant = Participant::local(*model).with_provider_id(*model);
        Box::new(SessionCritic::new(participant, deps.clone(), Settings::default())) as Box<dyn Critic>
    };
    models.iter().map(critic).collect()
}

#[test]
fn participants_are_asked_and_read_as_in_a_session() {
    let (corpus, script) = (corpus(3), Arc::new(script()));
    let critics = critics(&script, &["keen", "prose", "busy"]);
    let evaluation = Evaluation::new(&corpus, &critics);
    assert_eq!(evaluation.estimate().unwrap().readings, 18);
    assert!(script.calls().is_empty() && !evaluation.estimate().unwrap().priced);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let measured = runtime.block_on(evaluation.run(|_| {}));
    let report = CriticsReport::of(&corpus, &critics, &measured, &Wish::default(), 1);
    let [keen, prose, busy] = report.critics.as_slice() else { panic!("{report:?}") };
    assert_eq!((keen.by_severity["critical"].share, keen.false_alarms_per_clean), (Some(1.0), Some(0.0)));
    assert_eq!((keen.cost_nano_usd, prose.unreadable, prose.identified.found), (None, 6, 0.0));
    assert!(matches!(busy.state, CriticState::Failed { .. }), "{busy:?}");
    // Each is told the task and nothing of the faults or of the others.
    for call in script.calls() {
        let text = format!("{}\n{}", call.request.system_text(), prompt(&call.request));
        assert!(text.contains("Design a queue for one process. It survives a restart."), "{text}");
        assert!(!text.contains("stale-name") && !text.contains("keen") && !text.contains("clean"), "{text}");
    }
}

#[test]
fn the_host_takes_little_time_for_forty_documents_and_four_participants() {
    let (corpus, script) = (corpus(40), Arc::new(script()));
    let critics = critics(&script, &["one", "two", "three", "four"]);
    let evaluation = Evaluation::new(&corpus, &critics);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let begun = Instant::now();
    let measured = runtime.block_on(evaluation.run(|_| {}));
    let report = CriticsReport::of(&corpus, &critics, &measured, &Wish::default(), 1);
    println!("{} readings and their report: {:?}", script.calls().len(), begun.elapsed());
    assert_eq!((script.calls().len(), report.panels.unwrap().recommended.panel.found), (320, 40));
}
