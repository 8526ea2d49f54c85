//! Takes back figures that cannot be true.

use forge_core::{Money, call::CallId};
use rusqlite::{Connection, params};
use serde::Serialize;

use crate::{
    error::StoreError,
    ledger::Sums,
    row::{self, Row, unsigned},
    schema::Durability,
    store::Store,
};

/// What [`Store::forget`] took back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Forgotten {
    /// Attempts whose tokens and cost are unknown now.
    pub attempts: u64,
    /// What they were said to have cost, as far as it was known.
    #[serde(rename = "cost_nano_usd")]
    pub cost: Money,
    /// Their tokens of all classes.
    pub tokens: u64,
}

impl Store {
    /// Makes the tokens and the cost of a call unknown, in attempts, sums and budgets: its vendor told what cannot be
    /// true. `budgets` names, for each attempt, the budgets that it was booked on. Blocks.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn forget(&self, call: CallId, budgets: Vec<(u32, Vec<String>)>) -> Result<Forgotten, StoreError> {
        self.ask_and_wait(move |writer| {
            writer.transact(Durability::Disk, |conn, _| forget(conn, call, &budgets).map(Ok::<_, StoreError>))
        })??
    }
}

fn forget(conn: &Connection, call: CallId, budgets: &[(u32, Vec<String>)]) -> rusqlite::Result<Forgotten> {
    let mut find = conn.prepare(&format!("SELECT {} FROM attempts WHERE call_id = ?1", row::COLUMNS))?;
    let rows = find.query_map([call.as_u128().to_be_bytes()], Row::read)?.collect::<Result<Vec<_>, _>>()?;
    let mut update = conn.prepare(
        "UPDATE attempts SET input = NULL, cache_read = NULL, cache_write_5m = NULL, cache_write_1h = NULL,
             output = NULL, reasoning = NULL, other_input = NULL, cost = NULL
         WHERE started_at = ?1 AND call_id = ?2 AND attempt = ?3",
    )?;
    let mut release = conn.prepare(
        "UPDATE budgets SET money = max(0, money - ?2), tokens = max(0, tokens - ?3) WHERE key = ?1",
    )?;
    let (mut sums, mut forgotten) = (Sums::default(), Forgotten::default());
    for old in &rows {
        let new = Row { tokens: [None; 7], cost: None, ..old.clone() };
        if new == *old {
            continue;
        }
        update.execute(params![old.started_at, old.call, old.attempt])?;
        sums.count(old, -1);
        sums.count(&new, 1);
        let (cost, tokens) = (old.cost.unwrap_or(0), old.tokens.iter().flatten().sum::<i64>());
        let booked = budgets.iter().filter(|(attempt, _)| *attempt == old.attempt);
        for key in booked.flat_map(|(_, keys)| keys) {
            release.execute(params![key, cost, tokens])?;
        }
        forgotten.attempts += 1;
        forgotten.cost += Money::from_nanos(unsigned(cost));
        forgotten.tokens += unsigned(tokens);
    }
    sums.apply(conn)?;
    Ok(forgotten)
}
