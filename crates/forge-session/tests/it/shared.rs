//! Budgets that are not the session's own.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use forge_core::{
    CallContext, Capabilities, ErrorKind, ModelId, ModelRequest, Provider, ProviderError, ResponseStream,
    async_trait,
    error::Phase,
    storage::budget::{Blocker, BudgetError, Holder},
};
use forge_session::{DocumentLabel, Session, SessionDeps, SessionResult, SessionStatus, Stop};

use crate::stage::{Play, Theatre, model, name, plan};

type Rule = dyn Fn(&str) -> Option<BudgetError> + Send + Sync;

/// A theatre with a budget in front of it.
struct Guarded {
    theatre: Theatre,
    rule: Mutex<Box<Rule>>,
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guarded")
    }
}

#[async_trait]
impl Provider for Guarded {
    fn name(&self) -> &'static str {
        "guarded"
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.theatre.capabilities(model)
    }

    async fn stream(
        &self,
        cx: &CallContext,
        request: Arc<ModelRequest>,
    ) -> Result<ResponseStream, ProviderError> {
        let refused = (self.rule.lock().unwrap())(cx.model().as_str());
        let Some(error) = refused else { return self.theatre.stream(cx, request).await };
        Err(ProviderError::new(ErrorKind::BudgetExceeded, "guarded", error.to_string()).with(|facts| {
            facts.phase = Phase::BeforeSend;
            facts.source = Some(Box::new(error));
        }))
    }
}

fn guarded(rule: impl Fn(&str) -> Option<BudgetError> + Send + Sync + 'static) -> Arc<Guarded> {
    Arc::new(Guarded { theatre: Theatre::new(), rule: Mutex::new(Box::new(rule)) })
}

fn deps(guarded: &Arc<Guarded>) -> SessionDeps {
    let provider: Arc<dyn Provider> = Arc::clone(guarded) as _;
    SessionDeps { providers: provider.into(), ..guarded.theatre.deps() }
}

fn resumed(guarded: &Arc<Guarded>) -> SessionResult {
    let theatre = guarded.theatre.clone();
    theatre.run(async { Session::resume(deps(guarded), name()).await.unwrap().run().await.unwrap() })
}

#[test]
fn a_cap_of_others_pauses_the_session_until_there_is_room_and_nothing_is_lost() {
    let guarded = guarded(|model| (model == "gamma-1").then(|| BudgetError::exceeded("day:2026-11-28")));
    let first = guarded.theatre.session_of(deps(&guarded), plan());
    assert_eq!(
        (first.status, first.stop_reason, first.label),
        (SessionStatus::Paused, None, DocumentLabel::Draft)
    );
    let hold = first.held.clone().unwrap();
    assert_eq!(hold.budget, "day:2026-11-28");
    assert_eq!(hold.free_at, "2026-11-29T00:00:00Z".parse().ok());
    let line = first.first_line();
    assert!(line.contains("paused: budget `day:2026-11-28` has no room"), "{line}");
    assert!(line.contains("free at 2026-11-29 00:00 UTC"), "{line}");
    // Still none: it pauses again, and asks nobody twice.
    assert_eq!(resumed(&guarded).status, SessionStatus::Paused);

    *guarded.rule.lock().unwrap() = Box::new(|_| None);
    let last = resumed(&guarded);
    assert_eq!(
        (last.status, last.label, &last.held),
        (SessionStatus::Settled, DocumentLabel::Synthesis, &None)
    );
    for model in ["drafter-1", "alpha-1", "beta-1", "gamma-1"] {
        assert_eq!(guarded.theatre.calls(model), 1, "{model}");
    }
}

#[test]
fn what_a_dead_run_holds_is_named_with_the_time_when_it_is_free() {
    let blocker = || Blocker::new(Some(Holder::new("s-9"))).lapsing(Duration::from_secs(240), true);
    let guarded = guarded(move |_| Some(BudgetError::blocked("role:drafter:day:2999-01-01", blocker())));
    let result = guarded.theatre.session_of(deps(&guarded), plan());
    let hold = result.held.unwrap();
    assert!(hold.message.contains("held by `s-9`, a run that died, free in 4 min"), "{hold:?}");
    let now = forge_core::time::Clock::now(&guarded.theatre.timer);
    assert!(hold.free_at.is_some_and(|at| (at - now).num_minutes() <= 4), "{hold:?}");
}

#[test]
fn a_cap_of_one_provider_sends_the_seat_to_its_stand_in() {
    let guarded =
        guarded(|model| (model == "alpha-1").then(|| BudgetError::exceeded("provider:alpha:day:2026-11-28")));
    let mut plan = plan();
    plan.cast.critics[0].push(model("alpha-2"));
    let result = guarded.theatre.session_of(deps(&guarded), plan);
    assert_eq!((result.status, guarded.theatre.calls("alpha-2")), (SessionStatus::Settled, 1));
}

#[test]
fn the_sessions_own_cap_ends_it_with_the_best_text_and_more_lets_it_go_on() {
    let guarded = guarded(|model| (model == "synth-1").then(|| BudgetError::exceeded("session:s-1")));
    let first = guarded.theatre.session_of(deps(&guarded), plan());
    assert_eq!((first.stop_reason, first.label), (Some(Stop::Budget), DocumentLabel::Draft));
    assert!(first.is_degraded() && first.held.is_none(), "{:?}", first.degraded);

    *guarded.rule.lock().unwrap() = Box::new(|_| None);
    let last = guarded.theatre.run(async {
        let mut session = Session::resume(deps(&guarded), name()).await.unwrap();
        session.reopen(plan().settings).await.unwrap();
        session.run().await.unwrap()
    });
    assert_eq!((last.status, last.label), (SessionStatus::Settled, DocumentLabel::Synthesis));
    assert_eq!(guarded.theatre.calls("alpha-1"), 1);
}

#[test]
fn a_call_for_which_only_the_sessions_other_calls_leave_no_room_is_made_after_them() {
    let asked = Mutex::new(0);
    let guarded = guarded(move |model| {
        let mut asked = asked.lock().unwrap();
        *asked += u32::from(model == "gamma-1");
        let first = model == "gamma-1" && *asked == 1;
        first.then(|| BudgetError::blocked("day:2026-11-28", Blocker::new(Some(Holder::new("s-1")))))
    });
    for critic in ["alpha-1", "beta-1"] {
        guarded.theatre.always(critic, Play::SensibleAfter(5));
    }
    let result = guarded.theatre.session_of(deps(&guarded), plan());
    assert_eq!((result.status, result.tally.critics), (SessionStatus::Settled, 3), "{:?}", result.degraded);
    assert_eq!(guarded.theatre.calls("gamma-1"), 1);
}
