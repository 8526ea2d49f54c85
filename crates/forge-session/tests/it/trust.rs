//! The word of a session: what `converged` and `settled` rest on, and what cannot bring them about.

use std::sync::Arc;

use forge_core::{ErrorKind, event::StopReason};
use forge_session::{
    CallSettings, DocumentLabel, FindingState, Mode, Plan, Reference, SessionResult, SessionStatus, Severity,
    Stage, Stop,
};
use serde_json::json;

use crate::stage::{
    DRAFT, Play, Theatre, accept, critique, decide_all, decision, decisions, fenced, finding, labels, model,
    plan, sensible, user,
};

const EMPTY: &str = r#"{"strengths": [], "findings": []}"#;

/// Two cycles, as sessions usually have.
fn usual() -> Plan {
    let mut plan = plan();
    plan.settings.cycles = 2;
    plan
}

fn silent(theatre: &Theatre, critics: &[&str]) {
    for critic in critics {
        theatre.always(critic, Play::Say(critique(&[])));
    }
}

fn ended(result: &SessionResult) -> (SessionStatus, Option<Stop>) {
    (result.status, result.stop_reason)
}

#[test]
fn a_text_that_a_blind_panel_reads_again_and_lets_stand_is_converged() {
    let theatre = Theatre::new();
    let result = theatre.session(usual());
    assert_eq!(ended(&result), (SessionStatus::Converged, Some(Stop::Dry)));
    assert_eq!((result.cycles, result.tally.confirmed_by, result.panels[1].dry), (2, 3, true));
    let line = result.first_line();
    assert!(line.contains("three others read this very text and found nothing that must change"), "{line}");
    let sent = theatre.sent.lock().unwrap();
    let last = sent.iter().rfind(|one| one.model == "gamma-1").unwrap();
    assert_eq!(fenced(user(&last.request), "DOCUMENT"), result.document.trim_end());
    assert!(!user(&last.request).contains("<<<FINDINGS"), "the second panel knows nothing of the first");
}

#[test]
fn a_change_that_nobody_reads_again_is_settled_and_no_more() {
    let theatre = Theatre::new();
    let result = theatre.session(plan());
    assert_eq!(ended(&result), (SessionStatus::Settled, Some(Stop::NothingOpen)));
    assert!(result.first_line().contains("the last change was not read blind again"));
    assert!(!result.is_degraded() && result.banners().is_empty(), "{:?}", result.banners());
}

#[test]
fn a_session_that_was_only_settled_can_have_one_more_panel() {
    let theatre = Theatre::new();
    for critic in ["beta-1", "gamma-1"] {
        theatre.plays(critic, |nth, request| match nth {
            0 => Play::Fail(ErrorKind::Server),
            _ => Play::Say(sensible("beta-1", request)),
        });
    }
    let first = theatre.session(plan());
    assert_eq!(ended(&first), (SessionStatus::Complete, Some(Stop::BelowQuorum)));
    let again = theatre.run(async {
        let mut session = forge_session::Session::resume(theatre.deps(), crate::stage::name()).await.unwrap();
        let mut settings = session.state().plan.settings.clone();
        settings.cycles = 2;
        session.reopen(settings).await.unwrap();
        session.run().await.unwrap()
    });
    assert_eq!(ended(&again), (SessionStatus::Converged, Some(Stop::Dry)));
    assert_eq!((again.cycles, theatre.calls("drafter-1")), (2, 1));
}

#[test]
fn a_first_panel_that_finds_nothing_is_said_in_words_of_its_own() {
    let theatre = Theatre::new();
    silent(&theatre, &["alpha-1", "beta-1", "gamma-1"]);
    let result = theatre.session(usual());
    assert_eq!(ended(&result), (SessionStatus::Settled, Some(Stop::NothingFound)));
    assert_eq!((result.cycles, result.label), (1, DocumentLabel::Draft));
    assert!(result.first_line().contains("read by three others, nothing found"), "{}", result.first_line());
}

