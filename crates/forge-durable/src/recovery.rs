//! What dead runs have left open in accounts and budgets.

use std::collections::HashMap;

use forge_core::{
    call::CallId,
    storage::{
        accounts::{CallStatus, Filter, UsageRecord},
        budget::{DeadCharge, Holder},
        journal::StreamName,
    },
    tags::Tags,
};

use crate::{deps::RunDeps, machine::ModelCall};

/// More attempts than any list of calls has.
const MAX_ATTEMPTS: u64 = 10_000;

/// Settles the reservations of earlier runs and records each of their calls that has no end in the accounts. Repeating
/// it is safe: a row is identified by call and attempt, and a reservation is settled once.
///
/// Accounts and budgets that fail here do not stop the work; they fail again at the next call if it matters.
pub(crate) async fn settle(deps: &RunDeps, stream: &StreamName, calls: Vec<ModelCall>) {
    // First, because what dead calls have set aside would stand in the way of this run's own. No instance is
    // named: once the work is claimed, none of its earlier runs is alive.
    if let Some(budgets) = &deps.budgets
        && let Err(error) = budgets.settle_holder(&Holder::new(stream.as_str()), DeadCharge::Reserved).await
    {
        tracing::warn!(%stream, error = &error as &dyn std::error::Error, "reservations were not settled");
    }
    if calls.is_empty() {
        return;
    }
    // A call may have ended in the accounts although the journal does not say so: ends are flushed there
    // before they are written here.
    let mut known: HashMap<CallId, Vec<UsageRecord>> = HashMap::new();
    if let Some(accounts) = &deps.accounts {
        let filter = Filter { calls: calls.iter().map(|call| call.id).collect(), ..Filter::default() };
        match accounts.attempts(&filter, None, MAX_ATTEMPTS).await {
            Ok(rows) => rows.into_iter().for_each(|row| known.entry(row.call_id).or_default().push(row)),
            Err(error) => {
                tracing::warn!(%stream, error = &error as &dyn std::error::Error, "which calls died is not known for sure");
            }
        }
    }
    for call in calls {
        let rows = known.remove(&call.id).unwrap_or_default();
        if let Some(attempt) = killed_attempt(&rows) {
            let (id, tags) = (call.id, with_stream(call.tags, stream));
            let row = UsageRecord::new(id, id.begun_at(), &call.participant, CallStatus::Killed);
            deps.sink.record(UsageRecord { attempt, tags, ..row });
        }
    }
    if let Err(error) = deps.sink.flush().await {
        tracing::warn!(%stream, error = &error as &dyn std::error::Error, "killed calls may be missing in the accounts");
    }
}

/// The attempt that died: the one after the failed ones. `None` if the accounts have an end of the call.
fn killed_attempt(rows: &[UsageRecord]) -> Option<u32> {
    let ended = |row: &UsageRecord| match row.status {
        CallStatus::Success | CallStatus::Cancelled | CallStatus::Killed => true,
        CallStatus::Failure | CallStatus::Retry => false,
    };
    let last = rows.iter().map(|row| row.attempt).max().unwrap_or(0);
    (!rows.iter().any(ended)).then(|| last.saturating_add(1))
}

/// The tags with the name of the work as their session, unless they name one. By it the accounts find the
/// calls of every durable work, whatever kind it is.
pub(crate) fn with_stream(tags: Tags, stream: &StreamName) -> Tags {
    if tags.session().is_some() { tags } else { tags.with_session(stream.as_str()) }
}
