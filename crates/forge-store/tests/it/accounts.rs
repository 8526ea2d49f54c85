//! Records go in, figures come out.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use forge_core::{
    ErrorKind, ModelTable, Money, TokenCount,
    call::CallId,
    storage::accounts::{CallStatus, UsageRecord},
};
use forge_store::{Bucket, Figures, Filter, GroupBy, Store, StoreError, TaskEntry, Timing};
use proptest::prelude::*;

use crate::support::*;

fn total(store: &Store) -> Figures {
    store.summary(&Filter::default(), &[]).unwrap().remove(0).figures
}

/// The figures from the attempts themselves: a filter by session cannot be answered from sums.
fn exact(store: &Store, filter: &Filter, by: &[GroupBy]) -> Vec<forge_store::SummaryRow> {
    store.summary(&Filter { sessions: vec!["s-1".into()], ..filter.clone() }, by).unwrap()
}

#[test]
fn what_is_recorded_is_read_back_and_summed() {
    let dir = Dir::new();
    let store = dir.open();
    put(&store, [record(1), record(2), record(1)]);
    let found = all(&store);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].record, record(1));

    let rows = store.summary(&Filter::default(), &[GroupBy::Provider, GroupBy::Status]).unwrap();
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(row.key.provider.clone().unwrap(), "claude");
    assert_eq!(row.key.status, Some(CallStatus::Success));
    let figures = &row.figures;
    assert_eq!((figures.calls, figures.attempts, figures.cost.nanos()), (2, 2, 2 * 12_345_678));
    assert_eq!(figures.tokens.total(), 2 * 1_540);
    assert_eq!(figures.success_rate(), Some(1.0));
    assert_eq!(total(&Dir::new().open()).success_rate(), None);
}

#[test]
fn what_is_unknown_stays_unknown_and_is_counted() {
    let dir = Dir::new();
    let store = dir.open();
    put(&store, [failed(1, 1)]);
    let record = &all(&store)[0].record;
    assert_eq!((record.cost, record.tokens), (None, TokenCount::default()));
    let figures = total(&store);
    assert_eq!((figures.unknown_cost, figures.unknown_tokens, figures.cost), (1, 1, Money::ZERO));
    assert_eq!(figures.errors, [(ErrorKind::Overloaded, 1)]);
}

#[test]
fn attempts_of_a_call_agree_in_whatever_order_they_come() {
    let answer = UsageRecord { attempt: 3, provider: "gpt".into(), ..record(7) };
    let late = |record: UsageRecord, minutes| UsageRecord {
        started_at: noon() + TimeDelta::minutes(minutes),
        ..record
    };
    let call = [failed(7, 1), late(failed(7, 2), 61), late(answer, 62)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let dir = Dir::new();
        let store = dir.open();
        for at in order {
            put(&store, [call[at].clone()]);
        }
        let statuses: Vec<_> = all(&store).iter().map(|attempt| attempt.record.status).collect();
        assert_eq!(statuses, [CallStatus::Retry, CallStatus::Retry, CallStatus::Success], "{order:?}");
        let figures = total(&store);
        let counts = (
            figures.calls,
            figures.attempts,
            figures.retries,
            figures.failures,
            figures.successes,
            figures.fallbacks,
        );
        assert_eq!(counts, (1, 3, 2, 0, 1, 1), "{order:?}");
        assert_eq!(exact(&store, &Filter::default(), &[])[0].figures, figures);
    }
}

#[test]
fn another_attempt_at_the_same_provider_is_no_fallback() {
    let dir = Dir::new();
    let store = dir.open();
    put(&store, [failed(7, 1), UsageRecord { attempt: 2, ..record(7) }]);
    assert_eq!((total(&store).retries, total(&store).fallbacks), (1, 0));
}

#[test]
fn the_loser_of_a_race_is_no_call() {
    let dropped = |attempt| UsageRecord { attempt, status: CallStatus::Cancelled, ..failed(7, attempt) };
    for attempts in [[record(7), dropped(2)], [dropped(1), UsageRecord { attempt: 2, ..record(7) }]] {
        let dir = Dir::new();
        let store = dir.open();
        put(&store, attempts);
        assert_eq!((total(&store).calls, total(&store).successes, total(&store).cancelled), (1, 1, 1));
    }
}

