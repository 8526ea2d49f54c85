//! Several people at one session: what each does, under which name, and what becomes of two who want the same.

use std::sync::{Arc, Mutex};

use forge_session::{
    Approver, CommandError, Controls, Decision, Deed, Mode, Notice, Plan, Receipt, Session, SessionResult,
    SessionStatus, Stage, State, Stop,
};
use futures_util::FutureExt as _;

use crate::stage::{Play, Theatre, name, plan, sensible, user};

/// Somebody who is asked and says nothing: others decide.
#[derive(Debug)]
struct Silent;

#[forge_core::async_trait]
impl Approver for Silent {
    async fn decide(&self, _: u32, _: &State) -> Decision {
        std::future::pending().await
    }
}

const NEW: &str = "# A limiter\n\nIt counts requests in a window of one minute, as Anna has it.\n";

fn attended() -> Plan {
    let mut plan = plan();
    plan.settings.interactive = true;
    plan
}

/// A session that runs, and somebody who does what `act` says whenever it comes to rest, with its state; until it ends.
fn attend(theatre: &Theatre, plan: Plan, mut act: impl FnMut(&Controls, &State)) -> SessionResult {
    let deps = theatre.deps().with_approver(Arc::new(Silent));
    theatre.run(async {
        let session = Session::start(deps, name(), plan).await.unwrap();
        let controls = session.controls();
        let mut run = Box::pin(session.run());
        for _ in 0..20 {
            if let Some(result) = run.as_mut().now_or_never() {
                return result.unwrap();
            }
            let state = State::read(&*theatre.journal, &name()).await.unwrap();
            act(&controls, &state);
        }
        panic!("it does not end");
    })
}

fn answer(receipt: &mut Receipt) -> Option<Result<(), CommandError>> {
    receipt.now_or_never()
}

/// A session whose draft is there and whose critics are not asked yet.
fn paused_at_the_draft(
    theatre: &Theatre,
    plan: Plan,
    act: impl AsyncFnOnce(&Controls, &mut dyn FnMut()),
) -> SessionResult {
    let held: Arc<Mutex<Option<Controls>>> = Arc::default();
    let controls = Arc::clone(&held);
    let pausing = move |notice: &Notice| {
        if let (Notice::StageStarted { stage: Stage::Draft, .. }, Some(controls)) =
            (notice, &*controls.lock().unwrap())
        {
            controls.by("anna").pause();
        }
    };
    let deps = theatre.deps().with_observer(Arc::new(pausing));
    theatre.run(async {
        let session = Session::start(deps, name(), plan).await.unwrap();
        let controls = session.controls();
        *held.lock().unwrap() = Some(controls.clone());
        let mut run = Box::pin(session.run());
        let mut step = || assert!(run.as_mut().now_or_never().is_none(), "it has ended");
        step();
        act(&controls, &mut step).await;
        run.await.unwrap()
    })
}

#[test]
fn the_draft_is_written_anew_before_its_panel_which_reads_that_text() {
    let theatre = Theatre::new();
    let result = paused_at_the_draft(&theatre, plan(), async |controls, step| {
        let anna = controls.by("anna");
        let mut edited = anna.edit(1, NEW);
        assert_eq!(answer(&mut edited), None, "nothing is said before it is on disk");
        step();
        assert_eq!(answer(&mut edited), Some(Ok(())));
        // Ben has read the first version, and learns of the second one.
        let mut late = controls.by("ben").edit(1, "Ben's text");
        let mut nothing_new = controls.by("ben").edit(2, NEW);
        step();
        assert_eq!(answer(&mut late), Some(Err(CommandError::Edited { version: 2, text: NEW.into() })));
        assert_eq!(answer(&mut nothing_new), Some(Ok(())));
        anna.resume();
    });
    let sent = theatre.sent.lock().unwrap();
    let critics: Vec<_> =
        sent.iter().filter(|one| one.request.system_text().starts_with("# Critique")).collect();
    assert_eq!(critics.len(), 3);
    assert!(critics.iter().all(|one| user(&one.request).contains("as Anna has it")));
    let deeds: Vec<_> =
        result.contributions.iter().map(|one| (one.by.as_deref(), one.cycle, &one.deed)).collect();
    let anna = Some("anna");
    assert_eq!(
        deeds,
        [(anna, 0, &Deed::Paused), (anna, 1, &Deed::Edited { version: 2 }), (anna, 1, &Deed::Resumed)]
    );
    assert_eq!(result.status, SessionStatus::Settled);
    assert!(result.to_markdown().contains("anna: wrote version 2"), "{}", result.to_markdown());
    let page = result.to_html();
    assert!(page.contains("wrote version 2"), "{page}");
}

