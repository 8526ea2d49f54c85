//! `forge fleet run`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use chrono::Utc;
use forge::{store::Store, time::SystemTimer};
use forge_worker::{
    LaunchConfig, StatusWatcher, TaskQueue, WorkerHome, WorkerLauncher, WorkerTier,
    fleet::{Fleet, FleetError, FleetNews, FleetPlan, FleetState},
    worktree,
};
use serde_json::json;

use crate::{
    args::FleetRun,
    bead::Desk,
    error::CliError,
    paths::paths,
    signals::Interrupts,
    terminal::{self, note},
    worker,
};

/// Where a fleet works.
pub(super) struct Ground {
    pub(super) launcher: WorkerLauncher,
    pub(super) store: Arc<Store>,
    pub(super) queue: Arc<TaskQueue>,
}

/// What has happened.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) started: usize,
    handed_out: usize,
    pub(super) closed: usize,
    taken_back: usize,
    left: Vec<String>,
}

pub(super) async fn of_workspace(args: FleetRun, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let desk = Desk::open(&args.place, quiet, as_json)?;
    let no_state = || CliError::usage("there is no folder for the state", "set FORGE_HOME to one, or HOME");
    let home = WorkerHome::new(paths().state.ok_or_else(no_state)?);
    let workspace = PathBuf::from(desk.queue.name());
    let (launcher, queue) = (WorkerLauncher::with_home(home), Arc::new(desk.queue));
    let ground = Ground { launcher, store: desk.store, queue };
    // Before the first bead is there, or a fleet would wait for it in vain.
    let agent = args.agent.as_deref().unwrap_or_default();
    ground.launcher.knows(agent).map_err(|error| worker::of_launch(&error))?;
    let config =
        LaunchConfig::new(args.agent.clone().unwrap_or_default(), "", &workspace, args.model.clone())
            .with_worktree(worktree::repository(&workspace).is_some());
    let name = args.name.clone().unwrap_or_else(|| named(&workspace));
    let has_tier = args.premium + args.standard + args.budget > 0;
    let plan = FleetPlan::new(name)
        .with_workers(WorkerTier::Premium, args.premium)
        .with_workers(WorkerTier::Standard, if has_tier { args.standard } else { 1 })
        .with_workers(WorkerTier::Budget, args.budget)
        .with_restart(args.restart)
        .with_seed(std::process::id())
        .until_empty(args.until_empty);
    let tally = work(&ground, plan, config, quiet).await?;
    tally.tell(as_json)?;
    Ok(ExitCode::SUCCESS)
}

/// The name of a folder as the beginning of names of workers.
fn named(workspace: &Path) -> String {
    let name = workspace.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let name: String = plain.take(40).collect();
    let name = name.trim_start_matches('-');
    if name.is_empty() { "fleet".to_owned() } else { name.to_owned() }
}

