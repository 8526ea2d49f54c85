//! Several stores at once, stores that die, and a server that goes away.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use forge_core::{
    ErrorKind, Money, Participant,
    call::CallId,
    storage::{
        accounts::{AccountsReader as _, CallStatus, Filter, UsageRecord, UsageSink as _},
        budget::{Amount, BudgetCap, BudgetError, BudgetStore, DeadCharge, Holder, Spent},
        cooldown::{Cooldown, CooldownStore as _},
        journal::{Batch, Claim, Journal as _, StreamName, Streams as _},
    },
};
use forge_postgres::{PostgresOptions, PostgresStore};
use forge_testkit::store::wait;

use crate::server::{Server, open, until};

const DOLLAR: u64 = 1_000_000_000;

#[allow(
    clippy::disallowed_methods,
    reason = "whoever runs a test may ask for more of it, and a test tells its child what to do"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn scale() -> u64 {
    variable("FORGE_TEST_SCALE").and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn cents(cents: u64) -> Amount {
    Amount::new(Money::from_nanos(cents * DOLLAR / 100), cents)
}

fn dollar(key: &str) -> BudgetCap {
    BudgetCap::new(key).with_money(Money::from_nanos(DOLLAR))
}

fn record(call: u64) -> UsageRecord {
    let at = chrono::DateTime::from_timestamp(1_795_176_000, 0).unwrap();
    let participant = Participant::claude_sonnet().with_provider_id("claude");
    UsageRecord::new(CallId::from_u128(call.into()), at, &participant, CallStatus::Success)
}

fn attempts(store: &PostgresStore) -> u64 {
    wait(store.summary(&Filter::default(), &[])).unwrap()[0].figures.attempts
}

#[test]
fn sixty_four_calls_through_four_pools_never_overrun_a_dollar() {
    let options = or_skip!(Server::shared()).options();
    let stores: Vec<_> = (0..4).map(|_| open(&options)).collect();
    for round in 0..2 * scale() {
        let key = format!("day:{round}");
        let threads: Vec<_> = (0..64)
            .map(|at| {
                let (store, key) = (Arc::clone(&stores[at % 4]), key.clone());
                // Two budgets, named in both orders: whoever locks them as they are named waits for ever.
                let mut caps = vec![dollar(&key), BudgetCap::new(format!("{key}:open"))];
                if at % 2 == 0 {
                    caps.reverse();
                }
                std::thread::spawn(move || match wait(store.reserve(&caps, cents(3), None)) {
                    Ok(id) if at % 3 == 0 => {
                        store.settle(id, cents(2));
                        2
                    }
                    Ok(_) => 3,
                    Err(BudgetError::Exceeded { key: full, .. }) => {
                        assert_eq!(full, key);
                        0
                    }
                    Err(error) => panic!("{error:?}"),
                })
            })
            .collect();
        let taken: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        // Each store is asked, since each has booked its own ends then; the last answer knows of all.
        let answers: Vec<_> = stores.iter().map(|store| wait(store.spent(&key)).unwrap()).collect();
        let spent = answers[3];
        let all = spent.booked.plus(spent.reserved);
        assert!(all.money.nanos() <= DOLLAR, "{spent:?}");
        assert_eq!(all, cents(taken), "nothing is lost");
        // Nobody is refused without need: what is left can be had.
        let left = cents(100 - taken);
        wait(stores[0].reserve(&[dollar(&key)], left, None)).unwrap();
        wait(stores[1].reserve(&[dollar(&key)], cents(1), None)).unwrap_err();
    }
}

#[test]
fn a_call_that_nobody_waits_for_any_more_holds_nothing() {
    let options = or_skip!(Server::shared()).options();
    let (store, other) = (open(&options), open(&options));
    for _ in 0..20 {
        let caps = [dollar("day")];
        let mut asked = Box::pin(store.reserve(&caps, cents(5), None));
        let waker = std::task::Waker::noop();
        let polled = asked.as_mut().poll(&mut std::task::Context::from_waker(waker));
        // One that was answered at once has a caller, who ends it.
        if let std::task::Poll::Ready(made) = polled {
            BudgetStore::release(&*store, made.unwrap());
        }
    }
    until(|| wait(other.spent("day")).unwrap().reserved == Amount::default());
}

#[test]
fn what_a_killed_process_had_set_aside_is_free_after_its_time() {
    let name = "races::what_a_killed_process_had_set_aside_is_free_after_its_time";
    if let Some((url, schema)) =
        variable("FORGE_POSTGRES_TASK").as_deref().and_then(|task| task.split_once(' '))
    {
        let mut options = PostgresOptions::new(url).with_schema(schema);
        options.reservation_ttl = Duration::from_secs(2);
        let store = open(&options);
        let run = Holder::new("s-1").with_instance("dead");
        wait(store.reserve(&[dollar("day")], cents(60), Some(&run))).unwrap();
        wait(store.reserve(&[dollar("day")], cents(40), None)).unwrap();
        println!("reserved");
        std::thread::park();
        return;
    }
    let server = or_skip!(Server::shared());
    let mut options = server.options();
    options.reservation_ttl = Duration::from_secs(2);
    let store = open(&options);
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    child.env("FORGE_POSTGRES_TASK", format!("{} {}", server.url(), options.schema));
    let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| line.contains("reserved")).unwrap();
    let refused = wait(store.reserve(&[dollar("day")], cents(1), None)).unwrap_err();
    let BudgetError::Exceeded { blocked_by: Some(blocker), .. } = refused else { panic!("{refused:?}") };
    assert_eq!(blocker.holder, Some(Holder::new("s-1").with_instance("dead")));
    child.kill().unwrap();
    child.wait().unwrap();
    // Its session is taken over: what it may have taken is booked, and the rest of it comes back by itself.
    assert_eq!(wait(store.settle_holder(&Holder::new("s-1"), DeadCharge::default())).unwrap(), 1);
    until(|| wait(store.reserve(&[dollar("day")], cents(40), None)).is_ok());
    let spent = wait(store.spent("day")).unwrap();
    assert_eq!((spent.booked, spent.reserved), (cents(60), cents(40)));
}