#[test]
fn a_finding_behind_thoughts_or_an_example_of_the_form_is_heard() {
    let fault = finding("critical", "Tokens never expire.", "they must");
    let real = critique(&[fault]);
    for said in [
        format!("<think>The form is {EMPTY}. Now fill it.</think>{real}"),
        format!("The form is {EMPTY}\n\nand this is mine: {real}"),
        format!("Perhaps {EMPTY}?</think>\n\n{real}"),
        format!("<reasoning>Nothing at all: {EMPTY}</reasoning>\n```json\n{real}\n```"),
        format!("{real}\n\nAn empty answer would look like this: {EMPTY}"),
    ] {
        let theatre = Theatre::new();
        silent(&theatre, &["beta-1", "gamma-1"]);
        theatre
            .plays("alpha-1", move |nth, _| Play::Say(if nth == 0 { said.clone() } else { critique(&[]) }));
        let result = theatre.session(usual());
        let found: Vec<_> = result.findings.iter().map(|one| one.issue.claim.as_str()).collect();
        assert_eq!((found, theatre.calls("synth-1")), (vec!["they must"], 1));
    }
}

#[test]
fn a_verdict_or_a_document_in_thoughts_counts_for_nothing() {
    let theatre = Theatre::new();
    theatre.plays("synth-1", |_, request| {
        let wild = json!({"document": "Nothing.", "dispositions": []});
        Play::Say(format!("<think>{wild}</think>{}", sensible("synth-1", request)))
    });
    theatre.plays("checker-1", |_, request| {
        let lie = sensible("checker-1", request);
        Play::Say(format!("<think>If all were well: {lie}</think>{}", lie.replace("true", "false")))
    });
    let result = theatre.session(plan());
    assert!(result.document.starts_with(DRAFT.trim()), "{}", result.document);
    assert_eq!(ended(&result), (SessionStatus::Complete, Some(Stop::MaxCycles)));
}

#[test]
fn a_panel_that_says_nothing_is_below_the_quorum() {
    let title =
        json!({"strengths": [{"quote": "# A rate limiter", "claim": "fine"}], "findings": []}).to_string();
    let short = json!({"strengths": [{"quote": "one hundred", "claim": "fine"}], "findings": []}).to_string();
    let elsewhere = json!({"strengths": [{"quote": "A sentence that stands nowhere in it.", "claim": "fine"}], "findings": []});
    for hollow in [
        EMPTY,
        r#"{"findings": "none"}"#,
        r#"{"strengths": ["good"], "findings": []}"#,
        "I could not access the document, but it looks good.",
        &title,
        &short,
        &elsewhere.to_string(),
    ] {
        let theatre = Theatre::new();
        for critic in ["alpha-1", "beta-1", "gamma-1"] {
            theatre.always(critic, Play::Say(hollow.into()));
        }
        let result = theatre.session(usual());
        let below = matches!(result.stop_reason, Some(Stop::BelowQuorum | Stop::NoCritic));
        assert!(below && result.is_degraded(), "{hollow}: {:?}", ended(&result));
        assert!(!result.banners().is_empty(), "{hollow}");

        // One real critic between two hollow ones is no quorum either.
        theatre.always("beta-1", Play::Sensible);
        let theatre = Theatre::new();
        for critic in ["alpha-1", "gamma-1"] {
            theatre.always(critic, Play::Say(hollow.into()));
        }
        let result = theatre.session(usual());
        assert_eq!(ended(&result), (SessionStatus::Complete, Some(Stop::BelowQuorum)), "{hollow}");
        assert!(
            result.label == DocumentLabel::Synthesis && result.is_degraded(),
            "what was found is settled"
        );
    }
    let theatre = Theatre::new();
    theatre.always("alpha-1", Play::Say(EMPTY.into()));
    let result = theatre.session(usual());
    assert_eq!(result.status, SessionStatus::Converged, "two of three are enough");
    assert!(result.banners()[0].contains("critic 1: read, nothing said"), "{:?}", result.banners());
}

