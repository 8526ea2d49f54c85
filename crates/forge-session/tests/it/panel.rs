use std::time::Duration;

use forge_core::{ErrorKind, event::StopReason, time::Clock as _};
use forge_session::{DocumentLabel, FindingState, Mode, Session, SessionStatus, Stage, Stop};

use crate::stage::{DRAFT, Play, Theatre, critique, finding, model, name, plan, sensible};

fn after(seconds: u64) -> Play {
    Play::SensibleAfter(seconds)
}

#[test]
fn a_straggler_gets_half_as_long_again_and_its_answer_joins_the_next_cycle() {
    let theatre = Theatre::new();
    theatre.always("alpha-1", after(10));
    theatre.always("beta-1", after(20));
    let late = critique(&[finding("critical", "Errors are ignored by the caller.", "errors get lost")]);
    theatre.plays("gamma-1", move |nth, _| if nth == 0 { Play::Late(40, late.clone()) } else { after(5) });
    theatre.always("synth-1", after(15));
    let mut plan = plan();
    plan.settings.cycles = 2;
    let result = theatre.session(plan);
    let first = &result.degraded[0];
    assert_eq!((first.cycle, first.stage), (1, Stage::Critique));
    assert!(first.reason.starts_with("2 of 3 critics"), "{}", first.reason);
    // 20 s for the second answer, 10 s of grace, 15 s of synthesis: the late answer came at 40 s.
    assert_eq!(result.cycles, 2);
    let late = result.findings.iter().find(|finding| finding.issue.claim == "errors get lost").unwrap();
    assert_eq!((late.raised_by[0].seat, late.state), (Some(2), FindingState::Settled));
    assert_eq!(result.status, SessionStatus::Settled, "{:#?} {:#?}", result.findings, result.degraded);
}

#[test]
fn the_panel_is_closed_at_the_end_of_the_grace_and_not_later() {
    let theatre = Theatre::new();
    theatre.always("alpha-1", after(10));
    theatre.always("beta-1", after(20));
    theatre.always("gamma-1", Play::Hang);
    let begun = theatre.timer.instant();
    let mut plan = plan();
    plan.settings.cycles = 1;
    let result = theatre.session(plan);
    assert_eq!(theatre.timer.instant() - begun, Duration::from_secs(30));
    assert_eq!((result.duration_ms, result.critical_path_ms), (30_000, 20_000));
    assert_eq!(result.label, DocumentLabel::Synthesis);
}

#[test]
fn without_a_quorum_the_others_are_waited_for_until_their_ceiling() {
    let theatre = Theatre::new();
    theatre.always("beta-1", Play::Hang);
    theatre.always("gamma-1", Play::Stall);
    let begun = theatre.timer.instant();
    let result = theatre.session(plan());
    // 45 s without content for the one, 60 s without any for the other.
    assert_eq!(theatre.timer.instant() - begun, Duration::from_secs(60));
    assert!(result.degraded[0].reason.starts_with("1 of 3 critics"), "{:?}", result.degraded);
    assert_eq!(result.label, DocumentLabel::Synthesis);
}

#[test]
fn no_critic_at_all_gives_the_draft_with_a_label() {
    let theatre = Theatre::new();
    for critic in ["alpha-1", "beta-1", "gamma-1"] {
        theatre.always(critic, Play::Fail(ErrorKind::Server));
    }
    let result = theatre.session(plan());
    assert_eq!((result.stop_reason, result.label), (Some(Stop::NoCritic), DocumentLabel::Draft));
    assert!(result.is_degraded() && result.document == DRAFT.trim());
}

#[test]
fn a_failed_synthesizer_is_followed_by_its_fallback_and_then_by_the_labelled_draft() {
    for (second, label, stop) in [
        (Play::Sensible, DocumentLabel::Synthesis, Stop::NothingOpen),
        (Play::Fail(ErrorKind::Server), DocumentLabel::Draft, Stop::NoSynthesis),
    ] {
        let theatre = Theatre::new();
        theatre.always("synth-1", Play::Fail(ErrorKind::Overloaded));
        theatre.always("synth-2", second);
        let mut plan = plan();
        plan.cast.synthesizer.push(model("synth-2"));
        let result = theatre.session(plan);
        assert_eq!((result.label, result.stop_reason), (label, Some(stop)));
        assert_eq!(result.is_degraded(), label == DocumentLabel::Draft);
        assert_eq!(theatre.calls("synth-2"), 1);
        let failed = result.participants.iter().find(|part| part.asked.model_id == "synth-1").unwrap();
        assert_eq!((failed.served.is_none(), failed.failed[0].error), (true, ErrorKind::Overloaded));
    }
}

