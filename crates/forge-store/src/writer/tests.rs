//! What one commit holds, and what it survives, as SQLite itself tells it.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
};

use forge_core::{
    Money, Participant,
    call::CallId,
    storage::{
        accounts::{CallStatus, UsageSink as _},
        budget::{Amount, BudgetCap, BudgetError, BudgetStore as _, Spent},
    },
};
use forge_testkit::store::wait;
use rusqlite::{
    Connection,
    hooks::{AuthAction, AuthContext, Authorization},
};

use super::*;
use crate::{options::StoreOptions, store::Store};

/// A store of its own, and what its connection did: transactions with what they survive, works and answers.
struct Watched {
    folder: PathBuf,
    store: Option<Store>,
    log: Arc<Mutex<Vec<String>>>,
    /// Commits that will fail.
    failing: Arc<AtomicUsize>,
}

impl Watched {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("forge-writer-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let store = Store::open(StoreOptions::new(folder.join("forge.db"))).unwrap();
        let watched =
            Self { folder, store: Some(store), log: Arc::default(), failing: Arc::new(AtomicUsize::new(0)) };
        let (log, failing) = (Arc::clone(&watched.log), Arc::clone(&watched.failing));
        let watch = move |writer: &mut Writer| watch(&mut writer.database().unwrap().0.conn, log, failing);
        watched.store().ask_and_wait(watch).unwrap().unwrap();
        watched
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    /// Has the thread wait until `submit` is done, so that all that it submits waits at the same time.
    fn at_once<T>(&self, submit: impl FnOnce() -> T) -> T {
        let (let_go, held) = mpsc::channel::<()>();
        let (begins, begun) = mpsc::channel();
        self.store().shared.submit(Job::Once(Box::new(move |_| {
            begins.send(()).unwrap();
            let _ = held.recv();
        })));
        // Before, it might take up only a part of what follows.
        begun.recv().unwrap();
        let submitted = submit();
        drop(let_go);
        submitted
    }

    /// Submits a work that is answered in the log; what it returns is what it came to.
    fn submit(
        &self,
        name: &'static str,
        mut work: impl FnMut(&Connection) -> rusqlite::Result<Result<(), &'static str>> + Send + 'static,
    ) {
        let (begun, ended) = (Arc::clone(&self.log), Arc::clone(&self.log));
        let work = move |conn: &Connection, _: &Turn| {
            begun.lock().unwrap().push(name.to_owned());
            work(conn)
        };
        let done = move |_: &mut Writer, outcome: Result<Result<(), &'static str>, StoreError>| {
            let outcome = match outcome {
                Ok(Ok(())) => "made",
                Ok(Err(_)) => "refused",
                Err(_) => "failed",
            };
            ended.lock().unwrap().push(format!("{name} {outcome}"));
        };
        self.store().shared.submit(Job::Work(awaited(Durability::Disk, work, done)));
    }

    /// Waits until all that was submitted is done.
    fn settle(&self) {
        self.store().ask_and_wait(|_| ()).unwrap();
    }