#[test]
fn below_the_quorum_nothing_is_converged_whatever_was_settled() {
    let theatre = Theatre::new();
    for critic in ["beta-1", "gamma-1"] {
        theatre.always(critic, Play::Fail(ErrorKind::Server));
    }
    let result = theatre.session(usual());
    assert_eq!(ended(&result), (SessionStatus::Complete, Some(Stop::BelowQuorum)));
    assert!(result.is_degraded() && result.banners()[0].starts_with("DEGRADED"), "{:?}", result.banners());
}

#[test]
fn an_unknown_rating_is_asked_for_and_blocks_until_it_is_given() {
    for (word, known) in
        [("kritisch", Some(Severity::Critical)), ("P0", Some(Severity::Critical)), ("zork", None)]
    {
        let theatre = Theatre::new();
        silent(&theatre, &["beta-1", "gamma-1"]);
        let said = critique(&[finding(word, "Tokens never expire.", "they must")]);
        theatre.always("alpha-1", Play::Say(said));
        theatre.plays("synth-1", |_, request| Play::Say(decide_all(request, "defer", "later")));
        let result = theatre.session(plan());
        assert_eq!(result.findings[0].issue.severity, known, "{word}");
        assert_eq!(theatre.calls("alpha-1"), if known.is_some() { 1 } else { 2 }, "{word}");
        assert_eq!(ended(&result), (SessionStatus::Complete, Some(Stop::MaxCycles)), "{word}: it blocks");
    }
    let theatre = Theatre::new();
    silent(&theatre, &["beta-1", "gamma-1"]);
    theatre.plays("alpha-1", |nth, request| {
        let rating = if nth == 0 { "zork" } else { "nit" };
        let asked = user(&request.clone()).contains("critical, major, minor or nit");
        assert_eq!(asked, nth == 1, "the repair asks for the known words");
        Play::Say(critique(&[finding(rating, "Tokens never expire.", "they must")]))
    });
    assert_eq!(theatre.session(plan()).findings[0].issue.severity, Some(Severity::Nit));
}

/// A draft of 200 lines with one finding.
fn long_document(
    synthesis: impl Fn(usize, &str) -> String + Send + Sync + 'static,
) -> (Theatre, SessionResult) {
    let theatre = Theatre::new();
    let lines: Vec<String> = (0..200).map(|at| format!("Line {at} says what it has to say.")).collect();
    theatre.always("drafter-1", Play::Say(format!("# Long\n\n{}\n", lines.join("\n"))));
    let fault = finding("major", "Line 7 says what it has to say.", "it must say more");
    theatre.plays("alpha-1", move |nth, _| {
        Play::Say(critique(if nth == 0 { std::slice::from_ref(&fault) } else { &[] }))
    });
    let strength = json!({"quote": "Line 9 says what it has to say.", "claim": "so it does"});
    let fine = json!({"strengths": [strength], "findings": []}).to_string();
    for critic in ["beta-1", "gamma-1"] {
        theatre.always(critic, Play::Say(fine.clone()));
    }
    theatre
        .plays("synth-1", move |nth, request| Play::Say(synthesis(nth, fenced(user(request), "DOCUMENT"))));
    let result = theatre.session(plan());
    (theatre, result)
}

fn whole(document: &str) -> String {
    let given = json!({"finding": "F1", "decision": "accept", "reason": "right", "changed_span": "more"});
    json!({"document": document, "dispositions": [given]}).to_string()
}

#[test]
fn a_document_that_leaves_the_rest_out_is_asked_for_once_more_and_never_delivered() {
    for lossy in ["# Long [... sections unchanged ...]", "# Long\n\nLine 7 says more.", "# Long\n\n…\n\nmore"]
    {
        let (theatre, result) = long_document(move |_, _| whole(lossy));
        assert_eq!(theatre.calls("synth-1"), 2, "{lossy}: one repair");
        assert!(result.document.contains("Line 199 says") && result.is_degraded(), "{lossy}");
        assert!(result.banners().iter().any(|banner| banner.contains("lines)")), "{:?}", result.banners());
    }
    // A repair with edits mends it.
    let (theatre, result) = long_document(|nth, _| match nth {
        0 => whole("# Long [... sections unchanged ...]"),
        _ => decisions(&[accept("F1", "Line 7 says what it has to say.", "Line 7 says more.")]),
    });
    assert_eq!((theatre.calls("synth-1"), ended(&result).1), (2, Some(Stop::NothingOpen)));
    assert!(result.document.contains("Line 7 says more.\nLine 8 says") && result.lost_lines == 0);
}

