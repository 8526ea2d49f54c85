use std::{collections::HashMap, time::Duration};

use forge_core::storage::journal::{Batch, Claim, Journal as _, JournalError};
use forge_session::{
    DocumentLabel, FindingState, Mode, PlanError, Providers, Session, SessionDeps, SessionError,
    SessionStatus, Severity, State, Stop,
};
use futures_util::FutureExt as _;
use serde_json::json;

use crate::stage::{DRAFT, Play, Theatre, critique, decide_all, finding, labels, name, plan, user};

#[test]
fn a_council_drafts_judges_merges_and_checks() {
    let theatre = Theatre::new();
    let result = theatre.session(plan());
    assert_eq!((result.status, result.stop_reason), (SessionStatus::Settled, Some(Stop::NothingOpen)));
    assert_eq!((result.label, result.degraded.len(), result.cycles), (DocumentLabel::Synthesis, 0, 1));
    assert_eq!(theatre.sent.lock().unwrap().len(), 6);
    let major = &result.findings[0];
    assert_eq!((major.issue.severity, major.raised_by.len()), (Some(Severity::Major), 3));
    assert!(major.anchored && result.document.contains("Settled for F1."));
    assert!(result.findings.iter().all(|finding| finding.state == FindingState::Settled));
    assert!(result.total.cost.nanos() > 0 && result.total.unknown == 0);
}

#[test]
fn a_direct_session_is_one_call_and_a_review_three() {
    for (mode, calls, label) in
        [(Mode::Direct, 1, DocumentLabel::Draft), (Mode::Review, 3, DocumentLabel::Synthesis)]
    {
        let theatre = Theatre::new();
        let mut plan = plan();
        plan.settings.mode = mode;
        let result = theatre.session(plan);
        assert_eq!((result.status, result.label), (SessionStatus::Complete, label), "{mode:?}");
        assert_eq!(result.stop_reason, Some(Stop::AllStagesDone));
        assert_eq!(theatre.sent.lock().unwrap().len(), calls);
        assert!(!result.is_degraded());
    }
}

#[test]
fn critics_without_findings_end_the_session_with_the_draft() {
    for mode in [Mode::Council, Mode::Review] {
        let theatre = Theatre::new();
        for critic in ["alpha-1", "beta-1", "gamma-1"] {
            theatre.always(critic, Play::Say(critique(&[])));
        }
        let mut plan = plan();
        plan.settings.mode = mode;
        let result = theatre.session(plan);
        let ended = (result.status, result.stop_reason, result.label);
        assert_eq!(ended, (SessionStatus::Settled, Some(Stop::NothingFound), DocumentLabel::Draft));
        assert_eq!(result.document, DRAFT.trim());
        assert!(!result.is_degraded() && result.degraded.is_empty(), "{mode:?}");
    }
}

#[test]
fn a_rejected_serious_finding_is_a_dissent() {
    let theatre = Theatre::new();
    theatre.plays("synth-1", |_, request| Play::Say(decide_all(request, "reject", "out of scope")));
    let result = theatre.session(plan());
    assert_eq!((result.status, result.stop_reason), (SessionStatus::Complete, Some(Stop::Contested)));
    let [dissent] = &result.dissents[..] else { panic!("{:?}", result.dissents) };
    assert_eq!(
        (dissent.reason.as_str(), dissent.support, dissent.severity.as_str()),
        ("out of scope", 3, "major")
    );
}

#[test]
fn a_finding_that_the_synthesizer_forgets_is_asked_for_once_more() {
    let theatre = Theatre::new();
    theatre.plays("synth-1", |nth, request| {
        let prompt = user(request);
        let named = if prompt.contains("not complete") { labels_in_answer(prompt) } else { vec![labels(prompt)[0].clone()] };
        let dispositions: Vec<_> = named
            .iter()
            .map(|label| json!({"finding": label, "decision": "accept", "reason": "", "changed_span": "All new."}))
            .collect();
        let document = if nth == 0 { format!("{DRAFT}\n\nAll new.") } else { String::new() };
        Play::Say(json!({"document": document, "dispositions": dispositions}).to_string())
    });
    let result = theatre.session(plan());
    assert_eq!(theatre.calls("synth-1"), 2);
    assert!(
        result.findings.iter().all(|finding| finding.state == FindingState::Settled),
        "{:?}",
        result.findings
    );
}

