//! Calls that died with their run, in the accounts and in the result.

use std::{sync::Arc, time::Duration};

use forge_core::{
    Money, ParticipantRole,
    storage::{
        accounts::{AccountsReader as _, CallStatus, Filter},
        budget::{Amount, BudgetCap, BudgetStore as _, Holder},
        memory::{MemoryAccounts, MemoryBudgets},
    },
};
use forge_session::{Event, Record, Session, SessionDeps, SessionError, SessionResult};
use futures_util::FutureExt as _;

use crate::stage::{Play, Theatre, name, plan};

/// What a run stands on that calls itself `holder`.
fn deps(theatre: &Theatre, accounts: &Arc<MemoryAccounts>, holder: &str) -> SessionDeps {
    let deps = SessionDeps { holder: holder.into(), ..theatre.deps() };
    deps.with_accounts(Arc::clone(accounts) as _, Some(Arc::clone(accounts) as _))
}

/// The drafter hangs in its first call, and the run dies.
fn killed(theatre: &Theatre, deps: SessionDeps) {
    theatre.plays("drafter-1", |nth, _| if nth == 0 { Play::Hang } else { Play::Sensible });
    theatre.run(async {
        let mut run = Box::pin(Session::start(deps, name(), plan()).await.unwrap().run());
        assert!(run.as_mut().now_or_never().is_none());
    });
    assert_eq!(theatre.calls("drafter-1"), 1);
    theatre.timer.advance(Duration::from_secs(61));
}

fn resumed(theatre: &Theatre, deps: SessionDeps) -> SessionResult {
    theatre.run(async { Session::resume(deps, name()).await.unwrap().run().await.unwrap() })
}

#[test]
fn a_call_that_died_with_its_run_is_one_row_of_unknown_cost_and_counts_in_the_result() {
    let (theatre, accounts) = (Theatre::new(), Arc::new(MemoryAccounts::default()));
    killed(&theatre, deps(&theatre, &accounts, "first"));
    let Event::CallIntended(intent) = serde_json::from_slice::<Record>(&theatre.entries()[1]).unwrap().event
    else {
        panic!("no intent")
    };
    let result = resumed(&theatre, deps(&theatre, &accounts, "second"));
    let again = resumed(&theatre, deps(&theatre, &accounts, "third"));

    let rows = theatre.run(accounts.attempts(&Filter::default(), None, 100)).unwrap();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.call_id, row.attempt, row.status), (intent.id, 1, CallStatus::Killed));
    assert_eq!((row.cost, row.tokens.is_unknown()), (None, true));
    assert_eq!((row.role.clone(), row.tags.session()), (ParticipantRole::default(), Some("s-1")));

    assert_eq!(again, result);
    let drafts: Vec<_> = result.calls.iter().filter(|call| call.call == intent.call).collect();
    assert_eq!((drafts.len(), theatre.calls("drafter-1")), (2, 2));
    assert!(drafts[0].error.as_deref().is_some_and(|why| why.starts_with("its run ended")), "{drafts:?}");
    assert_eq!(result.total.calls as usize, theatre.sent.lock().unwrap().len());
    assert_eq!((result.total.unknown, drafts[0].usage.unknown), (1, 1));
    assert!(result.to_markdown().contains("7 calls"), "{}", result.to_markdown());
}

#[test]
fn a_call_whose_row_was_written_before_its_run_died_gets_no_second_one() {
    for (status, expected) in [
        (CallStatus::Success, vec![(1, CallStatus::Success)]),
        (CallStatus::Cancelled, vec![(1, CallStatus::Cancelled)]),
        // It had failed and was tried once more.
        (CallStatus::Failure, vec![(1, CallStatus::Retry), (2, CallStatus::Killed)]),
    ] {
        let (theatre, accounts) = (Theatre::new(), Arc::new(MemoryAccounts::default()));
        killed(&theatre, deps(&theatre, &accounts, "first"));
        let Event::CallIntended(intent) =
            serde_json::from_slice::<Record>(&theatre.entries()[1]).unwrap().event
        else {
            panic!("no intent")
        };
        let now = forge_core::time::Clock::now(&theatre.timer);
        let row =
            forge_core::storage::accounts::UsageRecord::new(intent.id, now, &intent.participant, status);
        forge_core::storage::accounts::UsageSink::record(&*accounts, row);
        resumed(&theatre, deps(&theatre, &accounts, "second"));
        let rows = theatre.run(accounts.attempts(&Filter::default(), None, 100)).unwrap();
        let mut rows: Vec<_> = rows.iter().map(|row| (row.attempt, row.status)).collect();
        rows.sort_unstable_by_key(|(attempt, _)| *attempt);
        assert_eq!(rows, expected);
    }
}

#[test]
fn who_resumes_settles_what_the_dead_run_had_set_aside() {
    let theatre = Theatre::new();
    let (accounts, budgets) = (Arc::default(), Arc::new(MemoryBudgets::default()));
    killed(&theatre, deps(&theatre, &accounts, "first"));
    let amount = Amount::new(Money::from_nanos(5), 5);
    let (mine, other) = (Holder::new("s-1"), Holder::new("s-2"));
    for holder in [mine, other] {
        theatre.run(budgets.reserve(&[BudgetCap::new("day:1")], amount, Some(&holder))).unwrap();
    }
    resumed(&theatre, deps(&theatre, &accounts, "second").with_budgets(Arc::clone(&budgets) as _));
    let spent = theatre.run(budgets.spent("day:1")).unwrap();
    assert_eq!((spent.booked, spent.reserved), (amount, amount));
}

#[test]
fn a_session_that_another_run_has_says_who_it_is() {
    let (theatre, accounts) = (Theatre::new(), Arc::default());
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("session-locks");
    let deps = |holder| {
        let locks = Arc::new(forge_durable::LocalLocks::new(&folder));
        deps(&theatre, &accounts, holder).with_locks(locks)
    };
    let first = theatre.run(Session::start(deps("process 1"), name(), plan())).unwrap();
    let refused = theatre.run(Session::resume(deps("process 2"), name())).unwrap_err();
    assert!(matches!(refused, SessionError::Running { .. }));
    assert_eq!(refused.to_string(), "session `s-1` is being run by process 1");
    drop(first);
    let taken = theatre.run(Session::resume(deps("process 3"), name())).unwrap();
    theatre.run(taken.run()).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}