#[test]
fn a_few_lost_lines_are_said() {
    let (_, result) = long_document(|_, document| {
        let kept: Vec<&str> = document.lines().filter(|line| !line.contains("Line 15")).collect();
        whole(&kept.join("\n").replace("Line 7 says what", "Line 7 says more, what"))
    });
    assert_eq!(result.lost_lines, 11, "line 15 and lines 150 to 159");
    assert!(
        result.banners().iter().any(|banner| banner.contains("11 lines were lost")),
        "{:?}",
        result.banners()
    );
}

#[test]
fn what_no_accepted_finding_touches_stays_byte_for_byte() {
    let mut dice = fastrand::Rng::with_seed(60);
    let line = |dice: &mut fastrand::Rng, at: usize| -> String {
        let odd = ["  trailing  ", "\ttab", "“quotes”", "a | b", "日本", "`code`", "* item", ""];
        format!("{at:04} {} {}", odd[dice.usize(0..odd.len())], "word ".repeat(dice.usize(1..12)))
    };
    let lines: Vec<String> = (0..1_400).map(|at| line(&mut dice, at)).collect();
    let draft = format!("# Long\n\n{}", lines.join("\n"));
    assert!(draft.len() > 60_000, "{}", draft.len());
    let touched: Vec<usize> = (0..20).map(|at| 3 + at * 70).collect();
    let faults: Vec<_> =
        touched.iter().map(|at| finding("major", &lines[*at], &format!("wrong {at}"))).collect();
    let theatre = Theatre::new();
    theatre.always("drafter-1", Play::Say(draft.clone()));
    for (critic, from) in [("alpha-1", 0), ("beta-1", 5), ("gamma-1", 12)] {
        let own = critique(&faults[from..]);
        theatre.plays(critic, move |nth, _| Play::Say(if nth == 0 { own.clone() } else { critique(&[]) }));
    }
    let (old, places) = (lines.clone(), touched.clone());
    theatre.plays("synth-1", move |_, request| {
        let prompt = user(request).to_owned();
        let all: Vec<_> = labels(&prompt)
            .iter()
            .map(|label| {
                let below = prompt.split_once(&format!("\n{label} (")).unwrap().1;
                let at: usize =
                    below.split_once("claim: wrong ").unwrap().1.split('\n').next().unwrap().parse().unwrap();
                assert!(places.contains(&at));
                accept(label, old[at].trim_end(), &format!("{at:04} mended"))
            })
            .collect();
        Play::Say(decisions(&all))
    });
    let mut plan = plan();
    (plan.settings.caps.tokens, plan.settings.caps.money) = (None, None);
    let result = theatre.session(plan);
    let new: Vec<&str> = result.document.lines().skip(2).collect();
    assert_eq!(
        (new.len(), result.tally.faults, result.tally.fixed),
        (lines.len(), 20, 20),
        "{:?}",
        result.degraded
    );
    for (at, line) in lines.iter().enumerate() {
        if touched.contains(&at) {
            assert!(new[at].starts_with(&format!("{at:04} mended")), "{}", new[at]);
        } else {
            // The draft's own end is trimmed.
            assert_eq!(new[at].trim_end(), line.trim_end(), "line {at}");
        }
    }
}

#[test]
fn the_check_judges_rejections() {
    for upheld in [true, false] {
        let theatre = Theatre::new();
        silent(&theatre, &["beta-1", "gamma-1"]);
        theatre.plays("alpha-1", |nth, _| {
            let fault = finding("major", "Tokens never expire.", "they must");
            Play::Say(if nth == 0 { critique(&[fault]) } else { critique(&[]) })
        });
        theatre.plays("synth-1", |_, request| Play::Say(decide_all(request, "reject", "n/a")));
        theatre.plays("checker-1", move |_, request| {
            assert!(user(request).contains("rejected because: n/a"), "{}", user(request));
            Play::Say(sensible("checker-1", request).replace("true", if upheld { "true" } else { "false" }))
        });
        let result = theatre.session(plan());
        let expected = if upheld { Stop::NothingOpen } else { Stop::MaxCycles };
        assert_eq!(result.stop_reason, Some(expected), "upheld: {upheld}");
        let state = if upheld { FindingState::Rejected } else { FindingState::Open };
        assert_eq!(result.findings[0].state, state);
        assert_eq!(result.dissents.len(), usize::from(upheld));
    }
}

