//! `forge config`, as typed.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Write a commented configuration to start from.
    Init(ConfigInit),
    /// Name every mistake in the configuration; sends nothing.
    Check(ConfigCheck),
    /// Show the configuration in use, without secrets.
    Show(ConfigShow),
    /// Write a configuration from that of another program.
    Import(ConfigImport),
    /// Print the JSON Schema of the configuration, for editors.
    Schema,
    /// Let a file in the working directory set endpoints, headers, literal keys and prompts, as long as it and its
    /// prompts stay as they are. Shows what is new and asks.
    Trust(ConfigTrust),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ConfigInit {
    /// Where to write it; ./forge.yaml unless given.
    pub(crate) file: Option<PathBuf>,
    /// Overwrite the file if it exists.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ConfigCheck {
    /// The file to check; the one in use unless given.
    pub(crate) file: Option<PathBuf>,
    /// Treat warnings as mistakes.
    #[arg(long)]
    pub(crate) strict: bool,
    /// How to report.
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub(crate) format: CheckFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// A line for each problem, on stderr.
    Text,
    /// One object, on stdout.
    Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ConfigShow {
    /// Show every setting that applies, including the defaults of those that are not written.
    #[arg(long)]
    pub(crate) resolved: bool,
    /// Show where each value comes from.
    #[arg(long)]
    pub(crate) origin: bool,
    /// The format.
    #[arg(long, value_enum, default_value_t = ShowFormat::Yaml)]
    pub(crate) format: ShowFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowFormat {
    Yaml,
    Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ConfigImport {
    /// The program whose file it is.
    #[arg(value_enum)]
    pub(crate) program: ImportProgram,
    /// Its file.
    pub(crate) file: PathBuf,
    /// Where to write the configuration; stdout unless given.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Overwrite the file if it exists.
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportProgram {
    /// The file of LiteLLM's proxy.
    Litellm,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ConfigTrust {
    /// The file; ./forge.yaml unless given.
    pub(crate) file: Option<PathBuf>,
    /// Do not ask. Without a terminal, nothing is asked either.
    #[arg(long)]
    pub(crate) yes: bool,
}
