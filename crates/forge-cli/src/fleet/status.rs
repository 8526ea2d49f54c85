//! `forge fleet status`.

use std::{collections::BTreeMap, process::ExitCode, sync::Arc};

use chrono::Utc;
use forge::storage::queue::DecisionLog as _;
use forge_worker::{BeadStatus, TaskQueue, WorkerHome, WorkerLauncher, WorkerStatus, WorkerTier};
use serde_json::json;

use crate::{args::BeadPlace, bead, error::CliError, layout, metrics, paths::paths, terminal};

pub(super) async fn run(place: BeadPlace, as_json: bool) -> Result<ExitCode, CliError> {
    let workspace = bead::workspace(place.workspace)?;
    let store = Arc::new(metrics::open(false)?);
    let queue = TaskQueue::open(&workspace, store.clone()).map_err(|error| bead::refused(error, None))?;
    let snapshot = queue.snapshot(Utc::now()).await.map_err(|error| bead::refused(error, None))?;
    let failed = |error| CliError::failed("the decisions cannot be read", &error);
    let decisions = store.decisions(queue.name(), None).await.map_err(failed)?.len();
    let mut tiers: BTreeMap<WorkerTier, BTreeMap<&str, usize>> =
        WorkerTier::ALL.into_iter().map(|tier| (tier, BTreeMap::new())).collect();
    if let Some(state) = paths().state {
        let found = WorkerLauncher::with_home(WorkerHome::new(state)).overview().await;
        let found = found.map_err(|error| CliError::failed("the workers cannot be seen", &error))?;
        for (handle, seen) in found {
            *tiers.entry(handle.tier).or_default().entry(seen.state.status().as_str()).or_default() += 1;
        }
    }
    let ready = snapshot.ready(&[]).len();
    let claimed = snapshot.beads().iter().filter(|bead| snapshot.held(&bead.id).is_some()).count();
    let closed = snapshot.beads().iter().filter(|bead| bead.status == BeadStatus::Closed).count();
    let waiting = snapshot.beads().len() - ready - claimed - closed;
    let beads = json!({ "ready": ready, "claimed": claimed, "waiting": waiting, "closed": closed });
    if as_json {
        let words = |counts: &BTreeMap<&str, usize>| -> serde_json::Map<_, _> {
            WorkerStatus::ALL
                .iter()
                .map(|status| (status.as_str().to_owned(), json!(counts.get(status.as_str()).unwrap_or(&0))))
                .collect()
        };
        let workers: serde_json::Map<_, _> =
            tiers.iter().map(|(tier, counts)| (tier.as_str().to_owned(), words(counts).into())).collect();
        terminal::json(&json!({ "workers": workers, "beads": beads, "decisions": decisions }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |(tier, counts): (&WorkerTier, &BTreeMap<&str, usize>)| {
        let count = |status: &WorkerStatus| counts.get(status.as_str()).unwrap_or(&0).to_string();
        [tier.as_str().to_owned()].into_iter().chain(WorkerStatus::ALL.iter().map(count)).collect::<Vec<_>>()
    };
    let rows: Vec<_> = tiers.iter().map(row).collect();
    let columns: Vec<&str> =
        ["tier"].into_iter().chain(WorkerStatus::ALL.iter().map(|status| status.as_str())).collect();
    terminal::out(&layout::table(&columns, &[], &rows))?;
    let line = format!(
        "beads: {ready} ready, {claimed} claimed, {waiting} waiting, {closed} closed; {decisions} decisions kept\n"
    );
    terminal::out(&line)?;
    Ok(ExitCode::SUCCESS)
}