#[test]
fn what_most_critics_raised_and_the_authors_family_rejected_is_a_banner_and_not_convergence() {
    for (family, contested) in [("synth-1", true), ("beta-2", false)] {
        let theatre = Theatre::new();
        for critic in ["alpha-1", "beta-1", "gamma-1"] {
            theatre.plays(critic, |nth, _| {
                let fault = finding("major", "Tokens never expire.", "they must");
                Play::Say(if nth == 0 { critique(&[fault]) } else { critique(&[]) })
            });
        }
        theatre.plays(family, |_, request| Play::Say(decide_all(request, "reject", "n/a")));
        let mut plan = usual();
        plan.cast.synthesizer = vec![model(family)];
        let result = theatre.session(plan);
        assert_eq!(result.stop_reason == Some(Stop::Contested), contested, "{family}: {:?}", ended(&result));
        let said = result.banners().iter().any(|banner| banner.contains("rejected by the family"));
        assert_eq!(said, contested, "{:?}", result.banners());
        assert_eq!((result.dissents[0].support, result.dissents[0].raised_by.len()), (3, 3));
    }
}

#[test]
fn one_critic_who_repeats_itself_is_one_voice() {
    let theatre = Theatre::new();
    silent(&theatre, &["beta-1", "gamma-1"]);
    let fault = finding("major", "Tokens never expire.", "they must");
    theatre.always("alpha-1", Play::Say(critique(&vec![fault; 50])));
    let result = theatre.session(plan());
    assert_eq!((result.findings.len(), result.findings[0].raised_by.len()), (1, 1));
    assert_eq!(result.findings[0].raised_by[0].who.as_deref(), Some("openai/alpha-1"));
}

#[test]
fn opposites_at_one_passage_are_both_shown_and_one_fault_in_two_phrasings_is_named_by_the_synthesizer() {
    let theatre = Theatre::new();
    let quote = "The limit is one hundred requests a minute.";
    for (critic, claim) in [
        ("alpha-1", "the limit is too small"),
        ("beta-1", "the limit is too large"),
        ("gamma-1", "one hundred is too small"),
    ] {
        let said = critique(&[finding("major", quote, claim)]);
        theatre.plays(critic, move |nth, _| Play::Say(if nth == 0 { said.clone() } else { critique(&[]) }));
    }
    theatre.plays("synth-1", |_, request| {
        let prompt = user(request).to_owned();
        let label_of = |claim: &str| {
            let above = prompt.split_once(&format!("claim: {claim}\n")).unwrap().0;
            let line = above.lines().rfind(|line| line.starts_with('F')).unwrap();
            line.split(' ').next().unwrap().to_owned()
        };
        let (small, large, same) = (
            label_of("the limit is too small"),
            label_of("the limit is too large"),
            label_of("one hundred is too small"),
        );
        let mut duplicate = decision(&same, "duplicate", "the same");
        duplicate["same_as"] = small.clone().into();
        let edit = accept(&small, "one hundred", "two hundred");
        Play::Say(decisions(&[edit, decision(&large, "reject", "it is not"), duplicate]))
    });
    let result = theatre.session(usual());
    let states: Vec<_> = result.findings.iter().map(|one| (one.issue.claim.as_str(), one.state)).collect();
    for expected in [
        ("the limit is too small", FindingState::Settled),
        ("the limit is too large", FindingState::Rejected),
        ("one hundred is too small", FindingState::Duplicate),
    ] {
        assert!(states.contains(&expected), "{states:?}");
        assert!(result.to_markdown().contains(expected.0));
    }
    assert_eq!((result.tally.faults, result.tally.fixed, result.tally.rejected), (2, 1, 1));
    let line = result.first_line();
    assert!(line.starts_with("3 critics, 2 faults, 1 fixed, 1 rejected against 1 vote, 0 left"), "{line}");
    let checked = theatre.sent.lock().unwrap().iter().find(|one| one.model == "checker-1").unwrap().text();
    assert!(checked.contains("also put as: one hundred is too small"), "{checked}");
}

