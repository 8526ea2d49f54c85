//! `forge fleet tune`: what the ends of beads say of the tiers.

use std::{collections::BTreeMap, process::ExitCode};

use forge::storage::queue::LeaseEnding;
use forge_worker::{WorkerTier, routing::TierRecord};
use serde_json::{Value, json};

use crate::{args::BeadPlace, bead::Desk, error::CliError, layout, terminal};

pub(super) async fn run(place: BeadPlace, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let desk = Desk::open(&place, quiet, as_json)?;
    let (snapshot, decisions) = (desk.snapshot().await?, desk.decisions().await?);
    // Of each bead the last decision, because the last lease is its end.
    let last: BTreeMap<_, Value> = decisions
        .into_iter()
        .map(|kept| (kept.task.to_string(), serde_json::from_str(&kept.decision).unwrap_or_default()))
        .collect();
    let mut records: BTreeMap<(u8, String), TierRecord> = BTreeMap::new();
    for bead in snapshot.beads() {
        let (Some(decision), Some(lease)) = (last.get(bead.id.as_str()), snapshot.lease(&bead.id)) else {
            continue;
        };
        let tier = decision["tier"].as_str().unwrap_or_default().to_owned();
        let record = records.entry((bead.priority, tier)).or_default();
        match lease.ended.as_ref().map(|(ending, _)| ending) {
            Some(LeaseEnding::Closed(_)) => record.closed += 1,
            Some(_) => record.returned += 1,
            None => {}
        }
        // Each claim before the last one came back.
        record.returned += u32::try_from(lease.generation.saturating_sub(1)).unwrap_or(u32::MAX);
    }
    let row = |((priority, tier), record): (&(u8, String), &TierRecord)| {
        json!({
            "priority": priority,
            "tier": tier,
            "closed": record.closed,
            "returned": record.returned,
            "proposal": tier.parse().ok().and_then(|tier| record.proposal(tier)).map(WorkerTier::as_str),
        })
    };
    let rows: Vec<Value> = records.iter().map(row).collect();
    if as_json {
        terminal::json(&json!({ "tiers": rows }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if rows.is_empty() {
        terminal::note(false, "no bead was handed out here yet, so that nothing can be said of the tiers");
        return Ok(ExitCode::SUCCESS);
    }
    let cells = |row: &Value| {
        let proposal =
            row["proposal"].as_str().map_or_else(|| "stay".to_owned(), |tier| format!("try {tier}"));
        vec![
            format!("P{}", row["priority"]),
            row["tier"].as_str().unwrap_or_default().to_owned(),
            row["closed"].to_string(),
            row["returned"].to_string(),
            proposal,
        ]
    };
    let cells: Vec<_> = rows.iter().map(cells).collect();
    terminal::out(&layout::table(&["priority", "tier", "closed", "returned", "proposal"], &[2, 3], &cells))?;
    Ok(ExitCode::SUCCESS)
}
