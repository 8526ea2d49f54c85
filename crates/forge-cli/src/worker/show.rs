//! What workers do.

use std::process::ExitCode;

use forge_worker::{
    AgentDefinition, HealthMonitor, TmuxSocket, WorkerHandle, WorkerId, WorkerLauncher, last_output,
};
use serde_json::{Value, json};

use super::{
    fault::{existing, missing, named, of_discovery, of_launch, of_tmux},
    form,
};
use crate::{error::CliError, layout, terminal};

/// As much as is read of the end of what a worker has shown.
const MOST: u64 = 16 * 1024 * 1024;

pub(super) async fn list(launcher: &WorkerLauncher, as_json: bool) -> Result<ExitCode, CliError> {
    let found = launcher.overview().await.map_err(|error| of_launch(&error))?;
    let workers: Vec<_> = found.iter().map(|(handle, seen)| form::worker(handle, seen)).collect();
    if as_json {
        terminal::json(&json!({ "workers": workers }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if workers.is_empty() {
        terminal::note(false, "there are no workers; `forge worker spawn NAME --agent AGENT` starts one");
        return Ok(ExitCode::SUCCESS);
    }
    let columns = ["worker", "status", "state", "source", "agent", "model", "tier", "since"];
    let row = |worker: &Value| columns.iter().map(|key| text(&worker[*key])).collect::<Vec<_>>();
    let rows: Vec<_> = workers.iter().map(row).collect();
    terminal::out(&layout::table(&columns, &[], &rows))?;
    Ok(ExitCode::SUCCESS)
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| if value.is_null() { "-".to_owned() } else { value.to_string() }, str::to_owned)
}

pub(super) async fn one(
    launcher: &WorkerLauncher,
    worker: String,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let id = named(worker)?;
    let handle = find(launcher, &id).await?;
    shown(launcher, &handle, as_json).await
}

async fn find(launcher: &WorkerLauncher, id: &WorkerId) -> Result<WorkerHandle, CliError> {
    // A damaged one is known to `observe`, which says so.
    let handles = launcher.list_workers().await.map_err(|error| of_launch(&error))?;
    let missing = || missing(id);
    handles.into_iter().find(|handle| handle.id == *id).ok_or_else(missing)
}

/// Prints one worker.
pub(super) async fn shown(
    launcher: &WorkerLauncher,
    handle: &WorkerHandle,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let refused = |error| of_launch(&error);
    let facts = launcher.health_facts(&handle.id).await.map_err(refused)?;
    let seen = launcher.observe(&handle.id).await.map_err(refused)?;
    let health = HealthMonitor::default().check(&facts, handle.restarts, seen.observed_at);
    let mut worker = form::worker(handle, &seen);
    worker["health"] = json!({
        "level": health.level.as_str(),
        "reasons": health.reasons,
        "unknown": health.unknown,
        "memory_bytes": facts.memory,
    });
    worker["warnings"] = json!(handle.warnings);
    if as_json {
        terminal::json(&worker)?;
        return Ok(ExitCode::SUCCESS);
    }
    let keys = [
        "worker",
        "status",
        "state",
        "source",
        "since",
        "evidence",
        "session_name",
        "agent",
        "model",
        "tier",
        "workspace",
        "bead",
        "pid",
        "restarts",
    ];
    let mut lines: Vec<_> = keys.iter().map(|key| format!("{key:<13} {}\n", text(&worker[*key]))).collect();
    let reasons =
        if health.reasons.is_empty() { String::new() } else { format!(": {}", health.reasons.join(", ")) };
    lines.push(format!("{:<13} {}{reasons}\n", "health", health.level.as_str()));
    terminal::out(&lines.concat())?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn logs(
    launcher: &WorkerLauncher,
    worker: String,
    lines: usize,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let (id, place) = existing(launcher, worker)?;
    let bytes = last_output(&place, MOST);
    let whole = String::from_utf8_lossy(&bytes);
    // What steers a terminal is no text: sequences go whole, and then every control character that is left.
    let whole = anstream::adapter::strip_str(&whole).to_string();
    let whole = layout::clean(&whole).into_owned();
    let all: Vec<&str> = whole.lines().collect();
    let end = &all[all.len().saturating_sub(lines)..];
    if as_json {
        terminal::json(&json!({ "worker": id.as_str(), "lines": end }))?;
    } else {
        let lines: Vec<_> = end.iter().map(|line| format!("{line}\n")).collect();
        terminal::out(&lines.concat())?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn discover(
    launcher: &WorkerLauncher,
    socket: Option<String>,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let socket = socket.map_or(TmuxSocket::Own, TmuxSocket::Named);
    let found = launcher.discover(&socket).await.map_err(|error| of_discovery(&error))?;
    let row = |worker: &forge_worker::DiscoveredWorker| {
        json!({
            "session_name": worker.session_name,
            "worker": worker.worker_id.as_str(),
            "worker_type": worker.worker_type.as_str(),
            "attached": worker.is_attached,
            "created_at": worker.created_at.to_rfc3339(),
        })
    };
    let workers: Vec<Value> = found.workers.iter().map(row).collect();
    if as_json {
        terminal::json(&json!({ "workers": workers }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let columns = ["worker", "session_name", "worker_type", "attached", "created_at"];
    let rows: Vec<Vec<String>> =
        workers.iter().map(|worker| columns.iter().map(|key| text(&worker[*key])).collect()).collect();
    terminal::out(&layout::table(&columns, &[], &rows))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn doctor(launcher: &WorkerLauncher, as_json: bool) -> Result<ExitCode, CliError> {
    let tmux = launcher.tmux().version().await;
    if let Err(error) = &tmux
        && !as_json
    {
        return Err(of_tmux(error));
    }
    let home = launcher.home();
    let agents: Vec<&str> = AgentDefinition::names().collect();
    let object = json!({
        "ok": tmux.is_ok(),
        "tmux": tmux.as_ref().ok(),
        "problem": tmux.as_ref().err().map(ToString::to_string),
        "socket": home.socket(),
        "folder": home.root().display().to_string(),
        "agents": agents,
    });
    let code = if tmux.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if as_json {
        terminal::json(&object)?;
        return Ok(code);
    }
    let line = |key: &str| format!("{key:<8} {}\n", text(&object[key]));
    let agents = format!("{:<8} {}\n", "agents", agents.join(", "));
    terminal::out(&[line("tmux"), line("socket"), line("folder"), agents].concat())?;
    Ok(code)
}
