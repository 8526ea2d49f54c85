//! `forge bead`, as typed.

use std::{path::PathBuf, time::Duration};

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum BeadCommand {
    /// Add a bead: a task for a worker.
    Add(Box<BeadAdd>),
    /// List the beads that are not closed, and who has them.
    List(BeadList),
    /// List the beads that can be begun, the next one first.
    Ready(BeadReady),
    /// Show a bead, who has it, and why it can or cannot be begun.
    Show(BeadOne),
    /// Take the next bead, or this one, for a worker.
    ///
    /// Of all who ask at once each gets another one.
    Claim(BeadClaim),
    /// Keep a bead that was claimed for longer.
    Renew(BeadRenew),
    /// Give a bead back: it is open again.
    Release(BeadRelease),
    /// Close a bead, with what shows that it is done.
    Close(BeadClose),
    /// Have a bead wait for another one.
    ///
    /// A worker that has it gives it back.
    Dep(BeadDep),
    /// Take in beads from a file of JSON lines.
    ///
    /// Of a bead that is there already, the line with the newer `updated_at` wins.
    Import(BeadImport),
    /// Print all beads as JSON lines, sorted.
    Export(BeadPlace),
}

#[derive(Debug, clap::Args)]
pub(crate) struct BeadPlace {
    /// The folder whose queue it is (else `$FORGE_WORKSPACE`, else the nearest folder with `.beads` or `.git`).
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BeadAdd {
    /// What it is about, in one line.
    pub(crate) title: String,
    /// Its id; without it, one is made.
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// What has to be done.
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    pub(crate) description: String,
    /// When it counts as done, a point a line.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) acceptance: String,
    /// bug, feature, task, chore or epic.
    #[arg(long = "type", short = 't', value_name = "KIND", default_value = "task")]
    pub(crate) kind: String,
    /// 0 is the most urgent, 4 the least.
    #[arg(long, short, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=4))]
    pub(crate) priority: u8,
    /// A word to file it under; may be repeated.
    #[arg(long, value_name = "WORD")]
    pub(crate) label: Vec<String>,
    /// A bead that has to be closed before; may be repeated.
    #[arg(long, value_name = "ID")]
    pub(crate) blocked_by: Vec<String>,
    /// The bead that it is a part of.
    #[arg(long, value_name = "ID")]
    pub(crate) parent: Option<String>,
    #[command(flatten)]
    pub(crate) place: BeadPlace,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BeadList {
    /// Those of this status.
    #[arg(long, value_name = "STATUS", conflicts_with = "all")]
    pub(crate) status: Option<String>,
    /// Those that are closed as well.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) place: BeadPlace,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BeadReady {
    /// Say where the points of each come from.
    #[arg(long)]
    pub(crate) explain: bool,
    #[command(flatten)]
    pub(crate) place: BeadPlace,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BeadOne {
    /// The bead.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) place: BeadPlace,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WorkerArg {
    /// Who takes or has it (else `$FORGE_WORKER_ID`).
    #[arg(long, value_name = "NAME")]
    pub(crate) worker: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BeadClaim {
    /// The bead; without it, the next one.
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) worker: WorkerArg,
    /// For how long, unless it is renewed.
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = humantime::parse_duration)]
    pub(crate) ttl: Duration,
    #[command(flatten)]
    pub(crate) place: BeadPlace,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BeadRenew {
    /// The bead.
    pub(crate) id: String,
    /// The generation that the claim has given.
    #[arg(long, value_name = "N")]
    pub(crate) generation: u64,
    /// For how long from now on.
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = humantime::parse_duration)]
    pub(crate) ttl: Duration,
    #[command(flatten)]
    pub(crate) place: BeadPlace,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BeadRelease {
    /// The bead.
    pub(crate) id: String,
    /// The generation that the claim has given.
    #[arg(long, value_name = "N", required_unless_present = "force")]
    pub(crate) generation: Option<u64>,
    /// Take it from whoever has it; who did so and why goes into the audit log.
    #[arg(long, conflicts_with = "generation")]
    pub(crate) force: bool,
    /// Why it goes back.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) place: BeadPlace,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("evidence").required(true))]
pub(crate) struct BeadClose {
    /// The bead.
    pub(crate) id: String,
    /// The generation that the claim has given.
    #[arg(long, value_name = "N")]
    pub(crate) generation: u64,
    /// The commit that does it.
    #[arg(long, value_name = "HASH", group = "evidence")]
    pub(crate) commit: Option<String>,
    /// Nothing had to be done, for this reason.
    #[arg(long, value_name = "REASON", group = "evidence")]
    pub(crate) nothing_to_do: Option<String>,
    #[command(flatten)]
    pub(crate) place: BeadPlace,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BeadDep {
    /// The bead that waits.
    pub(crate) id: String,
    /// The one that it waits for.
    #[arg(long, value_name = "OTHER")]
    pub(crate) on: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// blocks, parent-child, conditional-blocks, waits-for, or a word that blocks nothing, such as related.
    #[arg(long = "type", short = 't', value_name = "KIND", default_value = "blocks")]
    pub(crate) kind: String,
    #[command(flatten)]
    pub(crate) worker: WorkerArg,
    #[command(flatten)]
    pub(crate) place: BeadPlace,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BeadImport {
    /// The file, or `-` for stdin.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) place: BeadPlace,
}