#[test]
fn a_failure_in_the_second_cycle_keeps_the_first_synthesis() {
    let theatre = Theatre::new();
    theatre.plays("synth-1", |nth, request| {
        if nth == 0 { Play::Say(sensible("synth-1", request)) } else { Play::Fail(ErrorKind::Server) }
    });
    theatre.plays("checker-1", |nth, request| {
        let said = sensible("checker-1", request);
        Play::Say(if nth == 0 { said.replace("true", "false") } else { said })
    });
    let mut plan = plan();
    plan.settings.cycles = 2;
    let result = theatre.session(plan);
    assert_eq!((result.label, result.stop_reason), (DocumentLabel::Synthesis, Some(Stop::NoSynthesis)));
    assert!(result.degraded.iter().any(|one| one.cycle == 2 && one.stage == Stage::Synthesis));
}

#[test]
fn a_critic_never_judges_its_own_text() {
    let theatre = Theatre::new();
    let mut plan = plan();
    plan.cast.critics[0] = vec![model("drafter-1"), model("alpha-2")];
    plan.cast.critics[1] = vec![model("drafter-1")];
    let result = theatre.session(plan);
    assert_eq!((theatre.calls("drafter-1"), theatre.calls("alpha-2")), (1, 1));
    assert!(result.degraded[0].reason.contains("did not write the text"), "{:?}", result.degraded);
}

#[test]
fn the_checker_is_of_another_family_than_the_synthesizer_if_there_is_one() {
    let theatre = Theatre::new();
    let mut plan = plan();
    plan.cast.checker = vec![model("synth-9"), model("checker-1")];
    theatre.session(plan);
    assert_eq!((theatre.calls("synth-9"), theatre.calls("checker-1")), (0, 1));
}

#[test]
fn a_deadline_ends_the_session_with_what_there_is() {
    let theatre = Theatre::new();
    theatre.always("synth-1", Play::Drip(10));
    let mut plan = plan();
    plan.settings.caps.time = Some(Duration::from_secs(100));
    let result = theatre.session(plan);
    assert_eq!((result.status, result.label), (SessionStatus::TimedOut, DocumentLabel::Draft));
    assert_eq!(result.duration_ms, 100_000);
}

#[test]
fn what_critics_have_said_by_the_deadline_is_in_the_result_and_not_asked_for_again() {
    let theatre = Theatre::new();
    theatre.plays("gamma-1", |nth, _| if nth == 0 { Play::Hang } else { Play::Sensible });
    let mut plan = plan();
    plan.settings.required = 3;
    plan.settings.caps.time = Some(Duration::from_secs(30));
    let result = theatre.session(plan.clone());
    assert_eq!((result.status, result.label), (SessionStatus::TimedOut, DocumentLabel::Draft));
    assert_eq!(result.findings[0].raised_by.len(), 2);
    assert!(result.banners().iter().any(|banner| banner.starts_with("OPEN: 1 ")), "{:?}", result.banners());

    plan.settings.caps.time = None;
    let again = theatre.run(async {
        let mut session = Session::resume(theatre.deps(), name()).await.unwrap();
        session.reopen(plan.settings).await.unwrap();
        session.run().await.unwrap()
    });
    assert_eq!((again.status, again.label), (SessionStatus::Settled, DocumentLabel::Synthesis));
    assert_eq!((theatre.calls("alpha-1"), theatre.calls("gamma-1")), (1, 2));
    assert_eq!((again.findings[0].raised_by.len(), again.degraded.len()), (3, 0), "{:?}", again.degraded);
}

#[test]
fn a_synthesis_that_comes_at_the_deadline_is_not_thrown_away() {
    let theatre = Theatre::new();
    theatre.always("synth-1", after(30));
    let mut plan = plan();
    plan.settings.caps.time = Some(Duration::from_secs(30));
    let result = theatre.session(plan);
    assert_eq!((result.status, result.label), (SessionStatus::TimedOut, DocumentLabel::Synthesis));
}

