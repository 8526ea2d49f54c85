//! What the page shows, gathered from the router, the accounts and the keys.

use std::{io, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use forge::{
    RunningSessions,
    layers::CacheFigures,
    router::RouteStatus,
    store::{Bucket, Figures, Filter, SqlPart, Store, StoreError, TrendPoint},
};
use forge_core::storage::access::{AccessList, KeyState, UsedBudget};
use serde_json::Value;

use crate::service::Service;

/// Calls and sessions that are shown.
const CALLS: usize = 100;
const SESSIONS: usize = 20;
/// Hours of the charts.
const HOURS: i64 = 24;
/// A file that is this slow shows nothing, and the server goes on.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the page shows.
#[derive(Debug)]
pub(super) struct View {
    pub(super) now: DateTime<Utc>,
    pub(super) under_way: usize,
    pub(super) cache: CacheFigures,
    pub(super) routes: Vec<RouteStatus>,
    pub(super) keys: Vec<KeyRow>,
    /// The names of the sessions that run here.
    pub(super) running: Vec<String>,
    pub(super) accounts: Option<Accounts>,
}

/// What the accounts say.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// Rows of the view `model_usage`, the newest first.
    pub(super) calls: Vec<Vec<Value>>,
    /// Rows of the view `sessions`, the newest first.
    pub(super) sessions: Vec<Vec<Value>>,
    /// The last hours, every one of them.
    pub(super) hours: Vec<TrendPoint>,
}

/// A key, and what is gone of its budgets and of its team's.
#[derive(Debug)]
pub(super) struct KeyRow {
    pub(super) name: Arc<str>,
    pub(super) team: Option<Arc<str>>,
    pub(super) state: KeyState,
    pub(super) budgets: Vec<UsedBudget>,
}

impl View {
    pub(super) async fn of(service: &Service) -> Self {
        let now = service.router.timer().now();
        let store = service.metrics.clone();
        let keys = match (service.access.list().await, &store) {
            (Some(list), Some(store)) => keys(&list, store, now).await,
            _ => Vec::new(),
        };
        let read = store.map(|store| tokio::task::spawn_blocking(move || accounts(&store, now)));
        let accounts = match read {
            Some(read) => read.await.ok().and_then(Result::ok),
            None => None,
        };
        let running = service.sessions.as_ref().map(RunningSessions::list).unwrap_or_default();
        Self {
            now,
            under_way: service.router.in_flight(),
            cache: service.router.cache_figures(),
            routes: service.router.routes(),
            keys,
            running: running.into_iter().map(|session| session.name.to_string()).collect(),
            accounts,
        }
    }
}

async fn keys(list: &AccessList, store: &Store, now: DateTime<Utc>) -> Vec<KeyRow> {
    let mut rows = Vec::new();
    for key in list.keys.iter().filter(|key| key.state != KeyState::Revoked) {
        // Budgets that cannot be read are left out, and the key is there.
        let budgets = list.used_budgets(key, store, now).await.unwrap_or_default();
        rows.push(KeyRow { name: Arc::clone(&key.name), team: key.team.clone(), state: key.state, budgets });
    }
    rows
}

/// Reads the accounts. Blocks.
fn accounts(store: &Store, now: DateTime<Utc>) -> Result<Accounts, StoreError> {
    let calls = format!(
        "SELECT started_at, coalesce(json_extract(tags, '$.alias'), role), provider, model, coalesce(error, status), total_tokens, cost_nano_usd,
            duration_ms, \"key\", session, CASE fallback WHEN 1 THEN coalesce((
                SELECT first.provider || ': ' || coalesce(first.error, first.status)
                FROM model_usage AS first WHERE first.call_id = shown.call_id AND first.attempt = 1), 'another') END
         FROM model_usage AS shown ORDER BY started_ms DESC LIMIT {CALLS}"
    );
    let sessions = format!(
        "SELECT session, title, status || coalesce(' (' || stop_reason || ')', ''), calls, cost_nano_usd, updated_at
         FROM sessions ORDER BY session DESC LIMIT {SESSIONS}"
    );
    let since = now - TimeDelta::hours(HOURS);
    let filter = Filter { since: Some(since), ..Filter::default() };
    let points = store.trend(&filter, Bucket::Hour)?;
    Ok(Accounts {
        calls: rows(store, &calls)?,
        sessions: rows(store, &sessions)?,
        hours: hours(points, since),
    })
}

fn rows(store: &Store, statement: &str) -> Result<Vec<Vec<Value>>, StoreError> {
    let mut rows = Vec::new();
    store.sql(statement, PATIENCE, |part| {
        if let SqlPart::Row(values) = part {
            rows.push(values.to_vec());
        }
        io::Result::Ok(())
    })?;
    Ok(rows)
}

/// Every hour from `since` on, whether or not there was a call in it.
fn hours(points: Vec<TrendPoint>, since: DateTime<Utc>) -> Vec<TrendPoint> {
    let first = since.timestamp().div_euclid(3_600) + 1;
    let mut points = points.into_iter().peekable();
    let mut all = Vec::new();
    for hour in first..first + HOURS {
        let Some(start) = DateTime::from_timestamp(hour * 3_600, 0) else { continue };
        while points.next_if(|point| point.start < start).is_some() {}
        let point = points.next_if(|point| point.start == start);
        all.push(point.unwrap_or_else(|| TrendPoint { start, figures: Figures::default() }));
    }
    all
}
