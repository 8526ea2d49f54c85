//! `forge fleet run --offline`: three scripted agents on an example repository.

use std::{
    fs,
    path::Path,
    process::{Command, ExitCode},
    sync::Arc,
};

use chrono::Utc;
use forge_worker::{
    LaunchConfig, NewBead, TaskQueue, WorkerHome, WorkerLauncher, WorkerTier, fleet::FleetPlan,
};

use super::run::{Ground, work};
use crate::{args::FleetRun, bead, error::CliError, metrics, terminal::note};

/// What the example is about: files that do not meet.
const TOPICS: [&str; 5] = ["retries", "deadlines", "budgets", "leases", "worktrees"];

pub(super) async fn run(args: FleetRun, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let folder = args.folder.unwrap_or_else(|| {
        std::env::temp_dir().join(format!("forge-fleet-{}-{}", std::process::id(), Utc::now().timestamp()))
    });
    let repository = folder.join("example");
    create(&folder, &repository)
        .map_err(|error| CliError::failed("the example repository was not made", &error))?;
    let home = folder.canonicalize().map_err(|error| CliError::file(&folder, &error))?.join("state");
    let store = Arc::new(metrics::open_at(&home.join("forge.db"))?);
    let queue = TaskQueue::open(&repository, store.clone()).map_err(|error| bead::refused(error, None))?;
    add(&queue, args.beads).await?;
    let ground =
        Ground { launcher: WorkerLauncher::with_home(WorkerHome::new(&home)), store, queue: Arc::new(queue) };
    let look = format!("FORGE_HOME={} forge top --workspace {}", home.display(), repository.display());
    note(quiet, &format!("three scripted agents in {}; look with\n  {look}", repository.display()));
    let plan = WorkerTier::ALL
        .into_iter()
        .fold(FleetPlan::new("demo").until_empty(true), |plan, tier| plan.with_workers(tier, 1));
    let config = LaunchConfig::new("sim", "", &repository, "").with_worktree(true);
    let tally = work(&ground, plan, config, quiet).await?;
    tally.tell(as_json)?;
    note(
        quiet,
        &format!(
            "what the agents committed: git -C {} log --oneline --all\nwhat is left of it all: rm -r {}",
            repository.display(),
            folder.display()
        ),
    );
    Ok(if tally.closed == args.beads as usize { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A git repository with one commit.
fn create(folder: &Path, repository: &Path) -> Result<(), std::io::Error> {
    // One that is there belongs to somebody.
    fs::create_dir(folder)?;
    fs::create_dir(folder.join("state"))?;
    fs::create_dir(repository)?;
    fs::write(repository.join("README.md"), "# An example\n\nNotes on one topic each.\n")?;
    let commit =
        ["-c", "user.name=forge", "-c", "user.email=forge@example.com", "commit", "--quiet", "-m", "Begin"];
    for arguments in [&["init", "--quiet"][..], &["add", "--all"], &commit] {
        let output = Command::new("git").args(arguments).current_dir(repository).output()?;
        if !output.status.success() {
            return Err(std::io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
    }
    Ok(())
}

async fn add(queue: &TaskQueue, beads: u32) -> Result<(), CliError> {
    for number in 0..beads {
        let topic = TOPICS[number as usize % TOPICS.len()];
        let mut bead = NewBead::new(format!("Write a note on {topic}"));
        bead.priority = u8::try_from(number % 5).unwrap_or_default();
        bead.description = format!("write notes/{topic}-{number}.md A note on {topic}.\nwork 1500");
        bead.acceptance = format!("notes/{topic}-{number}.md is committed");
        queue.add(&bead, Utc::now()).await.map_err(|error| bead::refused(error, None))?;
    }
    Ok(())
}
