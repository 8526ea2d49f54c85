//! `forge fleet`, as typed.

use std::path::PathBuf;

use super::BeadPlace;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum FleetCommand {
    /// Start workers, hand out the beads that are ready, and watch over both.
    ///
    /// Ctrl-C hands nothing more out and waits for what is under way; a second one stops the workers.
    Run(Box<FleetRun>),
    /// Show the workers by tier, and how the beads stand.
    Status(BeadPlace),
    /// Propose other tiers from how beads ended. Nothing is changed.
    Tune(BeadPlace),
}

#[derive(Debug, clap::Args)]
pub(crate) struct FleetRun {
    /// The agent of every worker, such as `codex`.
    #[arg(long, value_name = "AGENT", required_unless_present = "offline")]
    pub(crate) agent: Option<String>,
    /// The model, as the agent calls it; without it, the agent's own choice.
    #[arg(long, value_name = "MODEL", default_value = "", hide_default_value = true)]
    pub(crate) model: String,
    /// Workers of the dearest tier.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) premium: usize,
    /// Workers of the middle tier; 1 where no tier is named.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) standard: usize,
    /// Workers of the cheapest tier.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) budget: usize,
    /// What the names of the workers begin with. Usually the name of the workspace.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Start workers again that crash: after 5 s, then twice as long, at most twice within 10 minutes.
    #[arg(long)]
    pub(crate) restart: bool,
    /// End when nothing is left to do, and stop the workers.
    #[arg(long)]
    pub(crate) until_empty: bool,
    /// Play it with scripted agents on an example repository of its own. Nothing of yours is touched, and nothing is paid.
    #[arg(long, conflicts_with_all = ["agent", "model", "workspace", "until_empty", "name"])]
    pub(crate) offline: bool,
    /// Beads of the example.
    #[arg(long, value_name = "N", default_value_t = 5, requires = "offline", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) beads: u32,
    /// The folder of the example; it must not be there yet. Usually one in the folder for temporary files.
    #[arg(long, value_name = "DIR", requires = "offline")]
    pub(crate) folder: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: BeadPlace,
}
