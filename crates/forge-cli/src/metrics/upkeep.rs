//! `forge metrics prune`, `rebuild`, `forget` and `reprice`.

use std::{path::Path, process::ExitCode};

use chrono::{SecondsFormat, Utc};
use forge::{
    ModelTable,
    call::CallId,
    store::{Filter, Forgotten, Pruned, Repriced, StoreError, export},
};
use serde_json::{Value, json};

use super::{filter, json, open};
use crate::{
    args::{MetricsForget, MetricsPrune, MetricsRebuild, MetricsReprice, Upkeep},
    config,
    error::CliError,
    files, terminal,
};

#[allow(clippy::needless_pass_by_value, reason = "the shape that `map_err` asks for")]
fn failed(error: StoreError) -> CliError {
    CliError::store(&error)
}

/// Tells a program or a person what was done.
fn tell(args: &Upkeep, quiet: bool, text: &str, facts: Value) -> Result<ExitCode, CliError> {
    if args.json {
        terminal::json(&json::done(args.offline, facts))?;
    } else {
        terminal::note(quiet, text);
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn prune(args: &MetricsPrune, quiet: bool) -> Result<ExitCode, CliError> {
    let store = open(args.upkeep.offline)?;
    let before = filter::time(&args.before, Utc::now())?;
    let pruned = store.prune(before, args.archive.as_deref()).map_err(failed)?;
    let Pruned { attempts, before, freed_bytes } = pruned;
    let midnight = before.to_rfc3339_opts(SecondsFormat::Secs, true);
    let size = match freed_bytes {
        Some(0) => "the file has nothing to give back".to_owned(),
        Some(bytes) => format!("the file is {bytes} bytes smaller"),
        None => {
            "the file keeps its size, because it is in use or the disk is full; prune again later".to_owned()
        }
    };
    let text = format!(
        "{attempts} attempts that began before {midnight} removed: days are cut at midnight (UTC). Their sums stay; {size}"
    );
    let facts = json!({
        "attempts": attempts,
        "before": midnight,
        "freed_bytes": freed_bytes,
        "archive": args.archive,
    });
    tell(&args.upkeep, quiet, &text, facts)
}

pub(super) fn rebuild(args: &MetricsRebuild, quiet: bool) -> Result<ExitCode, CliError> {
    let days = open(args.upkeep.offline)?.rebuild().map_err(failed)?;
    let text = format!("the sums of {days} days were rebuilt from the attempts that are kept");
    tell(&args.upkeep, quiet, &text, json!({ "days": days }))
}

pub(super) fn forget(args: &MetricsForget, named: Option<&Path>, quiet: bool) -> Result<ExitCode, CliError> {
    let unknown = || {
        let what = format!("no call `{}` is recorded", args.call);
        CliError::usage(what, "`forge metrics export` names the calls")
    };
    let call: CallId = args.call.parse().map_err(|_| unknown())?;
    // Which budgets a call was booked in, only the configuration says.
    let plan = config::find_and_load(named)?.map(|loaded| loaded.file.plan).unwrap_or_default();
    let store = open(args.upkeep.offline)?;
    let mut budgets = Vec::new();
    let filter = Filter { calls: vec![call], ..Filter::default() };
    let booked = |one: &export::Attempt| {
        budgets.push((one.record.attempt, plan.budgets_of(&one.record)));
        Ok(())
    };
    if store.export(&filter, booked).map_err(failed)? == 0 {
        return Err(unknown());
    }
    let Forgotten { attempts, cost, tokens } = store.forget(call, budgets).map_err(failed)?;
    let text =
        format!("{attempts} attempts, {tokens} tokens and {cost} no longer count in any sum or budget");
    let facts = json!({
        "call_id": call,
        "attempts": attempts,
        "tokens": tokens,
        "cost_nano_usd": cost.nanos(),
        "cost_usd": export::dollars(cost),
    });
    tell(&args.upkeep, quiet, &text, facts)
}

pub(super) fn reprice(args: &MetricsReprice, quiet: bool) -> Result<ExitCode, CliError> {
    let now = Utc::now();
    let edge = |text: &Option<String>| text.as_deref().map(|text| filter::time(text, now)).transpose();
    let (since, until) = (edge(&args.since)?, edge(&args.until)?);
    let mut table = forge::models();
    let mut version = forge::price_version(&table);
    if let Some(path) = &args.prices {
        let rows = ModelTable::from_json(&files::read(path)?).map_err(|error| {
            CliError::content(path, "a table of models (rows as in `models.json`)", &error)
        })?;
        table.merge(&rows);
        // Costs keep the name of the table that they come from, so that a later question finds it.
        version = format!("{}, {}", path.display(), now.format("%F"));
    }
    let done = open(args.upkeep.offline)?.reprice(&table, since, until, &version);
    let Repriced { changed, unpriced, before, after } = done.map_err(failed)?;
    let text =
        format!("{changed} attempts cost {after} now instead of {before}; {unpriced} have no known price");
    let facts = json!({
        "changed": changed,
        "unpriced": unpriced,
        "before": json::cost(before),
        "after": json::cost(after),
        "price_version": version,
    });
    tell(&args.upkeep, quiet, &text, facts)
}
