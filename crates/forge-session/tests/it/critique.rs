//! The critique stage by itself.

use std::time::Duration;

use forge_core::ErrorKind;
use forge_session::{Cast, CritiqueCall, Mode, Plan, PlanError, QuoteIndex, Session, SessionError};

use crate::stage::{DRAFT, Play, Theatre, critique, finding, name, plan};

/// A document that alpha reads, with whatever the judgement of a session needs beside it.
fn judged() -> Plan {
    let mut plan = plan().with_draft(DRAFT);
    plan.cast.critics.truncate(1);
    plan.settings.mode = Mode::Judge;
    plan.settings.critics = 1;
    plan.settings.required = 1;
    plan
}

/// The same without anybody else.
fn alone() -> Plan {
    let plan = judged();
    let critics = plan.cast.critics.clone();
    Plan { cast: Cast { critics, ..Cast::default() }, ..plan }
}

#[test]
fn it_asks_what_a_session_asks_and_reads_what_a_session_reads() {
    let says = critique(&[finding("major", "Tokens never  expire.", "they pile up")]);
    let theatre = Theatre::new();
    theatre.always("alpha-1", Play::Late(7, format!("<think>{{}}</think>Here it is:\n```json\n{says}\n```")));
    let of_session = theatre.session_of(theatre.deps(), judged()).findings[0].clone();
    let (deps, plan) = (theatre.deps(), alone());
    let call = CritiqueCall::plan(&deps, &plan).unwrap();
    let answer = theatre.run(call.ask(&deps, &plan));
    let sent = theatre.sent.lock().unwrap().clone();
    assert_eq!(sent.last().unwrap().request, sent[0].request);
    assert_eq!((sent[0].model.as_str(), sent.last().unwrap().model.as_str()), ("alpha-1", "alpha-1"));
    let findings = answer.findings.unwrap().unwrap();
    assert_eq!(findings, [of_session.issue]);
    assert_eq!(answer.took, Duration::from_secs(7));
    assert_eq!(answer.cost.map(forge_core::Money::nanos), Some(answer.charged.money.nanos()));
    let (charged, likely, most) = (answer.charged.money, call.likely.money, call.most.money);
    assert!(call.priced && charged <= most && likely <= most && likely.nanos() > 0);
    let place = QuoteIndex::of(DRAFT).find(&findings[0].quote).unwrap();
    assert_eq!(&DRAFT[place], "Tokens never expire.");
}

#[test]
fn what_cannot_be_read_and_what_fails_are_two_things() {
    let theatre = Theatre::new();
    let (deps, plan) = (theatre.deps(), alone());
    let ask = |play: Play| {
        theatre.always("alpha-1", play);
        theatre.run(CritiqueCall::plan(&deps, &plan).unwrap().ask(&deps, &plan))
    };
    let unreadable = ask(Play::Say("I have read it.".into()));
    assert!(matches!(unreadable.findings, Ok(None)) && unreadable.cost.is_some());
    assert!(matches!(ask(Play::Say(critique(&[]))).findings, Ok(Some(none)) if none.is_empty()));
    let failed = ask(Play::Fail(ErrorKind::Overloaded));
    assert_eq!(failed.findings.unwrap_err().kind, ErrorKind::Overloaded);
    assert_eq!(failed.charged.money.nanos(), 0);
    // The vendor may bill what broke off, and the clocks are those of the stage.
    let stalled = ask(Play::Stall);
    assert_eq!(
        (stalled.findings.unwrap_err().kind, stalled.took),
        (ErrorKind::Timeout, Duration::from_secs(45))
    );
    assert!(stalled.charged.money.nanos() > 0 && stalled.cost.is_none());
    let calls = theatre.calls("alpha-1");
    assert_eq!(calls, 4, "nothing is asked again");
}

#[test]
fn a_plan_without_a_text_or_a_critic_is_refused() {
    let theatre = Theatre::new();
    let refused = |plan: Plan| CritiqueCall::plan(&theatre.deps(), &plan).map(|_| ()).unwrap_err();
    assert!(matches!(
        refused(Plan { draft: None, ..alone() }),
        SessionError::Plan(PlanError::NothingToJudge)
    ));
    assert!(matches!(
        refused(Plan { cast: Cast::default(), ..alone() }),
        SessionError::Plan(PlanError::NoParticipant { .. })
    ));
    // Nobody else is needed, unlike in a session.
    assert!(CritiqueCall::plan(&theatre.deps(), &alone()).is_ok());
    assert!(theatre.run(Session::start(theatre.deps(), name(), alone())).is_err());
}