#[test]
fn nobody_judges_a_text_of_its_own_whoever_was_asked_for_it() {
    let theatre = Theatre::new();
    // A fallback behind the critic's provider is the author of the text.
    theatre.serves("alpha-1", "drafter-1");
    let result = theatre.session(usual());
    let reason = &result.degraded[0].reason;
    assert!(reason.contains("critic 1: it came from whoever wrote the text"), "{reason}");
    assert_eq!(result.panels[0].spoke, 2);
    let sent = theatre.sent.lock().unwrap();
    let excluded = |name: &str| &sent.iter().find(|one| one.model == name).unwrap().excluded;
    assert_eq!(excluded("beta-1"), &["drafter-1"]);
    assert_eq!(excluded("checker-1"), &["synth-1"]);
    assert!(excluded("drafter-1").is_empty() && excluded("synth-1").is_empty());
}

#[test]
fn a_stand_in_takes_an_empty_seat_and_nobody_sits_twice() {
    let theatre = Theatre::new();
    for critic in ["alpha-1", "gamma-1"] {
        theatre.always(critic, Play::Fail(ErrorKind::RateLimited));
    }
    let mut plan = plan();
    for chain in &mut plan.cast.critics {
        chain.extend([model("beta-1"), model("delta-1")]);
    }
    let result = theatre.session(plan);
    assert_eq!((theatre.calls("beta-1"), theatre.calls("delta-1")), (1, 1));
    assert_eq!(result.panels[0].spoke, 2);
}

#[test]
fn a_small_change_does_not_cost_a_text_that_a_panel_has_let_stand() {
    let theatre = Theatre::new();
    theatre.plays("alpha-1", |nth, request| match nth {
        0 => Play::Say(sensible("alpha-1", request)),
        _ => Play::Say(critique(&[
            finding("nit", "Tokens never expire.", "say `do not`"),
            finding("major", "Errors are ignored by the caller.", "they are not"),
        ])),
    });
    theatre.plays("synth-1", |nth, request| {
        if nth == 0 {
            return Play::Say(sensible("synth-1", request));
        }
        let decide = |label: String| {
            if user(request).contains(&format!("{label} (nit")) {
                accept(&label, "Tokens never expire.", "Tokens do not expire.")
            } else {
                decision(&label, "reject", "so the draft says")
            }
        };
        Play::Say(decisions(&labels(user(request)).into_iter().map(decide).collect::<Vec<_>>()))
    });
    let result = theatre.session(usual());
    assert_eq!(ended(&result), (SessionStatus::Converged, Some(Stop::Dry)));
    assert!(result.document.contains("Tokens never expire."));
    let nit = result.findings.iter().find(|one| one.issue.severity == Some(Severity::Nit)).unwrap();
    assert_eq!(
        (nit.state, nit.note.as_deref().map(|note| note.starts_with("right, but left"))),
        (FindingState::Open, Some(true))
    );
}

#[test]
fn what_only_one_critic_saw_says_how_much_is_missing() {
    let theatre = Theatre::new();
    let one = |claim: &str| finding("major", "Tokens never expire.", claim);
    for (critic, claims) in [("alpha-1", ["a", "b"]), ("beta-1", ["c", "d"]), ("gamma-1", ["a", "e"])] {
        let said = critique(&claims.map(one));
        theatre.plays(critic, move |nth, _| Play::Say(if nth == 0 { said.clone() } else { critique(&[]) }));
    }
    theatre.plays("synth-1", |_, request| {
        let all: Vec<_> =
            labels(user(request)).iter().map(|label| accept(label, "", &format!("For {label}."))).collect();
        Play::Say(decisions(&all))
    });
    let result = theatre.session(plan());
    // Four were raised by one and one by two: 2/3 * 4 * 3 / (2 * 2).
    assert_eq!(result.tally.unseen, Some(2.0));
    assert!(result.first_line().contains("at least about 2 more"), "{}", result.first_line());
    let mut review = plan();
    review.settings.mode = Mode::Review;
    assert_eq!(Theatre::new().session(review).tally.unseen, None, "one seat estimates nothing");
}