/// What goes wrong, as every role meets it.
fn faults() -> [(&'static str, Play); 9] {
    [
        ("429", Play::Fail(ErrorKind::RateLimited)),
        ("5xx", Play::Fail(ErrorKind::Server)),
        ("auth", Play::Fail(ErrorKind::Authentication)),
        ("hang", Play::Hang),
        ("drip", Play::Drip(20)),
        ("truncation", Play::Break),
        ("empty", Play::Say(String::new())),
        ("refusal", Play::End("I cannot help with that.".into(), StopReason::Refusal)),
        ("bad JSON", Play::Say("{\"nothing\": [\"of use\"".into())),
    ]
}

#[test]
fn every_fault_in_every_role_ends_in_a_labelled_result() {
    let mut outcomes = 0;
    for (fault, play) in faults() {
        for (role, models) in [
            (Stage::Draft, vec!["drafter-1"]),
            (Stage::Critique, vec!["alpha-1", "beta-1", "gamma-1"]),
            (Stage::Synthesis, vec!["synth-1"]),
            (Stage::Check, vec!["checker-1"]),
        ] {
            let theatre = Theatre::new();
            for model in &models {
                theatre.always(model, play.clone());
            }
            let result = theatre.session(plan());
            // What had come of a draft is better than none, and labelled.
            let is_partial = matches!(play, Play::Break | Play::Stall | Play::Drip(_));
            let broken_draft = role == Stage::Draft && fault != "bad JSON";
            let expected = match role {
                Stage::Draft if broken_draft && !is_partial => (DocumentLabel::Nothing, Stop::NoDraft),
                // Any text is a draft; it is for the critics to say that it is a bad one.
                Stage::Draft => (DocumentLabel::Synthesis, Stop::NothingOpen),
                Stage::Critique => (DocumentLabel::Draft, Stop::NoCritic),
                Stage::Synthesis => (DocumentLabel::Draft, Stop::NoSynthesis),
                Stage::Check => (DocumentLabel::Synthesis, Stop::Unchecked),
            };
            let what = format!("{fault} in the role of {role}: {:?}", result.degraded);
            assert_eq!((result.label, result.stop_reason), (expected.0, Some(expected.1)), "{what}");
            let labelled = result.degraded.iter().find(|one| one.stage == role);
            let labelled = labelled.is_some_and(|one| !one.reason.is_empty());
            assert_eq!(labelled, role != Stage::Draft || broken_draft, "{what}");
            // No call outlives the ceiling of its stage, and there is at most one repair.
            assert!(result.duration_ms <= 360_000, "{what}: {} ms", result.duration_ms);
            outcomes += 1;
        }
    }
    assert_eq!(outcomes, 36);
}

#[test]
fn one_critic_with_any_fault_leaves_a_labelled_synthesis() {
    for (fault, play) in faults() {
        let theatre = Theatre::new();
        theatre.always("beta-1", play);
        let result = theatre.session(plan());
        assert_eq!(
            (result.label, result.status),
            (DocumentLabel::Synthesis, SessionStatus::Settled),
            "{fault}"
        );
        assert!(result.degraded[0].reason.contains("critic 2"), "{fault}: {:?}", result.degraded);
    }
}

#[test]
fn a_fallback_makes_up_for_any_fault_of_the_first_choice() {
    for (fault, play) in faults() {
        for role in [Stage::Synthesis, Stage::Check, Stage::Critique] {
            let theatre = Theatre::new();
            let mut plan = plan();
            let (first, chain) = match role {
                Stage::Draft => unreachable!(),
                Stage::Critique => ("alpha-1", &mut plan.cast.critics[0]),
                Stage::Synthesis => ("synth-1", &mut plan.cast.synthesizer),
                Stage::Check => ("checker-1", &mut plan.cast.checker),
            };
            chain.push(model("second-1"));
            plan.settings.required = 3;
            theatre.always(first, play.clone());
            let result = theatre.session(plan);
            assert_eq!(result.status, SessionStatus::Settled, "{fault} {role}");
            assert_eq!(result.degraded, [], "{fault} {role}");
        }
    }
}

#[test]
fn a_drafter_that_says_nothing_is_followed_by_its_fallback() {
    for silence in ["", " \n"] {
        let theatre = Theatre::new();
        theatre.always("drafter-1", Play::Say(silence.into()));
        let mut plan = plan();
        plan.cast.drafter.push(model("second-1"));
        let result = theatre.session(plan);
        assert_eq!((result.label, theatre.calls("second-1")), (DocumentLabel::Synthesis, 1), "{silence:?}");
    }
}

#[test]
fn a_draft_that_was_cut_off_is_taken_when_there_is_no_better_one() {
    for reason in [StopReason::MaxTokens, StopReason::ContextWindow] {
        let theatre = Theatre::new();
        theatre.always("drafter-1", Play::End("# Half\n\nA text".into(), reason));
        let mut plan = plan();
        plan.settings.mode = Mode::Direct;
        let result = theatre.session(plan);
        assert_eq!((result.label, result.document.as_str()), (DocumentLabel::Draft, "# Half\n\nA text"));
        assert!(result.degraded[0].reason.contains("cut off"));
    }
}
