//! `forge worker spawn`.

use std::process::ExitCode;

use forge_worker::{LaunchConfig, SpawnRequest, WorkerLauncher, WorkerTier, worktree};

use super::{fault::of_launch, show::shown};
use crate::{args::WorkerSpawn, error::CliError, paths::variable, terminal};

pub(super) async fn spawn(
    launcher: &WorkerLauncher,
    args: WorkerSpawn,
    quiet: bool,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let name = args.worker.clone();
    let config = config(args, quiet)?;
    let spawned = launcher.spawn(SpawnRequest::new(name, config)).await;
    let handle = spawned.map_err(|error| of_launch(&error))?;
    for warning in &handle.warnings {
        terminal::note(quiet, warning);
    }
    let attach = format!("`forge worker attach {}` shows it", handle.id);
    terminal::note(quiet, &attach);
    shown(launcher, &handle, as_json).await
}

fn config(args: WorkerSpawn, quiet: bool) -> Result<LaunchConfig, CliError> {
    let tier: WorkerTier = args.tier.parse().map_err(|_| {
        CliError::usage(format!("there is no tier `{}`", args.tier), "premium, standard or budget")
    })?;
    let has_repository = !args.in_place && worktree::repository(&args.workspace).is_some();
    if !args.in_place && !has_repository {
        let note =
            format!("{} is in no git repository: the agent works in it itself", args.workspace.display());
        terminal::note(quiet, &note);
    }
    let agent = args.agent;
    let named = args.launcher.clone().or_else(|| agent.clone()).unwrap_or_default();
    let mut config = LaunchConfig::new(named, args.session, args.workspace, args.model)
        .with_tier(tier)
        .with_timeout(args.timeout)
        .with_worktree(has_repository)
        .with_arguments(args.arguments);
    for name in args.env {
        let missing = || CliError::usage(format!("`{name}` is not set"), "set it, or leave `--env` out");
        config = config.with_env(&name, variable(&name).ok_or_else(missing)?);
    }
    if let Some(bead) = args.bead {
        config = config.with_bead(bead);
    }
    if let Some(prompt) = args.prompt {
        config = config.with_prompt(prompt);
    }
    if let Some(pattern) = args.ready {
        config = config.with_ready(pattern);
    }
    if let (Some(agent), Some(_)) = (agent, args.launcher) {
        config = config.with_agent(agent);
    }
    Ok(config)
}
