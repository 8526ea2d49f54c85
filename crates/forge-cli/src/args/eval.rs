//! `forge eval`, as typed.

use std::path::PathBuf;

use forge::Money;

use super::Source;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum EvalCommand {
    /// Measure which critics find which planted faults, and at what price.
    Critics(Box<EvalCritics>),
    /// Report what panels find, from a file that says who found what.
    Panels(EvalPanels),
}

#[derive(Debug, clap::Args)]
pub(crate) struct EvalCritics {
    /// Measure these providers, by their ids; every configured one unless given.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) participants: Vec<String>,
    /// Read the documents of this folder in place of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub(crate) corpus: Option<PathBuf>,
    /// Take so many of the documents, as many of each kind as their shares allow, chosen by the seed.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) documents: Option<usize>,
    /// Have every text read so often: models do not answer twice alike.
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
    /// The most that all readings may cost, in dollars; 10 unless given.
    #[arg(long, value_name = "USD", env = "FORGE_MAX_COST", hide_env_values = true)]
    pub(crate) max_cost: Option<Money>,
    /// Show what it would use, and send nothing.
    #[arg(long = "dry-run")]
    pub(crate) dry: bool,
    /// With `--offline`: a simulated critic that finds critical, major and minor faults at these rates, and makes so many false
    /// claims in the mean of texts; may be repeated. Four of them unless given.
    #[arg(long, value_name = "NAME=CRITICAL,MAJOR,MINOR[,FALSE]")]
    pub(crate) simulate: Vec<Simulated>,
    /// With `--offline`: the correlation of the simulated critics, 0 to 1.
    #[arg(long, value_name = "C", default_value_t = 0.3, value_parser = share)]
    pub(crate) correlation: f64,
    #[command(flatten)]
    pub(crate) wish: EvalWish,
    #[command(flatten)]
    pub(crate) source: Source,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EvalPanels {
    /// A table with a row for each issue and a column of 0 and 1 for each participant, in CSV or, by its ending, JSON.
    pub(crate) file: PathBuf,
    /// A table of how many claims of each participant match no issue, with a row for each change.
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) false_claims: Option<PathBuf>,
    /// Only these participants; all of them unless given.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) participants: Vec<String>,
    /// Seed of the intervals that are drawn.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) wish: EvalWish,
}

/// Which panel is looked for, and where the page goes.
#[derive(Debug, clap::Args)]
pub(crate) struct EvalWish {
    /// Recommend the cheapest panel that finds this share of the issues, such as 0.8.
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "seats")]
    pub(crate) coverage: Option<f64>,
    /// Recommend the best panel of so many; 3 unless given.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) seats: Option<usize>,
    /// Write the report to this file as a page for a browser, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// A simulated critic, as typed.
#[derive(Debug, Clone)]
pub(crate) struct Simulated {
    pub(crate) name: String,
    pub(crate) rates: [f64; 3],
    pub(crate) false_claims: f64,
}

impl std::str::FromStr for Simulated {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "write a name and three rates, such as `quick=0.7,0.5,0.3`".to_owned();
        let (name, numbers) =
            text.split_once('=').filter(|(name, _)| !name.trim().is_empty()).ok_or_else(form)?;
        let (mut rates, mut false_claims) = ([0.0; 3], 1.0);
        let numbers: Vec<&str> = numbers.split(',').collect();
        if !matches!(numbers.len(), 3 | 4) {
            return Err(form());
        }
        for (rate, number) in rates.iter_mut().zip(&numbers) {
            *rate = share(number)?;
        }
        if let Some(number) = numbers.get(3) {
            false_claims = number.trim().parse().map_err(|_| form())?;
            if !(0.0..=100.0).contains(&false_claims) {
                return Err("false claims in the mean of texts are from 0 to 100".to_owned());
            }
        }
        Ok(Self { name: name.trim().to_owned(), rates, false_claims })
    }
}

fn share(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim().parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err("must be between 0 and 1".into()) }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(_) => Err("not a whole number".into()),
    }
}
