//! What all accounts do.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use forge_core::{
    ErrorKind, Money, Participant, TokenCount,
    call::CallId,
    storage::accounts::{
        AccountsError, AccountsReader, Bucket, CallStatus, Figures, Filter, GroupBy, Served, UsageRecord,
        UsageSink,
    },
    tags::Tags,
    usage::ServerTools,
};

use super::{Subject, wait};

/// The middle of a day, so that a few hours more are still the same one.
fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_176_000, 0).unwrap_or_default()
}

fn record(call: u128, status: CallStatus) -> UsageRecord {
    let participant = Participant::claude_sonnet().with_provider_id("claude");
    let tags = Tags::default().with_session("s-1").with_round(1);
    let latency = Duration::from_millis(250);
    UsageRecord { tags, latency, ..UsageRecord::new(CallId::from_u128(call), noon(), &participant, status) }
}

fn answered(call: u128) -> UsageRecord {
    let tokens = TokenCount::default().with_input(10).with_output(3);
    UsageRecord { tokens, cost: Some(Money::from_nanos(100)), ..record(call, CallStatus::Success) }
}

fn failed(call: u128) -> UsageRecord {
    UsageRecord { error: Some(ErrorKind::Overloaded), ..record(call, CallStatus::Failure) }
}

fn put<S: UsageSink>(store: &S, records: impl IntoIterator<Item = UsageRecord>) {
    records.into_iter().for_each(|record| store.record(record));
    wait(store.flush()).unwrap();
}

fn total<S: AccountsReader>(store: &S, filter: &Filter) -> Figures {
    let mut rows = wait(store.summary(filter, &[])).unwrap();
    assert_eq!(rows.len(), 1);
    rows.remove(0).figures
}

fn calls(records: &[UsageRecord]) -> Vec<u128> {
    records.iter().map(|one| one.call_id.as_u128()).collect()
}

/// Call and attempt name a record, also through another store.
pub fn a_record_that_comes_twice_counts_once<S: UsageSink + AccountsReader>(subject: &Subject<S>) {
    put(&*subject.open(), [answered(1), answered(1), answered(2)]);
    let store = subject.open();
    put(&*store, [answered(2)]);
    let figures = total(&*store, &Filter::default());
    assert_eq!((figures.calls, figures.attempts, figures.successes), (2, 2, 2));
    assert_eq!((figures.cost.nanos(), figures.tokens.total()), (200, 26));
}

/// A failure before another attempt is a retry, a call counts where it ended, and an answer elsewhere is a fallback.
pub fn attempts_of_a_call_agree_with_each_other_in_whatever_order_they_come<S: UsageSink + AccountsReader>(
    subject: &Subject<S>,
) {
    let store = subject.open();
    let elsewhere = UsageRecord { attempt: 2, provider: "gpt".into(), ..answered(1) };
    // The end comes before the beginning: records of several processes arrive in any order.
    put(&*store, [elsewhere, failed(1), failed(2), UsageRecord { attempt: 2, ..failed(2) }]);
    let figures = total(&*store, &Filter::default());
    assert_eq!((figures.calls, figures.attempts, figures.successes, figures.fallbacks), (2, 4, 1, 1));
    assert_eq!((figures.failures, figures.retries), (1, 2));
    assert_eq!(figures.errors, [(ErrorKind::Overloaded, 3)]);
}