#[test]
fn a_trend_has_no_gaps() {
    let dir = Dir::new();
    let store = dir.open();
    put(&store, [record(1), UsageRecord { started_at: noon() + TimeDelta::days(3), ..record(2) }]);
    let attempts = |bucket| -> Vec<u64> {
        let points = store.trend(&Filter::default(), bucket).unwrap();
        points.iter().map(|point| point.figures.attempts).collect()
    };
    assert_eq!(attempts(Bucket::Day), [1, 0, 0, 1]);
    assert_eq!(attempts(Bucket::Hour).len(), 73);

    let far = UsageRecord { started_at: DateTime::<Utc>::MAX_UTC, ..record(3) };
    put(&store, [far]);
    let error = store.trend(&Filter::default(), Bucket::Day).unwrap_err();
    assert!(error.to_string().contains("100000 points"), "{error}");
}

#[test]
fn absurd_questions_have_empty_or_clear_answers() {
    let dir = Dir::new();
    let store = dir.open();
    put(&store, [record(1)]);
    let (least, most) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    let between = |since, until| Filter { since: Some(since), until: Some(until), ..Filter::default() };
    let swapped = store.summary(&between(most, least), &[]).unwrap_err();
    assert!(matches!(&swapped, StoreError::Filter { reason } if reason.contains("swap")), "{swapped}");
    assert!(store.export(&between(most, least), |_| Ok(())).is_err());
    assert_eq!(store.summary(&between(least, most), &[]).unwrap()[0].figures.calls, 1);
    assert_eq!(store.summary(&between(noon(), noon()), &[]).unwrap()[0].figures, Figures::default());
    let nobody = Filter { providers: vec!["'; DROP TABLE attempts --".into()], ..Filter::default() };
    assert!(store.summary(&nobody, &[GroupBy::Model]).unwrap().is_empty());
    assert_eq!(store.export(&nobody, |_| Ok(())).unwrap(), 0);
    store.prune(least, None).unwrap();
    assert_eq!(all(&store).len(), 1);
}

#[test]
fn numbers_that_do_not_fit_stay_at_the_maximum() {
    let dir = Dir::new();
    let store = dir.open();
    let huge = |call| UsageRecord {
        tokens: TokenCount::default().with_input(u64::MAX),
        cost: Some(Money::from_nanos(u64::MAX)),
        latency: Duration::MAX,
        ..record(call)
    };
    put(&store, [huge(1), huge(2)]);
    let figures = total(&store);
    assert_eq!((figures.attempts, figures.tokens.input), (2, i64::MAX.unsigned_abs()));
    assert_eq!(figures.cost.nanos(), i64::MAX.unsigned_abs());
}

#[test]
fn pruning_removes_whole_days_into_the_archive_and_keeps_their_sums() {
    let dir = Dir::new();
    let store = dir.open();
    let day = |at: u8| UsageRecord { started_at: noon() + TimeDelta::days(at.into()), ..record(at.into()) };
    put(&store, (0..4).map(day));
    let before = total(&store);
    let archive = dir.0.join("old.jsonl");
    let pruned = store.prune(noon() + TimeDelta::days(2), Some(&archive)).unwrap();
    assert_eq!((pruned.attempts, calls(&store)), (2, vec![2, 3]));
    assert_eq!(total(&store), before);
    let text = std::fs::read_to_string(&archive).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(text.contains(&CallId::from_u128(1).to_string()));

    let again = store.prune(noon() + TimeDelta::days(4), Some(&archive)).unwrap_err();
    assert!(again.to_string().contains("old.jsonl"), "an archive is never written over: {again}");
    assert_eq!(calls(&store), [2, 3]);
    store.rebuild().unwrap();
    assert_eq!(total(&store), before, "the sums of pruned days are all that is left of them");
}

