//! Input that nobody should give, and what comes of it.

use forge_core::{ErrorKind, event::StopReason};
use forge_session::{
    DocumentLabel, FindingState, Mode, PerStage, PlanError, Reference, Session, SessionError, SessionStatus,
    Stage, Stop,
};
use serde_json::json;

use crate::stage::{DRAFT, Play, Theatre, critique, decide_all, fenced, finding, name, plan, user};

/// Faults that have no word in common.
fn many(count: usize) -> Vec<serde_json::Value> {
    (0..count)
        .map(|at| finding("major", "", &format!("fault{at} of{at} part{at} is{at} wrong{at}")))
        .collect()
}

#[test]
fn ten_thousand_findings_do_not_fit_and_leave_the_labelled_draft() {
    let theatre = Theatre::new();
    theatre.always("alpha-1", Play::Say(critique(&many(10_000))));
    let result = theatre.session(plan());
    assert_eq!((result.label, result.stop_reason), (DocumentLabel::Draft, Some(Stop::Budget)));
    assert!(result.is_degraded() && result.degraded[0].reason.contains("budget"), "{:?}", result.degraded);
    assert!(result.findings.len() >= 10_000, "none is dropped");
}

#[test]
fn thousands_of_findings_are_all_decided_where_the_budget_has_room_for_them() {
    let theatre = Theatre::new();
    theatre.always("alpha-1", Play::Say(critique(&many(2_000))));
    for silent in ["beta-1", "gamma-1"] {
        theatre.always(silent, Play::Say(critique(&[])));
    }
    theatre.plays("synth-1", |_, request| Play::Say(decide_all(request, "reject", "no")));
    let mut plan = plan();
    (plan.settings.caps.tokens, plan.settings.caps.money) = (None, None);
    let result = theatre.session(plan);
    assert_eq!((result.label, result.stop_reason), (DocumentLabel::Draft, Some(Stop::NothingOpen)));
    assert!(result.dissents.len() >= 2_000, "{}", result.dissents.len());
}

#[test]
fn a_reference_of_ten_megabytes_is_cut_to_its_share_of_each_prompt() {
    let theatre = Theatre::new();
    let text = format!("# Start\n\n{}", "Each word of it counts.\n".repeat(10_000_000 / 24));
    let mut plan = plan();
    plan.settings.mode = Mode::Review;
    plan.topic = plan.topic.with_reference(Reference::file("all.md", text));
    let result = theatre.session(plan);
    assert_eq!(result.label, DocumentLabel::Synthesis);
    for sent in theatre.sent.lock().unwrap().iter() {
        let prompt = user(&sent.request);
        let reference = fenced(prompt, "REFERENCE");
        assert!(reference.starts_with("# Start") && reference.len() <= 80_000 && reference.len() > 70_000);
        assert!(prompt.contains("of 99999") && prompt.contains("characters of this reference are left out"));
    }
}

/// Critiques in notations that are not read: each has two faults.
const FOREIGN: &str = include_str!("../corpus/foreign.txt");

#[test]
fn a_critique_in_another_language_is_asked_for_once_more_and_left_out_if_that_does_not_help() {
    for said in FOREIGN.trim_end().split("\n=====\n") {
        for helps in [true, false] {
            let theatre = Theatre::new();
            let first = said.to_owned();
            theatre.plays("alpha-1", move |nth, request| match nth {
                1 if helps => {
                    assert!(fenced(user(request), "ANSWER").contains("the limit has no unit"));
                    Play::Say(critique(&[finding("major", "", "the limit has no unit")]))
                }
                _ => Play::Say(first.clone()),
            });
            let result = theatre.session(plan());
            assert_eq!((theatre.calls("alpha-1"), result.status), (2, SessionStatus::Settled), "{said}");
            assert_eq!(result.degraded.is_empty(), helps, "{said}: {:?}", result.degraded);
            let raised = result.findings.iter().any(|one| one.issue.claim == "the limit has no unit");
            assert_eq!(raised, helps, "{said}");
            if !helps {
                let reason = &result.degraded[0].reason;
                assert!(
                    reason.contains("critic 1: its answer (call 1.critique.0.1) could not be used"),
                    "{reason}"
                );
            }
        }
    }
}