#[test]
fn what_the_configuration_says_about_calls_wins() {
    let theatre = Theatre::new();
    let configured = |one: &forge_core::Participant| match one.model_id.as_str() {
        "alpha-1" => CallSettings { max_tokens: Some(600), temperature: Some(0.0), timeouts: None },
        _ => CallSettings::default(),
    };
    let deps = theatre.deps().with_configured(Arc::new(configured));
    theatre.session_of(deps, plan());
    let sent = theatre.sent.lock().unwrap();
    let of = |name: &str| {
        let request = &sent.iter().find(|one| one.model == name).unwrap().request;
        (request.max_tokens, request.sampling.temperature)
    };
    assert_eq!((of("alpha-1"), of("beta-1")), ((Some(600), Some(0.0)), (Some(4_096), Some(0.3))));
}

#[test]
fn the_longer_of_the_sessions_clocks_and_the_providers_holds() {
    for (configured, kept) in [(false, false), (true, true)] {
        let theatre = Theatre::new();
        theatre.always("alpha-1", Play::Drip(60));
        theatre.always("beta-1", Play::Late(200, critique(&[])));
        let minutes = |minutes: u64| std::time::Duration::from_secs(minutes * 60);
        let timeouts = forge_core::provider::Timeouts {
            first_event: minutes(5),
            gap: minutes(2),
            total: minutes(15),
            ..forge_core::provider::Timeouts::USUAL
        };
        let settings = move |one: &forge_core::Participant| CallSettings {
            timeouts: Some(timeouts).filter(|_| configured && one.model_id.as_str() == "beta-1"),
            ..CallSettings::default()
        };
        let mut plan = plan();
        plan.settings.required = 3;
        let deps = theatre.deps().with_configured(Arc::new(settings));
        let result = theatre.session_of(deps, plan);
        let answered = result
            .calls
            .iter()
            .any(|call| call.participant.model_id.as_str() == "beta-1" && call.error.is_none());
        assert_eq!(answered, kept, "{:?}", result.degraded);
    }
}

#[test]
fn tokens_that_went_into_thinking_are_named() {
    let mut theatre = Theatre::new();
    theatre.thinks = true;
    theatre.always("alpha-1", Play::Thought(8_192));
    let result = theatre.session(plan());
    let reason = &result.degraded[0].reason;
    assert!(reason.contains("8192 tokens went into thinking and none were left"), "{reason}");
    let sent = theatre.sent.lock().unwrap();
    let critic = sent.iter().find(|one| one.model == "alpha-1").unwrap();
    assert_eq!(critic.request.max_tokens, Some(8_192), "twice as many for a model that thinks");
}

#[test]
fn references_that_do_not_fit_are_said_before_the_first_call_and_on_top_of_the_result() {
    let theatre = Theatre::new();
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let sent = Arc::clone(&theatre.sent);
    let deps = theatre.deps().with_observer(Arc::new(move |notice: &forge_session::Notice| {
        if let forge_session::Notice::Warning { message } = notice {
            log.lock().unwrap().push((sent.lock().unwrap().len(), message.clone()));
        }
    }));
    let reference = |name: &str, text: String| Reference::file(name, text);
    let mut plan = plan();
    plan.topic = plan
        .topic
        .with_reference(reference("large.md", "All of it counts. ".repeat(9_400)))
        .with_reference(reference("small.md", "0123456789abc".into()));
    let estimate = forge_session::Session::estimate(&deps, &plan).unwrap();
    assert!(estimate.warnings.iter().any(|warning| warning.contains("large.md")), "{:?}", estimate.warnings);
    let result = theatre.session_of(deps, plan);
    let told = told.lock().unwrap();
    assert!(told.iter().any(|(calls, message)| *calls == 0 && message.contains("large.md")), "{told:?}");
    assert!(result.banners().iter().any(|banner| banner.contains("large.md")));
    assert!(!result.banners().iter().any(|banner| banner.contains("small.md")));
    let prompt = theatre.sent.lock().unwrap()[0].text();
    assert!(prompt.contains("0123456789abc"), "the small one is whole");
}