fn labels_in_answer(prompt: &str) -> Vec<String> {
    let body = crate::stage::fenced(prompt, "FINDINGS");
    body.lines()
        .filter(|line| line.starts_with('F'))
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

#[test]
fn two_cycles_without_progress_end_the_session() {
    let theatre = Theatre::new();
    theatre.plays("synth-1", |_, request| {
        let dispositions: Vec<_> = labels(user(request))
            .iter()
            .map(|label| json!({"finding": label, "decision": "accept", "reason": "", "changed_span": "never written"}))
            .collect();
        Play::Say(json!({"document": DRAFT, "dispositions": dispositions}).to_string())
    });
    let mut plan = plan();
    plan.settings.cycles = 3;
    let result = theatre.session(plan);
    assert_eq!((result.stop_reason, result.cycles), (Some(Stop::NoProgress), 2));
    assert_eq!(result.findings[0].note.as_deref(), Some("accepted, but the text did not change"));
    assert_eq!(result.findings[0].state, FindingState::Open);
}

#[test]
fn what_the_check_leaves_open_is_taken_up_in_the_next_cycle() {
    let theatre = Theatre::new();
    theatre.plays("checker-1", |nth, request| {
        let verdicts: Vec<_> = labels(user(request))
            .iter()
            .map(|label| json!({"finding": label, "settled": nth > 0, "reason": "still vague"}))
            .collect();
        let new =
            if nth == 0 { vec![finding("critical", "", "the revision lost the unit")] } else { Vec::new() };
        Play::Say(json!({"verdicts": verdicts, "new_findings": new}).to_string())
    });
    let mut plan = plan();
    plan.settings.cycles = 2;
    let result = theatre.session(plan);
    assert_eq!((result.status, result.cycles), (SessionStatus::Settled, 2));
    let new = result.findings.iter().find(|finding| finding.issue.claim.contains("lost the unit")).unwrap();
    assert_eq!((new.raised_by[0].seat, new.state), (None, FindingState::Settled));
}

#[test]
fn a_second_session_of_the_same_name_and_a_resume_of_none_are_refused() {
    let theatre = Theatre::new();
    theatre.session(plan());
    let again = theatre.run(Session::start(theatre.deps(), name(), plan()));
    assert!(matches!(again, Err(SessionError::Exists(_))));
    let other = forge_core::storage::journal::StreamName::new("other").unwrap();
    assert!(matches!(theatre.run(Session::resume(theatre.deps(), other)), Err(SessionError::Unknown(_))));
}

#[test]
fn a_second_resumer_is_refused_while_the_first_is_at_work() {
    let theatre = Theatre::new();
    let first = theatre.run(Session::start(theatre.deps(), name(), plan())).unwrap();
    let mut deps = theatre.deps();
    deps.holder = "another".into();
    let second = theatre.run(Session::resume(deps, name()));
    assert!(matches!(second, Err(SessionError::Journal(JournalError::Held { .. }))));
    assert_eq!(theatre.run(first.run()).unwrap().status, SessionStatus::Settled);
}

#[test]
fn a_resume_that_is_refused_leaves_the_session_to_others() {
    let theatre = Theatre::new();
    theatre.session(plan());
    let mut deps = theatre.deps();
    (deps.holder, deps.providers) = ("another".into(), Providers::ById(HashMap::new()));
    let refused = theatre.run(Session::resume(deps, name()));
    assert!(matches!(refused, Err(SessionError::Plan(PlanError::NoProvider { .. }))));
    theatre.run(async {
        let fence =
            theatre.journal.claim(&name(), &Claim::new("another", Duration::from_secs(1))).await.unwrap();
        let count = theatre.journal.read(&name(), 0).await.unwrap().len() as u64;
        theatre
            .journal
            .append(&name(), fence, Batch::new(count, vec![b"unreadable".to_vec()]))
            .await
            .unwrap();
        theatre.journal.release(&name(), fence).await.unwrap();
    });
    for holder in ["one", "other"] {
        let deps = SessionDeps { holder: holder.into(), ..theatre.deps() };
        let unread = theatre.run(Session::resume(deps, name()));
        assert!(matches!(unread, Err(SessionError::Entry { .. })), "{unread:?}");
    }
}

#[test]
fn what_is_no_session_is_not_a_broken_one() {
    let theatre = Theatre::new();
    theatre.run(async {
        let claim = Claim::new("another", Duration::from_secs(1));
        let fence = theatre.journal.claim(&name(), &claim).await.unwrap();
        let said = json!({"type": "exchanged", "question": "Why?"}).to_string();
        theatre.journal.append(&name(), fence, Batch::new(0, vec![said.into_bytes()])).await.unwrap();
        theatre.journal.release(&name(), fence).await.unwrap();
    });
    let resumed = theatre.run(Session::resume(theatre.deps(), name()));
    assert!(matches!(&resumed, Err(SessionError::Foreign(foreign)) if *foreign == name()), "{resumed:?}");
    let read = theatre.run(State::read(&*theatre.journal, &name()));
    assert!(matches!(read, Err(SessionError::Foreign(_))), "{read:?}");
}

#[test]
fn a_run_that_was_presumed_dead_is_fenced_off() {
    let theatre = Theatre::new();
    let first = theatre.run(Session::start(theatre.deps(), name(), plan())).unwrap();
    theatre.timer.advance(Duration::from_secs(61));
    let mut deps = theatre.deps();
    deps.holder = "another".into();
    let second = theatre.run(Session::resume(deps, name())).unwrap();
    let fenced = theatre.run(first.run());
    assert!(matches!(
        fenced,
        Err(SessionError::Journal(JournalError::Fenced { .. } | JournalError::Held { .. }))
    ));
    assert_eq!(theatre.run(second.run()).unwrap().status, SessionStatus::Settled);
}

#[test]
fn a_long_run_keeps_its_claim() {
    let theatre = Theatre::new();
    for one in ["drafter-1", "alpha-1", "beta-1", "gamma-1", "synth-1", "checker-1"] {
        theatre.always(one, Play::SensibleAfter(50));
    }
    let session = theatre.run(Session::start(theatre.deps(), name(), plan())).unwrap();
    let mut run = Box::pin(session.run());
    let mut result = None;
    while result.is_none() {
        result = run.as_mut().now_or_never();
        if result.is_none() {
            let name = name();
            let wanted = Claim::new("another", Duration::from_secs(1));
            let claim = theatre.journal.claim(&name, &wanted);
            assert!(matches!(claim.now_or_never(), Some(Err(JournalError::Held { .. }))));
            theatre.timer.advance(theatre.timer.next_wake().unwrap());
        }
    }
    let result = result.unwrap().unwrap();
    assert_eq!((result.duration_ms, result.critical_path_ms), (200_000, 200_000));
}

#[test]
fn a_fallback_decides_anew_and_takes_nothing_over_from_who_failed() {
    let theatre = Theatre::new();
    // Everything is accepted and nothing edited, also when asked for a repair.
    theatre.plays("synth-1", |_, request| Play::Say(decide_all(request, "accept", "because")));
    let mut plan = plan();
    plan.cast.synthesizer.push(crate::stage::model("second-1"));
    let result = theatre.session(plan);
    assert_eq!((theatre.calls("synth-1"), theatre.calls("second-1")), (2, 1));
    assert!(result.dissents.is_empty(), "{:?}", result.dissents);
    assert!(result.findings.iter().all(|finding| finding.state == FindingState::Settled));
}