#[test]
fn prose_and_half_an_answer_are_asked_for_once_more() {
    for (said, kept) in [
        ("I like it. It reads well, and it is about right, as far as I can tell.", 0),
        ("{\"strengths\": [\"short\"], \"findings\": [", 0),
        ("{\"findings\": [{\"severity\": \"cri", 0),
        ("{\"findings\": [{\"severity\": \"major\", \"claim\": \"no unit\"}, {\"severity\": \"cri", 1),
    ] {
        let theatre = Theatre::new();
        theatre.always("alpha-1", Play::Say(said.into()));
        let result = theatre.session(plan());
        assert_eq!(theatre.calls("alpha-1"), if kept == 0 { 2 } else { 1 }, "{said}");
        assert_eq!(result.degraded.len(), 1 - kept, "{said}: {:?}", result.degraded);
        let claims = result.findings.iter().filter(|one| one.issue.claim == "no unit").count();
        assert_eq!(claims, kept, "{said}");
    }
}

#[test]
fn a_finding_about_text_that_is_not_there_is_kept_and_shown_as_such() {
    let theatre = Theatre::new();
    let quote = "The limit is two thousand.";
    theatre.always("alpha-1", Play::Say(critique(&[finding("critical", quote, "that is too much")])));
    let result = theatre.session(plan());
    let found = result.findings.iter().find(|one| one.issue.quote == quote).unwrap();
    assert!(!found.anchored && found.disposition.is_some());
    for text in [result.to_markdown(), result.to_html()] {
        assert!(text.contains("its quote is not in the text"), "{text}");
    }
}

#[test]
fn findings_that_the_synthesizer_never_decides_stay_open_and_say_why() {
    let theatre = Theatre::new();
    theatre.always(
        "synth-1",
        Play::Say(json!({"document": format!("{DRAFT}\nMore."), "dispositions": []}).to_string()),
    );
    let result = theatre.session(plan());
    assert_eq!(theatre.calls("synth-1"), 2, "it is asked for its decisions once more");
    assert_eq!((result.label, result.status), (DocumentLabel::Synthesis, SessionStatus::Complete));
    for finding in &result.findings {
        assert_eq!(finding.state, FindingState::Open);
        assert_eq!(finding.note.as_deref(), Some("the synthesizer left it out"));
    }
    assert!(result.to_markdown().contains("the synthesizer left it out"));
}

#[test]
fn a_refusal_at_any_stage_says_so_on_top_of_the_result() {
    for (models, stage) in [
        (&["drafter-1"][..], Stage::Draft),
        (&["alpha-1", "beta-1", "gamma-1"], Stage::Critique),
        (&["synth-1"], Stage::Synthesis),
        (&["checker-1"], Stage::Check),
    ] {
        let polite = "I cannot help with that.".to_owned();
        for play in [Play::End(polite, StopReason::Refusal), Play::Fail(ErrorKind::Refusal)] {
            let theatre = Theatre::new();
            for model in models {
                theatre.always(model, play.clone());
            }
            let result = theatre.session(plan());
            let told = result.degraded.iter().find(|one| one.stage == stage).unwrap();
            assert!(told.reason.to_lowercase().contains("refus"), "{stage}: {}", told.reason);
            assert!(result.to_markdown().to_lowercase().contains("refus"), "{stage}");
        }
    }
}

#[test]
fn times_without_an_end_are_taken() {
    let theatre = Theatre::new();
    let (mut plan, ever) = (plan(), std::time::Duration::MAX);
    let settings = &mut plan.settings;
    (settings.gap, settings.first_content, settings.caps.time) = (ever, ever, Some(ever));
    settings.ceilings = PerStage { draft: ever, critique: ever, synthesis: ever, check: ever };
    assert_eq!(theatre.session(plan).status, SessionStatus::Settled);
}

#[test]
fn an_empty_topic_is_refused_before_anything_is_written_down() {
    let theatre = Theatre::new();
    let mut plan = plan();
    plan.topic.title = " \n".into();
    let refused = theatre.run(Session::start(theatre.deps(), name(), plan));
    assert!(matches!(refused, Err(SessionError::Plan(PlanError::NoTopic))));
    assert!(theatre.entries().is_empty() && theatre.sent.lock().unwrap().is_empty());
}
