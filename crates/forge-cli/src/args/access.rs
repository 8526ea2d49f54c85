//! `forge keys`, `forge teams` and `forge audit`, as typed.

use std::time::Duration;

use clap::{Subcommand, value_parser};
use forge::Money;

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key for a client of `forge serve`. The key goes to stdout, once; nobody can find it out later.
    Create(KeysCreate),
    /// List the keys, with their teams and states.
    List(KeysStore),
    /// Show a key and what it may use. Its secret is not kept.
    Show(KeysOne),
    /// Replace the whole of what a key may use, within a second and without a restart of the server.
    Set(KeysSet),
    /// Refuse a key until it is enabled again.
    Disable(KeysOne),
    /// Let a disabled key in again.
    Enable(KeysOne),
    /// Give a key another secret, which goes to stdout; name, budgets and accounts stay.
    Rotate(KeysRotate),
    /// Refuse a key for ever. Its name stays taken.
    Revoke(KeysOne),
    /// Show what a key has used of each budget, and its calls by model.
    Usage(KeysOne),
    /// Seal state of vendors, which clients carry, under another secret. What was sealed under the one before still opens.
    RotateSeal(KeysStore),
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeysCreate {
    /// What accounts, budgets and people call the key: letters, digits, `-`, `_` and `.`. Nobody else ever gets the name.
    pub(crate) name: String,
    /// The team whose budgets and limits hold as well.
    #[arg(long, value_name = "TEAM")]
    pub(crate) team: Option<String>,
    /// When it is refused: after this time (90d), from a day on (2027-03-01), or `never`.
    #[arg(long, value_name = "TIME", default_value = "90d")]
    pub(crate) expires: String,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    #[command(flatten)]
    pub(crate) allowance: AllowanceArgs,
    #[command(flatten)]
    pub(crate) store: KeysStore,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ScopeArgs {
    /// What it may do beside asking models: `events` sees the calls of all keys and what they cost; `attend` reads the
    /// sessions of its team that run, and decides and writes in them.
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<ScopeArg>,
}

/// What a key may do beside asking models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ScopeArg {
    Events,
    Attend,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeysOne {
    /// The id of the key, or its name.
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) store: KeysStore,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeysSet {
    /// The id of the key, or its name.
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
    #[command(flatten)]
    pub(crate) allowance: AllowanceArgs,
    #[command(flatten)]
    pub(crate) store: KeysStore,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeysRotate {
    /// The id of the key, or its name.
    pub(crate) key: String,
    /// How long the secret before opens the key as well, such as `1h`. Without it, that one is refused at once.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) overlap: Option<Duration>,
    /// When the key is refused from now on: after this time (90d), from a day on, or `never`. Unless given, as before.
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
    #[command(flatten)]
    pub(crate) store: KeysStore,
}

/// Whose keys.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct KeysStore {
    /// Those of a server with simulated vendors, which are kept apart.
    #[arg(long)]
    pub(crate) offline: bool,
}

/// What a key or a team may use. What is not named has no limit.
#[derive(Debug, clap::Args)]
pub(crate) struct AllowanceArgs {
    /// Only names of models like this, where `*` stands for any letters, such as `role:*`; may be repeated.
    #[arg(long, value_name = "GLOB")]
    pub(crate) models: Vec<String>,
    /// Dollars per day (UTC).
    #[arg(long, value_name = "USD", value_parser = money)]
    pub(crate) per_day_usd: Option<Money>,
    /// Tokens of both directions per day.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub(crate) per_day_tokens: Option<u64>,
    /// Dollars per month (UTC).
    #[arg(long, value_name = "USD", value_parser = money)]
    pub(crate) per_month_usd: Option<Money>,
    /// Tokens of both directions per month.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub(crate) per_month_tokens: Option<u64>,
    /// Dollars in all.
    #[arg(long, value_name = "USD", value_parser = money)]
    pub(crate) total_usd: Option<Money>,
    /// Tokens of both directions in all.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub(crate) total_tokens: Option<u64>,
    /// Requests per minute.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) rpm: Option<u32>,
    /// Tokens of both directions per minute.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub(crate) tpm: Option<u64>,
    /// Requests under way at once.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) concurrent: Option<u32>,
}

/// An amount as it is written, never rounded; more decimals than are kept are refused.
fn money(text: &str) -> Result<Money, String> {
    match text.parse::<Money>() {
        Ok(Money::ZERO) => {
            Err("nothing could be asked with it; `forge keys disable` refuses a key".to_owned())
        }
        Ok(money) => Ok(money),
        Err(error) => Err(error.to_string()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum TeamsCommand {
    /// Make a team, or replace the whole of what its keys together may use.
    Set(TeamsSet),
    /// List the teams and what their keys together may use.
    List(KeysStore),
    /// Delete a team without keys, or with revoked ones alone.
    Delete(TeamsDelete),
}

#[derive(Debug, clap::Args)]
pub(crate) struct TeamsSet {
    /// The team: letters, digits, `-`, `_` and `.`.
    pub(crate) team: String,
    #[command(flatten)]
    pub(crate) allowance: AllowanceArgs,
    #[command(flatten)]
    pub(crate) store: KeysStore,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TeamsDelete {
    /// The team.
    pub(crate) team: String,
    #[command(flatten)]
    pub(crate) store: KeysStore,
}

/// Show what was done to keys and teams, by whom and when.
#[derive(Debug, clap::Args)]
pub(crate) struct Audit {
    /// Only since then: how long ago (24h), a day (2026-11-21), or a whole time.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Check the whole log: that no entry was changed, taken out or put elsewhere. Exit code 1 if one was.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Check as well that the log still holds the entry of this hash, which was the newest when you kept it elsewhere.
    #[arg(long, value_name = "HASH")]
    pub(crate) expect: Option<String>,
    #[command(flatten)]
    pub(crate) store: KeysStore,
}