#[test]
fn a_plain_refusal_is_not_asked_again_and_a_cut_answer_is_asked_for_less() {
    let theatre = Theatre::new();
    theatre.always("alpha-1", Play::Say("I'm sorry, but I can't help with that.".into()));
    theatre.plays("beta-1", |nth, request| {
        if nth > 0 {
            assert!(user(request).contains("at most the five most important items"), "{}", user(request));
        }
        Play::End("Well, there is so much to say that".into(), StopReason::MaxTokens)
    });
    theatre.session(plan());
    assert_eq!((theatre.calls("alpha-1"), theatre.calls("beta-1")), (1, 2));
}

#[test]
fn the_check_has_the_task_and_its_material_at_hand() {
    let theatre = Theatre::new();
    let mut plan = plan();
    plan.topic.description = "Limit each client by its key.".into();
    let reference = Reference::file("rfc.md", "Header fields.");
    plan.topic = plan.topic.with_reference(reference).with_constraint("no database");
    theatre.session(plan);
    let sent = theatre.sent.lock().unwrap();
    let check = sent.iter().find(|one| one.model == "checker-1").unwrap().text();
    for part in
        ["Limit each client by its key.", "Header fields.", "no database", "in the language of the task"]
    {
        assert!(check.contains(part), "{part} in {check}");
    }
}

#[test]
fn a_looping_model_is_ended_at_once_and_what_it_said_counts() {
    let theatre = Theatre::new();
    let fault = finding("major", "Tokens never expire.", "they must").to_string();
    let said = format!(
        "{{\"findings\": [{fault}, {}",
        "and so on and on and on and on and on and on, ".repeat(10_000)
    );
    theatre.always("alpha-1", Play::Say(said));
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let deps = theatre.deps().with_observer(Arc::new(move |notice: &forge_session::Notice| {
        if let forge_session::Notice::Warning { message } = notice {
            log.lock().unwrap().push(message.clone());
        }
    }));
    let result = theatre.session_of(deps, plan());
    assert!(told.lock().unwrap().iter().any(|one| one.contains("repeated itself without end")), "{told:?}");
    assert!(result.findings.iter().any(|one| one.issue.claim == "they must"), "{:?}", result.degraded);
}

#[test]
fn the_counts_know_a_panel_whose_cycle_did_not_come_to_its_end() {
    let theatre = Theatre::new();
    theatre.always("synth-1", Play::Fail(ErrorKind::Server));
    let result = theatre.session(plan());
    assert_eq!((result.stop_reason, result.tally.critics), (Some(Stop::NoSynthesis), 3));
}

#[test]
fn strengths_are_shown_with_who_said_them() {
    let result = Theatre::new().session(plan());
    let praise = &result.strengths[0];
    assert!(praise.anchored && praise.who == "openai/alpha-1" && praise.claim == "a number", "{praise:?}");
    assert!(
        result.to_markdown().contains("### Strengths") && result.to_html().contains("<h2>Strengths</h2>")
    );
}

#[test]
fn each_stage_is_labelled_by_what_failed() {
    let theatre = Theatre::new();
    theatre.always("alpha-1", Play::Say("mumble".into()));
    theatre.always("beta-1", Play::Hang);
    let mut plan = plan();
    plan.settings.required = 1;
    let result = theatre.session(plan);
    let reason = &result.degraded.iter().find(|one| one.stage == Stage::Critique).unwrap().reason;
    assert!(reason.contains("critic 1: its answer (call 1.critique.0.1) could not be used"), "{reason}");
    assert!(reason.contains("critic 2: it was too slow"), "{reason}");
}