/// By call, session, tag, status and time; and what cannot be asked is refused.
pub fn questions_mean_what_they_say<S: UsageSink + AccountsReader>(subject: &Subject<S>) {
    let store = subject.open();
    let tagged = UsageRecord { tags: Tags::default().with_team("red").with_client("x"), ..answered(2) };
    let late = UsageRecord { started_at: noon() + TimeDelta::hours(3), ..answered(3) };
    put(&*store, [answered(1), tagged, late, failed(4)]);
    let all = Filter::default();
    let found = |filter: Filter| calls(&wait(store.attempts(&filter, None, 10)).unwrap());
    assert_eq!(found(Filter { calls: vec![CallId::from_u128(3)], ..all.clone() }), [3]);
    assert_eq!(found(Filter { sessions: vec!["s-1".into()], ..all.clone() }), [1, 4, 3]);
    for tags in [Tags::default().with_team("red"), Tags::default().with_client("x").with_team("red")] {
        assert_eq!(found(Filter { tags, ..all.clone() }), [2]);
    }
    assert!(found(Filter { tags: Tags::default().with_client("y"), ..all.clone() }).is_empty());
    assert_eq!(found(Filter { statuses: vec![CallStatus::Failure], ..all.clone() }), [4]);
    let since = Some(noon() + TimeDelta::seconds(1));
    assert_eq!(found(Filter { since, ..all.clone() }), [3]);
    // A question without an answer is a mistake of who asks, and no empty answer.
    let backwards = Filter { until: Some(noon()), since, ..all.clone() };
    let refused = wait(store.summary(&backwards, &[]));
    assert!(matches!(refused, Err(AccountsError::Filter { .. })), "{refused:?}");
    let rows = wait(store.summary(&all, &[GroupBy::Status])).unwrap();
    let counts: Vec<_> = rows.iter().map(|row| (row.key.status, row.figures.attempts)).collect();
    assert_eq!(counts, [(Some(CallStatus::Success), 3), (Some(CallStatus::Failure), 1)]);
    let nothing = Filter { sessions: vec!["none".into()], ..all };
    assert_eq!(total(&*store, &nothing), Figures::default());
}

/// A page begins behind the last record of the one before, and every fact of a record is kept.
pub fn attempts_are_read_in_pages_and_come_back_whole<S: UsageSink + AccountsReader>(subject: &Subject<S>) {
    let store = subject.open();
    let mut full = answered(3);
    full.model_served = Some("served".into());
    full.first_token = Some(Duration::from_millis(20));
    full.estimated = true;
    full.request_id = Some("req".into());
    full.tags = full.tags.with_task("t").with_worker("w").with_experiment("e").with_arm("b");
    full.tokens = full.tokens.with_cache_write_1h(7).with_other_input(0).with_reasoning(1);
    full.tokens = full.tokens.with_server_tools(ServerTools::default().with_web_fetch(4));
    full.served = Some(Served::default().with_region("eu"));
    let records = [answered(1), answered(2), full, answered(4)];
    put(&*store, records.clone());
    // Four records in pages of three: one is full, one is short, one is empty.
    let (mut found, mut last) = (Vec::new(), None);
    loop {
        let page = wait(store.attempts(&Filter::default(), last.as_ref(), 3)).unwrap();
        assert!(page.len() <= 3);
        let Some(end) = page.last().cloned() else { break };
        found.extend(page);
        last = Some(end);
    }
    assert_eq!(found, records);
}

/// It is counted as a call, and what it took as unknown.
pub fn what_a_killed_call_took_is_unknown_and_never_nothing<S: UsageSink + AccountsReader>(
    subject: &Subject<S>,
) {
    let store = subject.open();
    put(&*store, [answered(1), record(2, CallStatus::Killed)]);
    let figures = total(&*store, &Filter::default());
    assert_eq!((figures.calls, figures.killed, figures.unknown_tokens, figures.unknown_cost), (2, 1, 1, 1));
    let found = wait(store.attempts(&Filter::default(), None, 9)).unwrap();
    assert_eq!(
        (found[1].status, found[1].cost, found[1].tokens),
        (CallStatus::Killed, None, TokenCount::default())
    );
}

/// Hours without an attempt are there, with nothing in them.
pub fn a_trend_has_no_gaps<S: UsageSink + AccountsReader>(subject: &Subject<S>) {
    let store = subject.open();
    assert!(wait(store.trend(&Filter::default(), Bucket::Hour)).unwrap().is_empty());
    let at = |call, hours| UsageRecord { started_at: noon() + TimeDelta::hours(hours), ..answered(call) };
    put(&*store, [at(1, 0), at(2, 3), at(3, 3)]);
    let points = wait(store.trend(&Filter::default(), Bucket::Hour)).unwrap();
    let found: Vec<_> = points.iter().map(|point| (point.start, point.figures.calls)).collect();
    let hour = |hours| noon() + TimeDelta::hours(hours);
    assert_eq!(found, [(hour(0), 1), (hour(1), 0), (hour(2), 0), (hour(3), 2)]);
    // So many hours are refused: their list would be larger than all records.
    let far = UsageRecord { started_at: noon() + TimeDelta::days(5_000), ..answered(9) };
    put(&*store, [far]);
    let refused = wait(store.trend(&Filter::default(), Bucket::Hour));
    assert!(matches!(refused, Err(AccountsError::Filter { .. })));
}