#[test]
fn a_text_that_critics_read_is_not_changed_under_them() {
    let theatre = Theatre::new();
    theatre.always("gamma-1", Play::Hang);
    let deps = theatre.deps();
    theatre.run(async {
        let session = Session::start(deps, name(), plan()).await.unwrap();
        let controls = session.controls();
        let mut run = Box::pin(session.run());
        assert!(run.as_mut().now_or_never().is_none());
        let mut edited = controls.edit(1, NEW);
        assert!(run.as_mut().now_or_never().is_none());
        assert_eq!(answer(&mut edited), Some(Err(CommandError::UnderWay { cycle: 1, version: 1 })));
    });
}

#[test]
fn a_text_that_nobody_has_read_gets_one_more_panel_or_is_never_called_settled() {
    for (decision, expected) in [
        (Decision::Continue, (Some(Stop::NothingOpen), SessionStatus::Settled, 2)),
        (Decision::Skip, (Some(Stop::UserSatisfied), SessionStatus::Complete, 1)),
    ] {
        let theatre = Theatre::new();
        let mut waited = 0;
        let result = attend(&theatre, attended(), |controls, state| {
            let Some(cycle) = state.waits_for() else { return };
            let ben = controls.by("ben");
            if cycle == 1 && waited == 0 {
                ben.edit(state.newest_version(), NEW);
            } else {
                ben.decide(cycle, decision.clone());
            }
            waited += 1;
        });
        assert_eq!((result.stop_reason, result.status, result.cycles), expected, "{decision:?}");
        let unread = result.degraded.iter().any(|less| less.reason.contains("none has read it"));
        assert_eq!(unread, decision == Decision::Skip, "{:?}", result.degraded);
        assert!(result.document.contains("as Anna has it"), "{}", result.document);
    }
}

#[test]
fn the_first_of_two_decisions_holds_and_the_other_is_told_whose_it_is() {
    let theatre = Theatre::new();
    let mut second = None;
    let result = attend(&theatre, attended(), |controls, state| match state.waits_for() {
        Some(1) => {
            controls.by("anna").decide(1, Decision::Feedback("be brief".into()));
            second = Some(controls.by("ben").decide(1, Decision::Skip));
        }
        Some(cycle) => drop(controls.by("ben").decide(cycle, Decision::Continue)),
        None => {}
    });
    let by_anna = CommandError::Decided {
        cycle: 1,
        by: Some("anna".into()),
        decision: Decision::Feedback("be brief".into()),
    };
    assert_eq!(by_anna.to_string(), "anna has decided about cycle 1: one more cycle: be brief");
    assert_eq!(answer(&mut second.unwrap()), Some(Err(by_anna)));
    assert_eq!(result.cycles, 2);
    let decided: Vec<_> =
        result.contributions.iter().map(|one| (one.by.as_deref().unwrap(), one.cycle)).collect();
    assert_eq!(decided, [("anna", 1), ("ben", 2)]);
}

#[test]
fn what_somebody_has_paused_goes_on_only_if_somebody_says_so() {
    let theatre = Theatre::new();
    paused_at_the_draft(&theatre, plan(), async |controls, step| {
        let mut resumed = controls.resume();
        step();
        assert_eq!(answer(&mut resumed), Some(Ok(())));
        step();
        assert_eq!(theatre.calls("alpha-1"), 0);
        controls.by("ben").resume();
    });
    assert_eq!(theatre.calls("alpha-1"), 1);
}

