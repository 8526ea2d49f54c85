//! `forge metrics`, as typed.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum MetricsCommand {
    /// Count calls, successes, errors, times, tokens and money, by provider, model and role or as you like.
    Summary(MetricsSummary),
    /// Write every attempt.
    Export(MetricsExport),
    /// Answer a question in SQL; changes nothing.
    ///
    /// The views `model_usage`, `model_metrics`, `tasks`, `sessions` and `findings` are stable, the tables behind them are
    /// not; docs/database.md names their columns and has examples.
    Sql(MetricsSql),
    /// Remove the attempts of old days; their sums stay. The file becomes smaller.
    Prune(MetricsPrune),
    /// Rebuild the sums from the attempts that are kept.
    Rebuild(MetricsRebuild),
    /// Take the recorded tokens and cost of a call out of every sum and budget, because they cannot be true. The call
    /// stays, with both unknown.
    Forget(MetricsForget),
    /// Recompute the costs of a period from its tokens, with corrected prices.
    Reprice(MetricsReprice),
}

#[derive(Debug, clap::Args)]
pub(crate) struct MetricsFilter {
    /// Only this provider; may be repeated, like all filters.
    #[arg(short, long = "provider", value_name = "ID")]
    pub(crate) providers: Vec<String>,
    /// Only this model.
    #[arg(short, long = "model", value_name = "MODEL")]
    pub(crate) models: Vec<String>,
    /// Only this role.
    #[arg(short, long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    /// Only this session.
    #[arg(long = "session", value_name = "ID")]
    pub(crate) sessions: Vec<String>,
    /// Only since then: how long ago (24h), a day (2026-11-21), or a whole time.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only before then.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Only attempts with this outcome.
    #[arg(long = "status", value_enum)]
    pub(crate) statuses: Vec<MetricsStatus>,
    /// Those of simulated calls, which are kept apart.
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricsStatus {
    Success,
    Failure,
    Retry,
    Cancelled,
    Killed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricsBy {
    Provider,
    Model,
    Role,
    Day,
    Hour,
    Status,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MetricsSummary {
    /// What to count by, such as `provider,day`; provider, model and role unless given.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) by: Vec<MetricsBy>,
    #[command(flatten)]
    pub(crate) filter: MetricsFilter,
    /// The format.
    #[arg(long, value_enum, default_value_t = SummaryFormat::Table)]
    pub(crate) format: SummaryFormat,
    /// Write a page with charts for a browser instead.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SummaryFormat {
    Table,
    Csv,
    Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MetricsExport {
    #[command(flatten)]
    pub(crate) filter: MetricsFilter,
    /// The format.
    #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
    pub(crate) format: ExportFormat,
    /// Where to write it; standard output unless given.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Comma-separated values with a heading.
    Csv,
    /// One JSON object per line.
    Jsonl,
    /// One JSON document.
    Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MetricsSql {
    /// One statement that only reads.
    #[arg(value_name = "STATEMENT")]
    pub(crate) statement: String,
    /// The format.
    #[arg(long, value_enum, default_value_t = SqlFormat::Table)]
    pub(crate) format: SqlFormat,
    /// How long the answer may take.
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    pub(crate) timeout: String,
    /// Ask about simulated calls, which are kept apart.
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SqlFormat {
    /// A table for people.
    Table,
    /// Comma-separated values with a heading.
    Csv,
    /// One JSON document, one row per line.
    Json,
}

/// What commands that change the accounts have in common.
#[derive(Debug, clap::Args)]
pub(crate) struct Upkeep {
    /// Those of simulated calls.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Whether a program reads what was done.
    #[arg(skip)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MetricsPrune {
    /// Remove the days before the one of this time: how long ago (90days), a day, or a whole time. The cut is at that
    /// day's midnight (UTC), so the day itself stays whole.
    #[arg(long, value_name = "TIME")]
    pub(crate) before: String,
    /// Write what is removed into this file first, one JSON object per line.
    #[arg(long, value_name = "FILE")]
    pub(crate) archive: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) upkeep: Upkeep,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MetricsForget {
    /// The call's id, as `metrics export` names it.
    pub(crate) call: String,
    #[command(flatten)]
    pub(crate) upkeep: Upkeep,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MetricsRebuild {
    #[command(flatten)]
    pub(crate) upkeep: Upkeep,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MetricsReprice {
    /// Only since then.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only before then.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Rows that replace built-in ones, as in the adapters' `models.json`.
    #[arg(long, value_name = "FILE.json")]
    pub(crate) prices: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) upkeep: Upkeep,
}

impl MetricsCommand {
    /// The same command, for a program that reads one JSON object.
    pub(crate) fn in_json(mut self) -> Self {
        match &mut self {
            Self::Summary(args) => args.format = SummaryFormat::Json,
            Self::Export(args) => args.format = ExportFormat::Json,
            Self::Sql(args) => args.format = SqlFormat::Json,
            Self::Prune(MetricsPrune { upkeep, .. })
            | Self::Rebuild(MetricsRebuild { upkeep })
            | Self::Forget(MetricsForget { upkeep, .. })
            | Self::Reprice(MetricsReprice { upkeep, .. }) => upkeep.json = true,
        }
        self
    }

    /// Whether stdout holds one JSON object.
    pub(crate) fn is_in_json(&self) -> bool {
        match self {
            Self::Summary(args) => args.format == SummaryFormat::Json,
            // With a file of its own, the document is not on stdout.
            Self::Export(args) => args.format == ExportFormat::Json && args.output.is_none(),
            Self::Sql(args) => args.format == SqlFormat::Json,
            // Of these the object comes with `--json` alone, which the caller looks at.
            Self::Prune(_) | Self::Rebuild(_) | Self::Forget(_) | Self::Reprice(_) => false,
        }
    }
}