#[test]
fn pruning_cuts_at_midnight_and_makes_the_file_smaller() {
    let dir = Dir::new();
    let store = dir.open();
    let day =
        |at: u128| UsageRecord { started_at: noon() + TimeDelta::days(i64::from(at > 4_000)), ..record(at) };
    put(&store, (1..=5_000).map(day));
    let size = || std::fs::metadata(dir.db()).unwrap().len();
    let midnight = noon() + TimeDelta::hours(12);
    let pruned = store.prune(midnight + TimeDelta::hours(23), None).unwrap();
    assert_eq!((pruned.attempts, pruned.before), (4_000, midnight));
    let (freed, after) = (pruned.freed_bytes.unwrap(), size());
    assert!(freed > after, "{freed} of {}", freed + after);
    assert_eq!(total(&store).attempts, 5_000);
    assert_eq!(calls(&store).len(), 1_000);
    assert_eq!(integrity(&dir.db()), "ok");

    let again = store.prune(midnight, None).unwrap();
    assert_eq!((again.attempts, again.freed_bytes, size()), (0, Some(0), after));
}

#[test]
fn a_file_that_somebody_reads_is_pruned_all_the_same_and_shrinks_the_next_time() {
    let dir = Dir::new();
    let options = forge_store::StoreOptions { busy_timeout: Duration::from_millis(20), ..dir.options() };
    let store = Store::open(options).unwrap();
    put(&store, (1..=2_000).map(record));
    let reader = sql(&dir.db());
    reader.execute_batch("BEGIN; SELECT count(*) FROM attempts;").unwrap();
    let pruned = store.prune(noon() + TimeDelta::days(1), None).unwrap();
    assert_eq!((pruned.attempts, pruned.freed_bytes), (2_000, None));
    reader.execute_batch("COMMIT").unwrap();
    let pruned = store.prune(noon() + TimeDelta::days(1), None).unwrap();
    assert!(pruned.attempts == 0 && pruned.freed_bytes > Some(100_000), "{pruned:?}");
}

#[test]
fn sums_are_made_anew_from_the_attempts() {
    let dir = Dir::new();
    let store = dir.open();
    let day = |at: u8| UsageRecord {
        started_at: noon() + TimeDelta::days(40 * i64::from(at)),
        ..record(at.into())
    };
    put(&store, (0..4).map(day));
    let before = store.summary(&Filter::default(), &[GroupBy::Day, GroupBy::Hour]).unwrap();
    sql(&dir.db())
        .execute_batch("UPDATE rollups SET cost = 1, hour = hour + 24 * 7, latency = x'00'; DELETE FROM rollups WHERE width = 24;")
        .unwrap();
    assert_ne!(store.summary(&Filter::default(), &[GroupBy::Hour]).unwrap(), before);
    assert_eq!(store.rebuild().unwrap(), 8, "four days with attempts, and four that only sums speak of");
    assert_eq!(store.summary(&Filter::default(), &[GroupBy::Hour]).unwrap(), before);
    assert_eq!(total(&store).attempts, 4);
}

#[test]
fn a_corrected_price_changes_exactly_its_period() {
    let dir = Dir::new();
    let store = Store::open(forge_store::StoreOptions { price_version: Some("old".into()), ..dir.options() })
        .unwrap();
    let hour = |at: u8| UsageRecord { started_at: noon() + TimeDelta::hours(at.into()), ..record(at.into()) };
    put(&store, (0..4).map(hour).chain([UsageRecord { vendor: "other".into(), ..hour(9) }, failed(10, 1)]));
    let table = ModelTable::from_json(
        r#"[{"provider": "anthropic", "id": "large", "source": "s", "checked": "2026-11",
             "prices": [{"tiers": [{"input": "1", "output": "2"}]}]}]"#,
    )
    .unwrap();
    let (since, until) = (Some(noon() + TimeDelta::hours(1)), Some(noon() + TimeDelta::hours(3)));
    let done = store.reprice(&table, since, until, "new").unwrap();
    let new = (1_200 + 2 * 340) * 1_000;
    assert_eq!((done.changed, done.unpriced), (2, 0));
    assert_eq!((done.before.nanos(), done.after.nanos()), (2 * 12_345_678, 2 * new));

    let kept: Vec<_> = all(&store)
        .iter()
        .filter(|attempt| attempt.record.call_id.as_u128() < 4)
        .map(|attempt| {
            (attempt.record.cost.unwrap().nanos(), attempt.price_version.clone().unwrap().to_string())
        })
        .collect();
    let (old, new) = ((12_345_678, "old".to_owned()), (new, "new".to_owned()));
    assert_eq!(kept, [old.clone(), new.clone(), new, old]);
    assert_eq!(
        exact(&store, &Filter::default(), &[GroupBy::Hour]),
        store.summary(&Filter::default(), &[GroupBy::Hour]).unwrap()
    );

    let stamps = || -> Vec<_> {
        let unpriced = all(&store).into_iter().filter(|attempt| attempt.record.call_id.as_u128() >= 9);
        unpriced.map(|attempt| (attempt.record.cost, attempt.price_version)).collect()
    };
    let unpriced = stamps();
    let whole = store.reprice(&table, None, None, "new").unwrap();
    assert_eq!(stamps(), unpriced, "a version of prices stands only at what was priced by it");
    assert_eq!((whole.changed, whole.unpriced), (2, 2), "one has no price, of one no tokens are known");
    assert_eq!(total(&store).unknown_cost, 1);
}