#[test]
fn a_store_that_was_only_slow_has_its_reservations_again() {
    let server = or_skip!(Server::shared());
    let options = server.options();
    let store = open(&options);
    let id = wait(store.reserve(&[dollar("day")], cents(60), None)).unwrap();
    let schema = &options.schema;
    server.sql(&format!("UPDATE {schema}.processes SET expires_at = now() - interval '1 s'"));
    assert_eq!(wait(open(&options).spent("day")).unwrap().reserved, Amount::default());
    // Its next sign of life, which comes by itself after a quarter of its time.
    server.sql(&format!("SET search_path = {schema}; SELECT beat(id, interval '30 s') FROM processes WHERE id = (SELECT min(id) FROM processes)"));
    assert_eq!(wait(store.spent("day")).unwrap().reserved, cents(60));
    server.sql(&format!("UPDATE {schema}.processes SET expires_at = now() - interval '1 s'"));
    wait(open(&options).spent("day")).unwrap();
    store.settle(id, cents(7));
    let spent = wait(store.spent("day")).unwrap();
    assert_eq!((spent.booked, spent.reserved), (cents(7), Amount::default()));
}

#[test]
fn no_record_is_lost_or_doubled_while_the_server_is_away() {
    let server = or_skip!(Server::start());
    let mut options = server.options();
    options.retry = Duration::from_millis(50);
    let store = open(&options);
    let (part, mut sent) = (2_000 * scale(), 0);
    let mut send = |count: u64| {
        (sent..sent + count).for_each(|call| store.record(record(call)));
        sent += count;
    };
    send(part);
    wait(store.flush()).unwrap();
    let open_call = wait(store.reserve(&[dollar("day")], cents(9), None)).unwrap();
    // Under way when the server stops: nobody knows whether the last batch was written.
    send(part);
    server.stop();
    send(part);
    store.settle(open_call, cents(4));
    wait(store.flush()).unwrap_err();
    assert!(store.waiting_records() > 0);
    assert!(wait(store.reserve(&[dollar("day")], cents(1), None)).is_err(), "a cap is not guessed");
    server.start_again();
    until(|| wait(store.flush()).is_ok());
    assert_eq!((attempts(&store), store.waiting_records(), store.lost_records()), (sent, 0, 0));
    until(|| {
        wait(store.spent("day")).is_ok_and(|spent| spent.booked == cents(4) && spent.reserved == cents(0))
    });
}

#[test]
fn what_does_not_fit_into_the_queue_is_counted_and_what_does_is_kept() {
    let server = or_skip!(Server::start());
    let mut options = server.options();
    (options.queue, options.retry) = (10, Duration::from_millis(50));
    let store = open(&options);
    server.stop();
    (0..25).for_each(|call| store.record(record(call)));
    assert_eq!(store.lost_records(), 15);
    server.start_again();
    until(|| wait(store.flush()).is_ok());
    assert_eq!(attempts(&store), 10);
}

#[test]
fn a_store_that_is_dropped_writes_what_it_was_given() {
    let options = or_skip!(Server::shared()).options();
    let store = open(&options);
    let id = wait(store.reserve(&[dollar("day")], cents(9), None)).unwrap();
    (0..5_000).for_each(|call| store.record(record(call)));
    store.settle(id, cents(4));
    drop(store);
    let store = open(&options);
    assert_eq!(attempts(&store), 5_000);
    assert_eq!(wait(store.spent("day")).unwrap().booked, cents(4));
}