    fn budgets(&self) -> Vec<String> {
        let keys = |conn: &Connection| {
            let mut find = conn.prepare("SELECT key FROM budgets ORDER BY id")?;
            find.query_map([], |row| row.get(0))?.collect()
        };
        self.store().ask_and_wait(move |writer| writer.inspect(keys)).unwrap().unwrap()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.store = None;
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn watch(
    conn: &mut Connection,
    log: Arc<Mutex<Vec<String>>>,
    failing: Arc<AtomicUsize>,
) -> rusqlite::Result<()> {
    let level = Arc::new(Mutex::new("NORMAL".to_owned()));
    let set = Arc::clone(&level);
    let authorize = move |context: AuthContext<'_>| {
        if let AuthAction::Pragma { pragma_name: "synchronous", pragma_value: Some(value) } = context.action {
            *set.lock().unwrap() = value.to_owned();
        }
        Authorization::Allow
    };
    conn.authorizer(Some(authorize))?;
    conn.commit_hook(Some(move || {
        let fails = failing.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
        let outcome = if fails { "failed" } else { "commit" };
        log.lock().unwrap().push(format!("{outcome} {}", level.lock().unwrap()));
        fails
    }))
}

fn add(key: &'static str) -> impl FnMut(&Connection) -> rusqlite::Result<Result<(), &'static str>> {
    move |conn| {
        conn.execute("INSERT INTO budgets (key, money, tokens) VALUES (?1, 0, 0)", [key])?;
        Ok(Ok(()))
    }
}

fn cap(tokens: u64) -> [BudgetCap; 1] {
    [BudgetCap::new("day").with_tokens(tokens)]
}

fn tokens(tokens: u64) -> Amount {
    Amount::new(Money::default(), tokens)
}

#[test]
fn what_waits_at_the_same_time_is_one_commit_in_its_order_and_is_answered_after_it() {
    let watched = Watched::new();
    watched.at_once(|| ["a", "b", "c"].map(|name| watched.submit(name, add(name))));
    watched.settle();
    assert_eq!(watched.log(), ["a", "b", "c", "commit FULL", "a made", "b made", "c made"]);
    assert_eq!(watched.budgets(), ["a", "b", "c"]);
}

#[test]
fn one_that_refuses_or_fails_takes_back_its_own_alone() {
    let watched = Watched::new();
    watched.at_once(|| {
        watched.submit("a", add("a"));
        watched.submit("refusing", |conn| {
            add("refused")(conn)?.unwrap();
            Ok(Err("no"))
        });
        watched.submit("failing", |conn| {
            add("failed")(conn)?.unwrap();
            conn.execute("INSERT INTO nowhere VALUES (1)", []).map(|_| Ok(()))
        });
        watched.submit("b", add("b"));
    });
    watched.settle();
    let log = watched.log();
    assert_eq!(log[4..], ["commit FULL", "a made", "refusing refused", "failing failed", "b made"]);
    assert_eq!(watched.budgets(), ["a", "b"]);
}

#[test]
fn when_the_commit_fails_each_is_tried_alone_and_has_its_own_answer() {
    let watched = Watched::new();
    watched.failing.store(1, Relaxed);
    watched.at_once(|| {
        watched.submit("a", add("a"));
        watched.submit("failing", |conn| conn.execute("INSERT INTO nowhere VALUES (1)", []).map(|_| Ok(())));
        watched.submit("b", add("b"));
    });
    watched.settle();
    // The file is opened anew, so that the commits which follow are not watched.
    let alone = ["a", "a made", "failing", "failing failed", "b", "b made"];
    assert_eq!(watched.log(), [&["a", "failing", "b", "failed FULL"], &alone[..]].concat());
    assert_eq!(watched.budgets(), ["a", "b"]);
}

#[test]
fn one_that_ends_the_transaction_of_all_takes_none_of_them_with_it() {
    let watched = Watched::new();
    watched.at_once(|| {
        watched.submit("a", add("a"));
        // What SQLite does by itself when the disk is full.
        watched.submit("ending", |conn| conn.execute_batch("ROLLBACK").map(Ok));
        watched.submit("b", add("b"));
    });
    watched.settle();
    let alone = ["a", "a made", "ending", "ending failed", "b", "b made"];
    assert_eq!(watched.log(), [&["a", "ending"], &alone[..]].concat());
    assert_eq!(watched.budgets(), ["a", "b"]);
}

#[test]
fn a_reservation_waits_for_the_disk_and_its_end_does_not() {
    let watched = Watched::new();
    let store = watched.store();
    let reserve = || wait(store.reserve(&cap(10), tokens(3), None));
    let [one, other] = [reserve().unwrap(), reserve().unwrap()];
    assert_eq!(watched.log(), ["commit FULL", "commit FULL"]);
    store.settle(one, tokens(2));
    watched.settle();
    store.release(other);
    watched.settle();
    assert_eq!(watched.log(), ["commit NORMAL", "commit NORMAL"]);
    reserve().unwrap();
    assert_eq!(watched.log(), ["commit FULL"]);
    assert_eq!(wait(store.spent("day")).unwrap(), Spent { booked: tokens(2), reserved: tokens(3) });
}

#[test]
fn reservations_that_wait_together_are_one_commit_and_none_is_over_the_cap() {
    let watched = Watched::new();
    let store = watched.store();
    let caps = cap(10);
    let mut waiting: Vec<_> = (0..5).map(|_| store.reserve(&caps, tokens(3), None)).collect();
    watched.at_once(|| {
        for one in &mut waiting {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(one.as_mut().poll(&mut context).is_pending());
        }
    });
    let outcomes: Vec<_> = waiting.into_iter().map(wait).collect();
    assert_eq!(watched.log(), ["commit FULL"]);
    assert!(outcomes[..3].iter().all(Result::is_ok), "in the order in which they came: {outcomes:?}");
    let refused = |outcome: &Result<_, BudgetError>| matches!(outcome, Err(BudgetError::Exceeded { .. }));
    assert!(outcomes[3..].iter().all(refused), "{outcomes:?}");
    assert_eq!(wait(store.spent("day")).unwrap().reserved, tokens(9));
}

#[test]
fn calls_in_a_lease_are_one_commit_and_are_booked_in_that_of_the_accounts() {
    let watched = Watched::new();
    let store = watched.store();
    let calls: Vec<_> = (0..8).map(|_| wait(store.reserve(&cap(10_000), tokens(3), None)).unwrap()).collect();
    assert_eq!(watched.log(), ["commit FULL"]);
    watched.at_once(|| {
        for call in calls {
            store.settle(call, tokens(2));
        }
        let (id, status) = (CallId::from_u128(1), CallStatus::Success);
        store.record(UsageRecord::new(id, id.begun_at(), &Participant::gpt(), status));
    });
    watched.settle();
    assert_eq!(watched.log(), ["commit NORMAL"]);
    assert_eq!(wait(store.spent("day")).unwrap(), Spent { booked: tokens(16), reserved: tokens(0) });
}

#[test]
fn a_lease_that_nobody_uses_is_given_back_and_what_is_open_in_it_stays() {
    let watched = Watched::new();
    let (store, other) = (watched.store(), Store::open(watched.store().shared.options.clone()).unwrap());
    let call = wait(store.reserve(&cap(10_000), tokens(3), None)).unwrap();
    let seen = || wait(other.spent("day")).unwrap().reserved.tokens;
    assert_eq!(seen(), 24);
    for _ in 0..10 {
        store.shared.leases.rest();
        watched.settle();
    }
    watched.settle();
    assert_eq!(seen(), 3);
    store.settle(call, tokens(1));
    watched.settle();
    watched.settle();
    assert_eq!(wait(other.spent("day")).unwrap(), Spent { booked: tokens(1), reserved: tokens(0) });
    assert!(store.shared.leases.is_empty());
}