#[test]
fn whoever_comes_where_nothing_can_be_done_is_told_why() {
    let theatre = Theatre::new();
    theatre.always("drafter-1", Play::Hang);
    theatre.run(async {
        let session = Session::start(theatre.deps(), name(), plan()).await.unwrap();
        let controls = session.controls();
        let mut run = Box::pin(session.run());
        assert!(run.as_mut().now_or_never().is_none());
        let mut edited = controls.edit(0, NEW);
        let mut decided = controls.decide(0, Decision::Skip);
        assert!(run.as_mut().now_or_never().is_none());
        assert_eq!(answer(&mut edited), Some(Err(CommandError::NoDraft)));
        assert_eq!(answer(&mut decided), Some(Err(CommandError::NotAsked { cycle: 0 })));
        // Nobody reads what is said to a run that is gone.
        let mut said = controls.feedback("be brief");
        drop(run);
        assert_eq!(answer(&mut said), Some(Err(CommandError::Over)));
        assert_eq!(controls.pause().await, Err(CommandError::Over));
    });
    let theatre = Theatre::new();
    let mut review = plan();
    (review.settings.mode, review.settings.review) = (Mode::Review, true);
    assert_eq!(state_with_a_draft(&theatre, review).check_edit(1), Err(CommandError::Review));
}

#[test]
fn a_text_that_no_panel_would_read_is_refused() {
    let theatre = Theatre::new();
    let mut refused = None;
    attend(&theatre, attended(), |controls, state| match state.waits_for() {
        // No session has more than three cycles.
        Some(3) if refused.is_none() => refused = Some(controls.edit(state.newest_version(), NEW)),
        Some(3) => drop(controls.decide(3, Decision::Continue)),
        Some(cycle) => drop(controls.decide(cycle, Decision::Feedback(format!("wish {cycle}")))),
        None => {}
    });
    assert_eq!(answer(&mut refused.unwrap()), Some(Err(CommandError::NoPanel)));
}

/// The state of a session that has a draft and nothing else.
fn state_with_a_draft(theatre: &Theatre, mut plan: Plan) -> State {
    plan.draft = Some("# A draft\n\nIt was there before.".into());
    theatre.run(async {
        let session = Session::start(theatre.deps(), name(), plan).await.unwrap();
        session.state().clone()
    })
}

#[test]
fn an_edit_and_its_author_outlive_a_kill() {
    let theatre = Theatre::new();
    theatre.plays(
        "alpha-1",
        |nth, request| {
            if nth == 0 { Play::Hang } else { Play::Say(sensible("alpha-1", request)) }
        },
    );
    let controls: Arc<Mutex<Option<Controls>>> = Arc::default();
    let held = Arc::clone(&controls);
    let pausing = move |notice: &Notice| {
        if let (Notice::StageStarted { stage: Stage::Draft, .. }, Some(controls)) =
            (notice, &*held.lock().unwrap())
        {
            controls.pause();
        }
    };
    let deps = theatre.deps().with_observer(Arc::new(pausing));
    theatre.run(async {
        let session = Session::start(deps, name(), plan()).await.unwrap();
        *controls.lock().unwrap() = Some(session.controls());
        let of_all = session.controls();
        let mut run = Box::pin(session.run());
        assert!(run.as_mut().now_or_never().is_none());
        of_all.by("anna").edit(1, NEW);
        of_all.resume();
        assert!(run.as_mut().now_or_never().is_none());
        assert_eq!(theatre.calls("alpha-1"), 1);
    });
    let again =
        theatre.run(async { Session::resume(theatre.deps(), name()).await.unwrap().run().await.unwrap() });
    assert_eq!((again.status, theatre.calls("drafter-1")), (SessionStatus::Settled, 1));
    assert_eq!(again.contributions[0].by.as_deref(), Some("anna"));
    let sent = theatre.sent.lock().unwrap();
    let last = sent.iter().rfind(|one| one.model == "alpha-1").unwrap();
    assert!(user(&last.request).contains("as Anna has it"));
}
