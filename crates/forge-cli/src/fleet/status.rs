//! `forge fleet status`.

use std::{collections::BTreeMap, process::ExitCode};

use forge_worker::{WorkerHome, WorkerLauncher, WorkerStatus, WorkerTier, queue::Standing};
use serde_json::json;

use crate::{args::BeadPlace, bead::Desk, error::CliError, layout, paths::paths, terminal};

pub(super) async fn run(place: BeadPlace, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let desk = Desk::open(&place, quiet, as_json)?;
    let snapshot = desk.snapshot().await?;
    let decisions = desk.decisions().await?.len();
    let mut tiers: BTreeMap<WorkerTier, BTreeMap<&str, usize>> =
        WorkerTier::ALL.into_iter().map(|tier| (tier, BTreeMap::new())).collect();
    if let Some(state) = paths().state {
        let found = WorkerLauncher::with_home(WorkerHome::new(state)).overview().await;
        let found = found.map_err(|error| CliError::failed("the workers cannot be seen", &error))?;
        for (handle, seen) in found {
            *tiers.entry(handle.tier).or_default().entry(seen.state.status().as_str()).or_default() += 1;
        }
    }
    let standings = snapshot.standings();
    let count = |is: fn(&Standing) -> bool| standings.iter().filter(|(_, standing)| is(standing)).count();
    let ready = count(|standing| matches!(standing, Standing::Ready(_)));
    let claimed = count(|standing| matches!(standing, Standing::Claimed(_)));
    let waiting = count(|standing| matches!(standing, Standing::Waiting(_)));
    let closed = count(|standing| matches!(standing, Standing::Closed));
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