#[test]
fn the_log_of_tasks_keeps_where_each_stands() {
    let dir = Dir::new();
    let store = dir.open();
    let task = |state: &str, minutes| TaskEntry {
        id: "t-1".into(),
        role: "coder".into(),
        provider: Some("claude".into()),
        attempts: 1,
        status: state.into(),
        created_at: noon() + TimeDelta::minutes(minutes),
        updated_at: noon() + TimeDelta::minutes(minutes),
    };
    store.put_task(task("running", 0));
    store.put_task(task("completed", 5));
    put(&store, []);
    let expected = TaskEntry { created_at: noon(), ..task("completed", 5) };
    assert_eq!(store.tasks(10).unwrap(), [expected]);
}

/// Provider, model, role, status, latency in microseconds, and a number that may be unknown.
type Outcome = (u8, u8, u8, u8, u32, Option<u64>);

fn any_call() -> impl Strategy<Value = Vec<UsageRecord>> {
    let attempt = (0..3_u8, 0..2_u8, 0..2_u8, 0..4_u8, any::<u32>(), proptest::option::of(0..1_u64 << 40));
    let start = 0..3 * 24 * 3_600_000_i64;
    (any::<u128>(), start, proptest::collection::vec(attempt, 1..4)).prop_map(|(call, start, attempts)| {
        let one = |(at, (provider, model, role, status, latency, known)): (u32, Outcome)| {
            let started_at = noon() + TimeDelta::milliseconds(start + 1_000 * i64::from(at));
            let base = if status == 0 { record(call) } else { failed(call, at + 1) };
            UsageRecord {
                attempt: at + 1,
                started_at,
                provider: format!("p-{provider}").into(),
                model_asked: format!("m-{model}").into(),
                model_served: (model == 0).then(|| "m-9".into()),
                role: if role == 0 { "critic".into() } else { "coder".into() },
                status: [CallStatus::Success, CallStatus::Failure, CallStatus::Cancelled, CallStatus::Retry]
                    [usize::from(status)],
                latency: Duration::from_micros(u64::from(latency)),
                first_token: known.map(|known| Duration::from_micros(known % 1_000_000)),
                tokens: TokenCount::default().with_input(known),
                cost: known.map(Money::from_nanos),
                ..base
            }
        };
        (0_u32..).zip(attempts).map(one).collect()
    })
}

