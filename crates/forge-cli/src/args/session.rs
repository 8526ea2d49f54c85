//! `forge run`, `forge resume` and `forge sessions`, as typed.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use forge::Money;

use super::Source;

/// Draft, criticise, revise and check: one document from several models, with everything to check it by.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// What is wanted; `-` reads it from standard input.
    #[arg(required_unless_present_any = ["file", "draft"])]
    pub(crate) prompt: Option<String>,
    /// Read what is wanted from this file.
    #[arg(short, long, value_name = "FILE", conflicts_with = "prompt")]
    pub(crate) file: Option<PathBuf>,
    /// Judge and revise this text instead of a draft by a model.
    #[arg(long, value_name = "FILE")]
    pub(crate) draft: Option<PathBuf>,
    /// How deep it goes: one draft; a draft, one critic and a revision; or a panel of critics.
    #[arg(long, value_enum, default_value_t = RunMode::Council)]
    pub(crate) mode: RunMode,
    /// How often it is criticised and revised, at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3))]
    pub(crate) cycles: Option<u32>,
    /// Compare the result with the draft alone.
    #[arg(long)]
    pub(crate) compare: bool,
    #[command(flatten)]
    pub(crate) topic: TopicArgs,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
    #[command(flatten)]
    pub(crate) source: Source,
}

/// What a session is about, and how much of everything it may have.
#[derive(Debug, clap::Args)]
pub(crate) struct TopicArgs {
    /// How many critics read the draft.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8))]
    pub(crate) critics: Option<u32>,
    /// What the critics look for in particular, one for each seat: security, correctness, performance, operations,
    /// clarity, simplicity, tests, readability, or one from the folder of your own prompts. May be repeated.
    #[arg(long = "lens", value_name = "NAME")]
    pub(crate) lenses: Vec<String>,
    /// What kind of document it is.
    #[arg(long, value_enum, default_value_t = RunOutput::Freeform)]
    pub(crate) output_type: RunOutput,
    /// What the document must keep to; may be repeated.
    #[arg(long = "constraint", value_name = "TEXT")]
    pub(crate) constraints: Vec<String>,
    /// A file to work from: text, a picture or a PDF; a folder of texts; or `-` for standard input. May be repeated.
    /// What is piped in is a reference too.
    #[arg(long = "reference", value_name = "PATH")]
    pub(crate) references: Vec<PathBuf>,
    /// The most tokens that the session may use.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_tokens: Option<u64>,
    /// The longest that it may take, such as `10m`.
    #[arg(long, visible_alias = "timeout", value_name = "TIME")]
    pub(crate) deadline: Option<humantime::Duration>,
    /// Show the plan and what it will use; send nothing.
    #[arg(long = "dry-run")]
    pub(crate) dry: bool,
}

/// How severe a fault has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Critical,
    Major,
    Minor,
    Nit,
}

/// Give a session that has ended one more cycle with these instructions.
#[derive(Debug, clap::Args)]
pub(crate) struct Follow {
    /// The session; see `forge sessions list`.
    pub(crate) id: String,
    /// What it should do next; `-` reads it from standard input.
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
    #[command(flatten)]
    pub(crate) source: Source,
}

/// Continue a session after a kill, a pause or an abort. No finished call is made again.
#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    /// The session; see `forge sessions list`.
    pub(crate) id: String,
    /// Give it this many cycles, even if it has ended.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3))]
    pub(crate) cycles: Option<u32>,
    /// Continue even if the session has ended.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
    #[command(flatten)]
    pub(crate) source: Source,
}

/// How a session runs and where its result goes.
#[derive(Debug, clap::Args)]
pub(crate) struct SessionArgs {
    /// The most that the session may cost, in dollars.
    #[arg(long, value_name = "USD", env = "FORGE_MAX_COST", hide_env_values = true)]
    pub(crate) max_cost: Option<Money>,
    /// Ask what to do after each cycle.
    #[arg(long)]
    pub(crate) attended: bool,
    /// Write the result here: the report as .md, .json or .html, the document alone with any other ending.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print the document alone, without the report.
    #[arg(long, conflicts_with = "json")]
    pub(crate) document_only: bool,
    /// Show Markdown as it is, even on a terminal.
    #[arg(long)]
    pub(crate) raw: bool,
    /// Print each event as it happens, one JSON object per line.
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
    /// Take prompt templates from this folder instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub(crate) prompts: Option<PathBuf>,
    /// Keep the session in this folder of plain files instead of the accounts.
    #[arg(long, value_name = "DIR")]
    pub(crate) journal: Option<PathBuf>,
    /// End with exit code 0 even with a lesser result, such as a labelled draft.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) accept: Option<Accept>,
}

/// What is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Accept {
    Degraded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunMode {
    Direct,
    Review,
    Council,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunOutput {
    Specification,
    Code,
    Documentation,
    Design,
    Freeform,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// List the sessions, the newest first; or the conversations.
    List(SessionsList),
    /// Show a session: its result, or a part of it.
    Show(SessionsShow),
    /// Write a session's result.
    Export(SessionsExport),
    /// Remove a session or a conversation for good.
    Delete(SessionsDelete),
    /// Print the JSON Schema of a result.
    Schema,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SessionsList {
    /// Those of simulated vendors.
    #[arg(long)]
    pub(crate) offline: bool,
    /// The conversations of `forge chat` instead.
    #[arg(long)]
    pub(crate) conversations: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SessionsShow {
    /// The session.
    pub(crate) id: String,
    /// Every finding with what became of it.
    #[arg(long)]
    pub(crate) findings: bool,
    /// Serious findings that were rejected.
    #[arg(long)]
    pub(crate) dissents: bool,
    /// What was decided along the way.
    #[arg(long)]
    pub(crate) decisions: bool,
    /// Every call.
    #[arg(long)]
    pub(crate) calls: bool,
    /// Show Markdown as it is, even on a terminal.
    #[arg(long)]
    pub(crate) raw: bool,
    /// The raw answer of one call, such as `1.critique.0.0`, or why it failed.
    #[arg(long, value_name = "KEY", conflicts_with_all = ["findings", "dissents", "decisions", "calls"])]
    pub(crate) call: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SessionsExport {
    /// The session.
    pub(crate) id: String,
    /// The format; that of the output's ending unless given, else Markdown.
    #[arg(long, value_enum)]
    pub(crate) format: Option<ResultFormat>,
    /// Where to write it; standard output unless given.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// Where a session is kept.
#[derive(Debug, clap::Args)]
pub(crate) struct StoreArgs {
    /// One of simulated vendors.
    #[arg(long)]
    pub(crate) offline: bool,
    /// One that is kept in this folder of plain files.
    #[arg(long, value_name = "DIR", conflicts_with = "offline")]
    pub(crate) journal: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResultFormat {
    Md,
    Json,
    Html,
    /// The document alone.
    Document,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SessionsDelete {
    /// The session or the conversation.
    pub(crate) id: String,
    /// One of simulated vendors.
    #[arg(long)]
    pub(crate) offline: bool,
}
