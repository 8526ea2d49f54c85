//! `forge batch`, as typed.

use std::path::PathBuf;

use forge::Money;

use super::Source;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum BatchCommand {
    /// Answer a file of requests, or go on with it.
    Run(Box<BatchRun>),
}

/// Answer every line of a file, in the order of the lines.
///
/// A line is a request as `forge ask --request` takes it, with a `custom_id` if you like, or one in the form of the batch
/// interfaces of OpenAI or Anthropic. The same command goes on after a kill, an interrupt or a cap; no answer that is there is
/// paid for again.
#[derive(Debug, clap::Args)]
pub(crate) struct BatchRun {
    /// The requests, one JSON object in each line.
    #[arg(value_name = "IN.jsonl")]
    pub(crate) input: PathBuf,
    /// The answers, a line for each line; it grows as `OUT.jsonl.part` and gets its name when it is complete.
    #[arg(short, long, value_name = "OUT.jsonl")]
    pub(crate) output: PathBuf,
    /// Ask whoever plays this role, whatever model a line names.
    #[arg(short, long, conflicts_with = "provider")]
    pub(crate) role: Option<String>,
    /// Ask this provider; see `forge providers list`.
    #[arg(short, long, value_name = "ID")]
    pub(crate) provider: Option<String>,
    /// Ask this model, whatever model a line names.
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Calls that are under way at once.
    #[arg(short, long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: u16,
    /// The most that the whole batch may cost, in dollars, with what earlier runs of it have spent.
    #[arg(long, value_name = "USD", env = "FORGE_MAX_COST", hide_env_values = true)]
    pub(crate) max_cost: Option<Money>,
    /// Once it is complete, ask the lines again that failed.
    #[arg(long)]
    pub(crate) retry_failed: bool,
    #[command(flatten)]
    pub(crate) source: Source,
}
