//! `forge prompts`, as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Source;

#[derive(Debug, Subcommand)]
pub(crate) enum PromptsCommand {
    /// List the prompts, where each comes from and which labels point to it.
    List(PromptsStore),
    /// Show a prompt: what it is for, its variables and its text.
    Show(PromptsShow),
    /// Print a prompt as a model would get it.
    Render(PromptsRender),
    /// Tell every mistake in the prompts, or in a folder of prompts, with its line.
    Check {
        /// A folder of prompts in place of those that are in use.
        folder: Option<PathBuf>,
    },
    /// Show what changed between two versions of a prompt.
    Diff(PromptsDiff),
    /// Write a prompt to begin with; under the name of a built-in one, a copy of it.
    Init(PromptsInit),
    /// List the versions of a prompt that were used, and how its labels were moved.
    Versions(PromptsOne),
    /// Set a label of a prompt to a version; sessions use what `production` points to.
    Label(PromptsLabel),
    /// Set a label of a prompt back to where it stood before.
    Rollback(PromptsRollback),
    /// Compare the versions of a prompt, or the arms of an experiment, by what came of their calls.
    Report(PromptsReport),
    /// Ask providers with prompts and hold what they answer against what a file expects.
    Test(PromptsTest),
    /// Say how good a session or a call was, for the report.
    Score(PromptsScore),
}

#[derive(Debug, Args)]
pub(crate) struct PromptsReport {
    /// The prompt or the experiment; all with calls unless named.
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) store: PromptsStore,
}

impl PromptsCommand {
    /// Where the providers come from that are asked; nobody is by most.
    pub(crate) fn source(&self) -> Source {
        match self {
            Self::Test(test) => test.source,
            _ => Source { offline: false, seed: 0 },
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PromptsTest {
    /// The tests, in YAML.
    pub(crate) file: PathBuf,
    /// Write the results as XML, in the form that CI systems show.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: Source,
}

#[derive(Debug, Args)]
pub(crate) struct PromptsScore {
    /// The name of a session, or the id of a call.
    #[arg(value_name = "SESSION|CALL")]
    pub(crate) subject: String,
    /// A number, such as 1 for good and 0 for bad. It takes the place of what you said before.
    #[arg(allow_negative_numbers = true)]
    pub(crate) value: f64,
    #[command(flatten)]
    pub(crate) store: PromptsStore,
}

#[derive(Debug, Args)]
pub(crate) struct PromptsOne {
    /// The prompt.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) store: PromptsStore,
}

#[derive(Debug, Args)]
pub(crate) struct PromptsShow {
    /// The prompt.
    pub(crate) name: String,
    /// The number of a version, or a label, in place of the file.
    #[arg(long = "at", value_name = "VERSION")]
    pub(crate) at: Option<String>,
    #[command(flatten)]
    pub(crate) store: PromptsStore,
}

#[derive(Debug, Args)]
pub(crate) struct PromptsRender {
    /// The prompt.
    pub(crate) name: String,
    /// A variable and its value; JSON where the prompt does not declare a text; may be repeated.
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub(crate) variables: Vec<String>,
    /// Read the variables from a file with a JSON object; `-` is standard input.
    #[arg(long = "vars", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The number of a version, or a label, in place of the file.
    #[arg(long = "at", value_name = "VERSION")]
    pub(crate) at: Option<String>,
    #[command(flatten)]
    pub(crate) store: PromptsStore,
}

#[derive(Debug, Args)]
pub(crate) struct PromptsDiff {
    /// The prompt.
    pub(crate) name: String,
    /// The number of a version, a label, `file` or `built-in`; `built-in` if there is one, else what `production` points to.
    pub(crate) from: Option<String>,
    /// The same for the other side; `file` unless said.
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) store: PromptsStore,
}

#[derive(Debug, Args)]
pub(crate) struct PromptsInit {
    /// The prompt, such as `release-notes` or `review/security`.
    pub(crate) name: String,
    /// The folder; that of `prompts.dir` in the configuration, else `.forge/prompts`, unless said.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Overwrite a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PromptsLabel {
    /// The prompt.
    pub(crate) name: String,
    /// The label and the number of a version, such as `production@7`; `production@file` takes the file as it is.
    #[arg(value_name = "LABEL@VERSION")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) store: PromptsStore,
}

#[derive(Debug, Args)]
pub(crate) struct PromptsRollback {
    /// The prompt.
    pub(crate) name: String,
    /// The label.
    #[arg(default_value = "production")]
    pub(crate) label: String,
    #[command(flatten)]
    pub(crate) store: PromptsStore,
}

/// Whose versions.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct PromptsStore {
    /// Versions and labels of simulated calls, which are kept apart.
    #[arg(long)]
    pub(crate) offline: bool,
}