/// From the recorded attempts by definition, without sums or histograms.
fn by_definition(records: &[UsageRecord]) -> Figures {
    let count = |wanted| records.iter().filter(|record| record.status == wanted).count() as u64;
    let mut errors: BTreeMap<&str, (ErrorKind, u64)> = BTreeMap::new();
    let ended = || records.iter().filter(|record| record.status.has_outcome());
    for kind in ended().filter_map(|record| record.error) {
        errors.entry(kind.as_str()).or_insert((kind, 0)).1 += 1;
    }
    let known = |record: &UsageRecord| record.tokens.input.unwrap_or(0);
    Figures {
        attempts: records.len() as u64,
        successes: count(CallStatus::Success),
        failures: count(CallStatus::Failure),
        retries: count(CallStatus::Retry),
        cancelled: count(CallStatus::Cancelled),
        latency: timing(ended().map(|record| record.latency).collect()),
        first_token: timing(ended().filter_map(|record| record.first_token).collect()),
        tokens: forge_store::Tokens { input: records.iter().map(known).sum(), ..Default::default() },
        unknown_tokens: records.iter().filter(|record| record.tokens.is_unknown()).count() as u64,
        cost: records.iter().filter_map(|record| record.cost).sum(),
        unknown_cost: records.iter().filter(|record| record.cost.is_none()).count() as u64,
        errors: errors.into_values().collect(),
        ..Figures::default()
    }
}

fn timing(mut times: Vec<Duration>) -> Timing {
    times.sort_unstable();
    let at = |percent: usize| times.get((times.len() * percent).div_ceil(100).max(1) - 1).copied();
    let sum: Duration = times.iter().sum();
    let mean = (!times.is_empty())
        .then(|| Duration::from_micros(u64::try_from(sum.as_micros()).unwrap() / times.len() as u64));
    Timing { mean, p50: at(50), p95: at(95), p99: at(99) }
}

fn close(found: Option<Duration>, exact: Option<Duration>) -> bool {
    match (found, exact) {
        (Some(found), Some(exact)) => found.abs_diff(exact) <= exact.mul_f64(0.05),
        (found, exact) => found == exact,
    }
}

fn without_percentiles(figures: &Figures) -> Figures {
    let mean = |timing: Timing| Timing { mean: timing.mean, ..Timing::default() };
    Figures { latency: mean(figures.latency), first_token: mean(figures.first_token), ..figures.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_and_attempts_give_the_same_figures(
        recorded in proptest::collection::vec(any_call(), 1..40),
        split in 1..50_usize,
        provider in proptest::option::of(0..4_u8),
        status in proptest::option::of(0..2_u8),
        edges in proptest::option::of((0..3 * 24 * 3_600_000_i64, 0..3 * 24 * 3_600_000_i64)),
        by in proptest::sample::subsequence(vec![
            GroupBy::Provider, GroupBy::Model, GroupBy::Role, GroupBy::Day, GroupBy::Hour, GroupBy::Status,
        ], 0..4),
    ) {
        let dir = Dir::new();
        let store = dir.open();
        let records: Vec<UsageRecord> = recorded.into_iter().flatten().collect();
        for part in records.chunks(split) {
            put(&store, part.to_vec());
        }
        let edge = |at: i64| noon() + TimeDelta::milliseconds(at);
        let filter = Filter {
            providers: provider.map(|one| format!("p-{one}").into()).into_iter().collect(),
            statuses: status.map(|one| [CallStatus::Success, CallStatus::Retry][usize::from(one)]).into_iter().collect(),
            since: edges.map(|(one, other)| edge(one.min(other))),
            until: edges.map(|(one, other)| edge(one.max(other))),
            ..Filter::default()
        };
        let sums = store.summary(&filter, &by).unwrap();
        prop_assert_eq!(&sums, &exact(&store, &filter, &by));

        let mut kept = Vec::new();
        store.export(&filter, |attempt| { kept.push(attempt.record.clone()); Ok(()) }).unwrap();
        let whole = store.summary(&filter, &[]).unwrap().remove(0).figures;
        let expected = by_definition(&kept);
        let mut comparable = without_percentiles(&whole);
        comparable.errors.sort_by_key(|(kind, _)| kind.as_str());
        (comparable.calls, comparable.fallbacks) = (0, 0);
        prop_assert_eq!(comparable, without_percentiles(&expected));
        for (found, exact) in [(whole.latency, expected.latency), (whole.first_token, expected.first_token)] {
            prop_assert!(close(found.p50, exact.p50) && close(found.p95, exact.p95) && close(found.p99, exact.p99));
        }
        let before = store.summary(&Filter::default(), &by).unwrap();
        store.rebuild().unwrap();
        prop_assert_eq!(store.summary(&Filter::default(), &by).unwrap(), before);
    }
}