/// Runs a fleet until it has ended, or is interrupted and drained.
pub(super) async fn work(
    ground: &Ground,
    plan: FleetPlan,
    config: LaunchConfig,
    quiet: bool,
) -> Result<Tally, CliError> {
    let program =
        std::env::current_exe().map_err(|error| CliError::failed("this program has no path", &error))?;
    let mut interrupts = Interrupts::new()?;
    let watcher = StatusWatcher::new(ground.launcher.home(), SystemTimer::shared());
    let mut watcher = watcher.map_err(|error| CliError::failed("files cannot be watched", &error))?;
    let (queue, store) = (Arc::clone(&ground.queue), ground.store.clone());
    let mut fleet = Fleet::new(ground.launcher.clone(), queue, store, plan, config, program);
    let (mut tally, mut told) = (Tally::default(), None);
    let mut is_draining = false;
    loop {
        let looked = fleet.look(Utc::now()).await;
        let news = looked.map_err(refused)?;
        let is_over = news.contains(&FleetNews::End);
        for one in &news {
            tally.count(one);
            note(quiet, &sentence(one));
        }
        let failed = news.iter().find_map(|one| match one {
            FleetNews::NotStarted(_, why) => Some(why),
            _ => None,
        });
        // Where workers run, those of an earlier fleet among them, the work goes on without the missing one.
        if let Some(why) = failed.filter(|_| tally.started == 0 && fleet.running() == 0) {
            return Err(CliError::usage(
                format!("no worker can be started: {why}"),
                "`forge worker doctor` says what this machine lacks",
            ));
        }
        if is_over {
            stop(&fleet, quiet).await;
            return Ok(tally);
        }
        if is_draining && fleet.busy().is_empty() {
            note(
                quiet,
                "nothing is under way any more; the workers stay: `forge worker list`, `forge worker stop NAME`",
            );
            return Ok(tally);
        }
        if told != Some(fleet.state()) {
            told = Some(fleet.state());
            note(quiet, words(fleet.state()));
        }
        tokio::select! {
            _ = watcher.changed() => {}
            () = interrupts.next() => {
                if is_draining {
                    stop(&fleet, quiet).await;
                    return Ok(tally);
                }
                is_draining = true;
                fleet.drain();
                let busy: Vec<_> = fleet.busy().iter().map(ToString::to_string).collect();
                if !busy.is_empty() {
                    note(quiet, &format!("waits for {}; Ctrl-C again stops the workers", busy.join(", ")));
                }
            }
        }
    }
}

fn refused(error: FleetError) -> CliError {
    match error {
        FleetError::NameTaken { .. } => CliError::usage(
            error.to_string(),
            "such as `forge fleet run --name NAME`; `forge worker list` shows who is there",
        ),
        error => CliError::failed("the fleet cannot go on", &error),
    }
}

async fn stop(fleet: &Fleet, quiet: bool) {
    for (worker, error) in fleet.stop().await {
        note(quiet, &format!("{worker} did not stop: {error}"));
    }
}

const fn words(state: FleetState) -> &'static str {
    match state {
        FleetState::Working => "there is work",
        FleetState::Idle => "nothing is ready; waits for beads",
        FleetState::AllClaimed => "nothing is ready; workers of others have what is left",
        _ => "the queue cannot be seen; tries again",
    }
}

fn sentence(news: &FleetNews) -> String {
    match news {
        FleetNews::Started(worker) => format!("{worker} starts"),
        FleetNews::NotStarted(worker, why) => format!("{worker} does not start: {why}"),
        FleetNews::GaveUp(worker, why) => format!("{worker} stays down: {why}"),
        FleetNews::HandedOut(decision, _) => {
            format!(
                "{} to {} ({}, {})",
                decision.bead, decision.chosen_worker, decision.tier, decision.reason
            )
        }
        FleetNews::NotHandedOut(bead, why) => format!("{bead} was not handed out: {why}"),
        FleetNews::TakenBack(bead, worker, why) => format!("{bead} is back from {worker}: {why}"),
        FleetNews::Left(bead) => {
            format!("{bead} came back three times and is left to people; `forge bead show {bead}`")
        }
        FleetNews::Closed(bead, worker) => format!("{bead} is closed by {worker}"),
        FleetNews::Blind(why) => format!("the queue cannot be seen: {why}"),
        _ => "nothing is left to do".to_owned(),
    }
}

impl Tally {
    fn count(&mut self, news: &FleetNews) {
        match news {
            FleetNews::Started(_) => self.started += 1,
            FleetNews::HandedOut(..) => self.handed_out += 1,
            FleetNews::Closed(..) => self.closed += 1,
            FleetNews::TakenBack(..) => self.taken_back += 1,
            FleetNews::Left(bead) => self.left.push(bead.to_string()),
            _ => {}
        }
    }

    pub(super) fn tell(&self, as_json: bool) -> Result<(), CliError> {
        if as_json {
            return terminal::json(&json!({
                "started": self.started,
                "handed_out": self.handed_out,
                "closed": self.closed,
                "taken_back": self.taken_back,
                "left_to_people": self.left,
            }));
        }
        let line = format!(
            "{} handed out, {} closed, {} taken back\n",
            self.handed_out, self.closed, self.taken_back
        );
        terminal::out(&line)
    }
}