#[test]
fn records_hold_any_text_and_any_number() {
    let store = open(&or_skip!(Server::shared()).options());
    let mut odd = record(1);
    odd.request_id = Some("a\0b".into());
    odd.tags = odd.tags.with_team("a\0b").with_session("\0");
    odd.provider = "\0".into();
    odd.tokens = odd.tokens.with_input(u64::MAX);
    odd.cost = Some(Money::from_nanos(u64::MAX));
    store.record(odd.clone());
    wait(store.flush()).unwrap();
    let sessions = Filter { sessions: vec!["\0".into()], ..Filter::default() };
    for filter in [Filter::default(), sessions, Filter { providers: vec!["\0".into()], ..Filter::default() }]
    {
        assert_eq!(wait(store.attempts(&filter, None, 9)).unwrap(), [odd.clone()]);
    }
    let run = Holder::new("\0").with_instance("a\0");
    wait(store.reserve(&[dollar("\0")], cents(99), Some(&run))).unwrap();
    let refused = wait(store.reserve(&[dollar("\0")], cents(2), None)).unwrap_err();
    assert!(
        matches!(&refused, BudgetError::Exceeded { key, blocked_by: Some(by) } if key == "\0" && by.holder == Some(run.clone())),
        "{refused:?}"
    );
    assert_eq!(wait(store.spent("\0")).unwrap().reserved, cents(99));
    assert_eq!(wait(store.settle_holder(&run, DeadCharge::default())).unwrap(), 1);
}

#[test]
fn a_record_that_the_database_refuses_keeps_no_other_from_being_written() {
    let server = or_skip!(Server::shared());
    let options = server.options();
    let store = open(&options);
    let schema = &options.schema;
    server.sql(&format!(
        "CREATE FUNCTION {schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF NEW.provider = 'refused' THEN RAISE EXCEPTION 'never' USING ERRCODE = '22023'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON {schema}.attempts FOR EACH ROW EXECUTE FUNCTION {schema}.refuse()"
    ));
    for number in 1..=300 {
        let mut one = record(number);
        if number % 100 == 0 {
            one.provider = "refused".into();
        }
        store.record(one);
    }
    wait(store.flush()).unwrap();
    assert_eq!(wait(store.attempts(&Filter::default(), None, 1_000)).unwrap().len(), 297);
    assert_eq!((store.lost_records(), store.waiting_records()), (3, 0));
}

#[test]
fn a_watch_is_woken_by_another_store_and_survives_the_server() {
    let server = or_skip!(Server::start());
    let mut options = server.options();
    options.retry = Duration::from_millis(50);
    let (near, far, s) = (open(&options), open(&options), StreamName::new("s").unwrap());
    let fence = wait(far.claim(&s, &Claim::new("a", Duration::from_secs(600)))).unwrap();
    let watcher = {
        let (near, s) = (Arc::clone(&near), s.clone());
        std::thread::spawn(move || {
            let mut seen = 0;
            while seen < 2 {
                // While the server is away a watch fails, and is asked again.
                seen += wait(near.watch(&s, seen)).map_or(0, |entries| entries.len() as u64);
            }
        })
    };
    let batch = |at| Batch::new(at, vec![vec![0]]);
    wait(far.append(&s, fence, batch(0))).unwrap();
    server.stop();
    server.start_again();
    until(|| wait(far.append(&s, fence, batch(1))).is_ok());
    watcher.join().unwrap();
}

#[test]
fn cooldowns_are_kept_for_the_next_process() {
    let options = or_skip!(Server::shared()).options();
    let (store, now) = (open(&options), options.clock.now());
    let later = |seconds| now + chrono::TimeDelta::seconds(seconds);
    store.keep(Cooldown::new("over", ErrorKind::Overloaded, later(-1)));
    store.keep(Cooldown::new("route", ErrorKind::Overloaded, later(60)));
    until(|| store.cooldowns().len() == 1);
    store.keep(Cooldown::new("route", ErrorKind::RateLimited, later(90)));
    let next = open(&options);
    until(|| next.cooldowns().iter().any(|one| one.cause == ErrorKind::RateLimited));
    assert_eq!(next.cooldowns().len(), 1);
}

#[test]
fn a_process_that_died_a_day_ago_is_forgotten_with_its_reservations() {
    let server = or_skip!(Server::shared());
    let options = server.options();
    let store = open(&options);
    let id = wait(store.reserve(&[dollar("day")], cents(60), None)).unwrap();
    let sql = |statements: &str| server.sql(&format!("SET search_path = {}; {statements}", options.schema));
    let left = || sql("SELECT count(*) || ' ' || (SELECT count(*) FROM processes) FROM reservations");
    // Nearly a day: a call that was only slow is still booked.
    sql("UPDATE processes SET expires_at = now() - interval '23 h'; SELECT sweep(), forget()");
    assert_eq!(left(), "1 1");
    sql("UPDATE processes SET expires_at = now() - interval '25 h'; SELECT forget()");
    assert_eq!(left(), "0 0");
    // It was there all the same: its end books nothing, and its next sign of life brings it back under its number.
    store.settle(id, cents(7));
    assert_eq!(wait(store.spent("day")).unwrap(), Spent::default());
    wait(store.reserve(&[dollar("day")], cents(5), None)).unwrap();
    let number = id.0 >> 36;
    assert_eq!(sql(&format!("SELECT beat({number}, interval '30 s')")), number.to_string());
    assert_eq!(wait(store.spent("day")).unwrap().reserved, cents(5));
    assert_eq!(left(), "1 1");
}
