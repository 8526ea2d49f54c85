//! Attempts as rows.

use deadpool_postgres::Object;
use forge_core::{
    ErrorKind, Money,
    storage::accounts::{CallStatus, UsageRecord},
};
use serde_json::{Map, Value};

use crate::{error::Failure, text::escape};

pub(crate) fn status_code(status: CallStatus) -> i16 {
    match status {
        CallStatus::Success => 0,
        CallStatus::Failure => 1,
        CallStatus::Retry => 2,
        CallStatus::Cancelled => 3,
        CallStatus::Killed => 4,
    }
}

pub(crate) fn status(code: i16) -> Option<CallStatus> {
    let all = [
        CallStatus::Success,
        CallStatus::Failure,
        CallStatus::Retry,
        CallStatus::Cancelled,
        CallStatus::Killed,
    ];
    all.get(usize::try_from(code).ok()?).copied()
}

/// A call's id, as PostgreSQL reads it.
pub(crate) fn call(record: &UsageRecord) -> String {
    format!("{:032x}", record.call_id.as_u128())
}

/// Tags as one object of texts.
pub(crate) fn tags<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let object: Map<_, _> =
        pairs.map(|(key, value)| (escape(key).into_owned(), Value::from(&*escape(value)))).collect();
    Value::from(object).to_string()
}

fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn micros(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

const INSERT: &str = "INSERT INTO attempts (call_id, attempt, started_at, provider, model, role, status, error,
        session, tags, record, latency, first_token, unknown_tokens, input, cache_read, cache_write_5m,
        cache_write_1h, other_input, output, reasoning, cost)
    SELECT * FROM unnest($1::text[]::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[],
        $7::smallint[], $8::text[], $9::text[], $10::text[]::jsonb[], $11::text[], $12::bigint[], $13::bigint[],
        $14::boolean[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[],
        $21::bigint[], $22::bigint[])
    ON CONFLICT DO NOTHING";

/// Two stores that write attempts of one call take turns, or neither would see the other's. In this transaction they are looked up by
/// the index: while a table grows faster than its statistics, the planner takes a few calls for half of it and reads all.
const TURN: &str = "SELECT pg_advisory_xact_lock(turn), set_config('enable_seqscan', 'off', true),
        set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
    FROM (SELECT DISTINCT hashtextextended(call, 0) AS turn FROM unnest($1::text[]) AS c(call) ORDER BY turn) AS turns";

/// The attempts of a call as they are in the light of each other: one that failed before another is a retry; the call ends with its
/// success, else with its last attempt; and it fell back if its success is not at the provider that was tried first.
const AGREE: &str = "UPDATE attempts a SET status = b.status, ends = b.ends, fallback = b.fallback
    FROM (
        SELECT call_id, attempt,
            CASE WHEN status = 1 AND attempt < max(attempt) OVER one THEN 2 ELSE status END AS status,
            attempt = coalesce(min(attempt) FILTER (WHERE status = 0) OVER one, max(attempt) OVER one) AS ends,
            status = 0 AND provider <> first_value(provider) OVER (PARTITION BY call_id ORDER BY attempt) AS fallback
        FROM attempts WHERE call_id = ANY ($1::text[]::uuid[]) WINDOW one AS (PARTITION BY call_id)
    ) AS b
    WHERE a.call_id = b.call_id AND a.attempt = b.attempt
        AND (a.status, a.ends, a.fallback) IS DISTINCT FROM (b.status, b.ends, b.fallback)";

/// Writes the records that are not there yet, as one unit.
pub(crate) async fn write(client: &mut Object, records: &[UsageRecord]) -> Result<(), Failure> {
    // A first attempt that succeeds is the usual call. It agrees with itself and costs no look-up.
    let unusual = |record: &&UsageRecord| record.attempt > 1 || record.status != CallStatus::Success;
    let unusual: Vec<_> = records.iter().filter(unusual).map(call).collect();
    let transaction = client.transaction().await?;
    if !unusual.is_empty() {
        transaction.execute(&transaction.prepare_cached(TURN).await?, &[&unusual]).await?;
    }
    insert(&transaction, records).await?;
    if !unusual.is_empty() {
        // Planned anew each time, because plans are kept without what the transaction has set.
        transaction.execute(AGREE, &[&unusual]).await?;
    }
    Ok(transaction.commit().await?)
}

async fn insert(
    transaction: &deadpool_postgres::Transaction<'_>,
    records: &[UsageRecord],
) -> Result<(), Failure> {
    fn all<'a, T>(records: &'a [UsageRecord], of: impl Fn(&'a UsageRecord) -> T) -> Vec<T> {
        records.iter().map(of).collect()
    }
    let class = |of: fn(&UsageRecord) -> Option<u64>| all(records, |one| of(one).map(clamp));
    let json: Vec<_> = records.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    let model = |one: &UsageRecord| {
        escape(one.model_served.as_ref().unwrap_or(&one.model_asked).as_ref()).into_owned()
    };
    let statement = transaction.prepare_cached(INSERT).await?;
    transaction
        .execute(
            &statement,
            &[
                &all(records, call),
                &all(records, |one| i64::from(one.attempt)),
                &all(records, |one| one.started_at.timestamp_millis()),
                &all(records, |one| escape(one.provider.as_ref())),
                &all(records, model),
                &all(records, |one| escape(one.role.as_str())),
                &all(records, |one| status_code(one.status)),
                &all(records, |one| one.error.map(ErrorKind::as_str)),
                &all(records, |one| one.tags.session().map(escape)),
                &all(records, |one| tags(one.tags.iter())),
                &json,
                &all(records, |one| micros(one.latency)),
                &all(records, |one| one.first_token.map(micros)),
                &all(records, |one| one.tokens.is_unknown()),
                &class(|one| one.tokens.input),
                &class(|one| one.tokens.cache_read),
                &class(|one| one.tokens.cache_write_5m),
                &class(|one| one.tokens.cache_write_1h),
                &class(|one| one.tokens.other_input),
                &class(|one| one.tokens.output),
                &class(|one| one.tokens.reasoning),
                &class(|one| one.cost.map(Money::nanos)),
            ],
        )
        .await?;
    Ok(())
}
