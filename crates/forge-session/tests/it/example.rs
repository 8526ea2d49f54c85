//! How to test code that runs sessions, without network, time or chance.

use std::sync::Arc;

use forge_core::{
    Capabilities, Participant, Provider,
    storage::{journal::StreamName, memory::MemoryJournal},
    time::ManualTimer,
};
use forge_session::{Cast, DocumentLabel, Plan, Session, SessionDeps, SessionStatus, Topic};
use forge_testkit::Script;
use futures_util::FutureExt as _;

/// Says what a model of this name would say.
fn scripted() -> Script {
    let mut able = Capabilities::default();
    able.structured_output = true;
    let script = Script::new(|cx, _| match cx.model().as_str() {
        "drafter" => "# Tea\n\nBoil the water.",
        "critic" => {
            r#"{"strengths": [], "findings": [{"severity": "major", "quote": "Boil the water.", "claim": "How much?"}]}"#
        }
        "synthesizer" => {
            r#"{"decisions": [{"finding": "F1", "reason": "true", "decision": "accept",
                "edits": [{"old": "the water", "new": "a litre of water"}]}]}"#
        }
        _ => r#"{"verdicts": [{"finding": "F1", "settled": true, "reason": "a litre"}], "new_findings": []}"#,
    });
    script.with_capabilities(able)
}

#[test]
fn a_scripted_provider_and_a_journal_in_memory_are_all_a_test_needs() {
    let one = |name: &str| vec![Participant::local(name)];
    let cast = Cast {
        drafter: one("drafter"),
        critics: vec![one("critic")],
        synthesizer: one("synthesizer"),
        checker: one("checker"),
    };
    let provider: Arc<dyn Provider> = Arc::new(scripted());
    let deps =
        SessionDeps::new(provider, Arc::new(MemoryJournal::default()), Arc::new(ManualTimer::new()), "test")
            .unwrap();
    let mut plan = Plan::new(Topic::new("How to make tea"), cast);
    plan.settings.cycles = 1;
    let run = async {
        let name = StreamName::new("tea").unwrap();
        Session::start(deps, name, plan).await?.run().await
    };
    let result = run.now_or_never().expect("nothing waits for time").unwrap();
    assert_eq!((result.status, result.label), (SessionStatus::Settled, DocumentLabel::Synthesis));
    assert!(result.document.contains("a litre of water"));
}
