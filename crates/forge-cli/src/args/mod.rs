//! What can be typed.

mod access;
mod backup;
mod batch;
#[cfg(all(unix, feature = "worker"))]
mod bead;
mod chat;
mod config;
#[cfg(feature = "eval")]
mod eval;
mod exec;
#[cfg(all(unix, feature = "worker"))]
mod fleet;
mod hooks;
#[cfg(feature = "index")]
mod index;
mod inject;
mod log;
#[cfg(feature = "mcp")]
mod mcp;
mod metrics;
mod prompts;
mod review;
mod serve;
mod session;
#[cfg(feature = "tui")]
mod top;
#[cfg(feature = "worker")]
mod worker;
#[cfg(unix)]
mod workflow;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::{ArgAction, Parser, Subcommand};

#[cfg(all(unix, feature = "worker"))]
pub(crate) use self::bead::{
    BeadAdd, BeadClaim, BeadClose, BeadCommand, BeadDep, BeadImport, BeadList, BeadPlace, BeadRelease,
    BeadRenew, WorkerArg,
};
#[cfg(feature = "eval")]
pub(crate) use self::eval::{EvalCommand, EvalCritics, EvalPanels, EvalWish};
#[cfg(all(unix, feature = "worker"))]
pub(crate) use self::fleet::{FleetCommand, FleetRun};
#[cfg(feature = "index")]
pub(crate) use self::index::{IndexCommand, IndexPlace};
#[cfg(feature = "mcp")]
pub(crate) use self::mcp::{McpCommand, McpInstall, McpProgram, McpServe};
#[cfg(feature = "tui")]
pub(crate) use self::top::{Top, TopTheme};
#[cfg(feature = "worker")]
pub(crate) use self::worker::{WorkerCommand, WorkerSpawn};
pub(crate) use self::{
    access::{
        AllowanceArgs, Audit, KeysCommand, KeysCreate, KeysOne, KeysRotate, KeysSet, KeysStore, ScopeArg,
        ScopeArgs, TeamsCommand, TeamsDelete, TeamsSet,
    },
    backup::{Backup, BackupCommand, BackupRestore},
    batch::{BatchCommand, BatchRun},
    chat::Chat,
    config::{
        CheckFormat, ConfigCheck, ConfigCommand, ConfigImport, ConfigInit, ConfigShow, ConfigTrust,
        ImportProgram, ShowFormat,
    },
    exec::Exec,
    hooks::{HooksCommand, HooksFire},
    inject::{Injection, injections, scenario},
    log::Log,
    metrics::{
        ExportFormat, MetricsBy, MetricsCommand, MetricsExport, MetricsFilter, MetricsForget, MetricsPrune,
        MetricsRebuild, MetricsReprice, MetricsSql, MetricsStatus, MetricsSummary, SqlFormat, SummaryFormat,
        Upkeep,
    },
    prompts::{
        PromptsCommand, PromptsDiff, PromptsInit, PromptsLabel, PromptsRender, PromptsRollback, PromptsScore,
        PromptsShow, PromptsStore, PromptsTest,
    },
    review::{Review, ReviewFormat, ReviewMode},
    serve::{Client, Serve, ServeCommand, Watch},
    session::{
        Accept, FailOn, Follow, ResultFormat, Resume, Run, RunMode, RunOutput, SessionArgs, SessionsCommand,
        SessionsExport, SessionsList, SessionsShow, StoreArgs, TopicArgs,
    },
};

#[cfg(unix)]
pub(crate) use self::workflow::{WorkflowCommand, WorkflowGo, WorkflowOne, WorkflowStart};

#[expect(clippy::doc_markdown, reason = "shown as help text")]
/// Ask several LLMs, get one answer you can check.
///
/// Providers are found in this order: API keys in the environment (ANTHROPIC_API_KEY, OPENAI_API_KEY,
/// GOOGLE_API_KEY or GEMINI_API_KEY); a local server that answers (Ollama, llama.cpp, vLLM, LM Studio on
/// their usual ports); else simulated vendors, so that everything can be tried without an account.
#[derive(Debug, Parser)]
#[command(name = "forge", version, propagate_version = true, max_term_width = 100)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Args {
    /// Say more on stderr; may be repeated up to three times.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing on stderr but errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Print one JSON object on stdout instead of text, also for a failure.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Read this configuration instead of ./forge.yaml or your own.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Simulate a failure: simulated vendors answer with it whenever this vendor, or a participant in this role of a
    /// session, is asked, such as `529@anthropic` or `429@critic`; may be repeated.
    #[arg(long = "inject", global = true, value_name = "KIND@WHO")]
    pub(crate) injected: Vec<Injection>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What stdout holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text for people.
    Text,
    /// One object.
    Json,
    /// One object per line.
    JsonLines,
}

impl Args {
    pub(crate) fn form(&self) -> Form {
        match &self.command {
            Command::Run(run) if run.session.jsonl => Form::JsonLines,
            Command::Resume(resume) if resume.session.jsonl => Form::JsonLines,
            Command::Review(review) if review.session.jsonl => Form::JsonLines,
            Command::Follow(follow) if follow.session.jsonl => Form::JsonLines,
            #[cfg(unix)]
            Command::Workflow { command } if command.is_jsonl() => Form::JsonLines,
            Command::Watch(_) if self.json => Form::JsonLines,
            Command::Metrics { command } if command.is_in_json() => Form::Json,
            Command::Review(review) if review.is_in_json() => Form::Json,
            _ if self.json => Form::Json,
            _ => Form::Text,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Draft, criticise, revise and check: one document from several models.
    Run(Box<Run>),
    /// Judge a change or a document: its faults, and the decision on each; it stays as it is.
    Review(Box<Review>),
    /// Continue a session after a kill, a pause or an abort.
    Resume(Box<Resume>),
    /// Give a session that has ended one more cycle with new instructions.
    Follow(Box<Follow>),
    /// List, show, export and delete sessions.
    Sessions {
        #[command(subcommand)]
        command: SessionsCommand,
    },
    /// Ask one model; the answer is streamed to stdout.
    Ask(Box<Ask>),
    /// Talk with a model: question by question, with what was said before.
    Chat(Box<Chat>),
    /// Answer a file of requests, in order and resumable.
    Batch {
        #[command(subcommand)]
        command: BatchCommand,
    },
    /// Keep a queue of tasks, each of which one worker has at a time.
    #[cfg(all(unix, feature = "worker"))]
    Bead {
        #[command(subcommand)]
        command: BeadCommand,
    },
    /// Plan, edit, check and review a task, with your approval of the plan.
    #[cfg(unix)]
    Workflow {
        #[command(subcommand)]
        command: Box<WorkflowCommand>,
    },
    #[cfg(unix)]
    Plan(Box<WorkflowStart>),
    #[cfg(unix)]
    Edit(Box<WorkflowGo>),
    /// Carry out one slash command, such as `/review` or `/help`.
    Exec(Box<Exec>),
    /// Find what was asked and answered before.
    Log(Log),
    /// Serve the vendors' APIs to other programs, with any role, pool or provider as a model.
    #[command(args_conflicts_with_subcommands = true)]
    Serve(Serve),
    /// Watch what a server does, event by event.
    Watch(Watch),
    /// Make, show and revoke the keys of a server's clients.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Set what several keys together may use.
    Teams {
        #[command(subcommand)]
        command: TeamsCommand,
    },
    /// Show what was done to keys and teams, by whom and when; check that nothing of it was changed.
    Audit(Audit),
    /// Serve the simulated vendors, to test any client.
    Sim(Sim),
    /// Show the providers in use.
    Providers {
        #[command(subcommand)]
        command: ProvidersCommand,
    },
    /// Say who would be asked, and why; sends nothing.
    Route {
        #[command(subcommand)]
        command: RouteCommand,
    },
    /// Show, check and version what models are told.
    Prompts {
        #[command(subcommand)]
        command: PromptsCommand,
    },
    /// Show and try the programs that are asked at points of the work.
    Hooks {
        #[command(subcommand)]
        command: HooksCommand,
    },
    /// Show models, their limits and prices.
    Models {
        #[command(subcommand)]
        command: ModelsCommand,
    },
    /// Show what calls took and cost.
    Metrics {
        #[command(subcommand)]
        command: MetricsCommand,
    },
    /// Copy the accounts, sessions and budgets into a file, while other processes run; or restore them from one.
    #[command(args_conflicts_with_subcommands = true)]
    Backup(Backup),
    /// Find what code defines, uses and changes, in any folder.
    #[cfg(feature = "index")]
    Index {
        #[command(subcommand)]
        command: IndexCommand,
    },
    /// Serve code questions and models to programs that speak MCP.
    #[cfg(feature = "mcp")]
    Mcp {
        #[command(subcommand)]
        command: McpCommand,
    },
    /// Measure which critics find what, and which panel is worth its price.
    #[cfg(feature = "eval")]
    Eval {
        #[command(subcommand)]
        command: EvalCommand,
    },
    /// Run coding agents in tmux: start, watch, tell and stop them.
    #[cfg(feature = "worker")]
    Worker {
        #[command(subcommand)]
        command: Box<WorkerCommand>,
    },
    /// Run workers that do the beads of the queue.
    #[cfg(all(unix, feature = "worker"))]
    Fleet {
        #[command(subcommand)]
        command: FleetCommand,
    },
    /// Show workers, tasks, costs and sessions in a dashboard.
    #[cfg(feature = "tui")]
    Top(Top),
    /// Take the report of a worker's agent; agents call it, and it prints nothing and never fails.
    #[cfg(feature = "worker")]
    Hook {
        /// The agent, such as `claude` or `codex`.
        agent: String,
        /// What the agent adds: `--event NAME`, or one JSON object. Else it is read from standard input.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        report: Vec<String>,
    },
    /// Say what is found on this machine: configuration, keys (never shown), accounts.
    Doctor(Doctor),
    /// Write, check and show the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print a script that completes commands and options in a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print a manual page; `forge man run | man -l -` shows it.
    Man {
        /// The command, such as `run` or `config check`; `forge` itself unless given.
        command: Vec<String>,
    },
    /// Print help: the common commands, every command, or one in full.
    Help {
        /// List every command, one per line.
        #[arg(long)]
        all: bool,
        /// The command, such as `run` or `config check`.
        #[arg(conflicts_with = "all")]
        command: Vec<String>,
    },
}

/// Ask one model; the answer is streamed to stdout, tokens and price go to stderr.
#[derive(Debug, clap::Args)]
pub(crate) struct Ask {
    /// The question; `-` reads it from standard input.
    #[arg(required_unless_present = "request")]
    pub(crate) prompt: Option<String>,
    /// Ask this provider; see `forge providers list`.
    #[arg(short, long, value_name = "ID")]
    pub(crate) provider: Option<String>,
    /// Ask this model instead of the provider's usual one.
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Ask whoever plays this role, such as `critic` or `coder`; see `forge route explain`.
    #[arg(short, long, conflicts_with = "provider")]
    pub(crate) role: Option<String>,
    /// Ask about this session: the model is shown its report.
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// System text.
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// Answer in JSON that matches the JSON Schema in this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
    /// Show the model this as well: a text, a picture (PNG, JPEG, GIF or WebP), a PDF, a folder of texts, or `-` for
    /// standard input. May be repeated. What is piped in is shown too.
    #[arg(long = "reference", visible_alias = "image", value_name = "PATH")]
    pub(crate) references: Vec<PathBuf>,
    /// Send the whole request in this JSON file: messages, tools, settings. A prompt is added to it.
    #[arg(long, value_name = "FILE.json")]
    pub(crate) request: Option<PathBuf>,
    /// The most tokens the answer may have.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_tokens: Option<u32>,
    /// Randomness, 0 to 2.
    #[arg(long, value_name = "T", value_parser = temperature)]
    pub(crate) temperature: Option<f64>,
    /// Do not keep the question for `forge log`. None is kept where the variable `FORGE_HISTORY` is `off`.
    #[arg(long)]
    pub(crate) no_log: bool,
    /// Show Markdown as it is, even on a terminal.
    #[arg(long)]
    pub(crate) raw: bool,
    /// Ask for the answer in one piece.
    #[arg(long)]
    pub(crate) no_stream: bool,
    #[command(flatten)]
    pub(crate) source: Source,
}

/// Where providers come from.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct Source {
    /// Use the simulated vendors, whatever else is configured.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Seed of the simulated vendors.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}

/// Serve the simulated vendors, to test any client.
#[derive(Debug, clap::Args)]
pub(crate) struct Sim {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787")]
    pub(crate) listen: SocketAddr,
    /// Faults, limits and replies to play, in YAML.
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
    /// Equal seeds give equal answers.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProvidersCommand {
    /// List the providers in use and where they were found.
    List {
        /// List every type and dialect that a configuration may name instead.
        #[arg(long)]
        known: bool,
        #[command(flatten)]
        source: Source,
    },
    /// Check every credential at once, without a paid call.
    Status(ProvidersStatus),
}

impl ProvidersCommand {
    /// Where the providers come from that are meant.
    pub(crate) const fn source(&self) -> Source {
        match self {
            Self::List { source, .. } => *source,
            Self::Status(status) => status.source,
        }
    }
}

/// What the user said about where providers come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GlobalArgs<'a> {
    pub(crate) source: Source,
    /// The configuration named on the command line.
    pub(crate) config: Option<&'a Path>,
    pub(crate) quiet: bool,
    /// Whether a program reads stdout.
    pub(crate) json: bool,
    /// What simulated vendors play, if they are asked.
    pub(crate) scenario: &'a str,
    /// Whether they are to play an accident, which real vendors cannot.
    pub(crate) injects: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ProvidersStatus {
    /// Check again at this interval, such as `30s`, until interrupted. SIGHUP reloads the configuration.
    #[arg(long, value_name = "TIME")]
    pub(crate) watch: Option<humantime::Duration>,
    #[command(flatten)]
    pub(crate) source: Source,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// Ask the providers too, without a paid call.
    #[arg(long)]
    pub(crate) live: bool,
    #[command(flatten)]
    pub(crate) source: Source,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    /// List every route for a call in a role, with the reason why it is in or out; sends nothing.
    Explain(RouteExplain),
}

#[derive(Debug, clap::Args)]
pub(crate) struct RouteExplain {
    /// The role, such as `critic` or `coder`.
    #[arg(short, long, required_unless_present = "format")]
    pub(crate) role: Option<String>,
    /// The prompt, from which tokens and costs are estimated; with `--format` the whole body of a request.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Explain a request as `forge serve` gets it, in this format: chat, responses, messages or gemini.
    #[arg(long, value_name = "FORMAT", requires = "file", conflicts_with = "role")]
    pub(crate) format: Option<String>,
    /// The model that it asks for, in place of the one in its body; requests of Gemini have none there.
    #[arg(long, value_name = "NAME", requires = "format")]
    pub(crate) model: Option<String>,
    /// The id or the name of the client's key.
    #[arg(long, value_name = "KEY", requires = "format")]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) source: Source,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// List models with limits and prices in dollars per million tokens.
    List(ModelsList),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ModelsList {
    /// Only this vendor: anthropic, openai, google or local.
    #[arg(short, long, value_name = "VENDOR")]
    pub(crate) provider: Option<String>,
    /// Ask the vendors instead of the built-in table.
    #[arg(long)]
    pub(crate) live: bool,
    #[command(flatten)]
    pub(crate) source: Source,
}

fn temperature(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number")?;
    if (0.0..=2.0).contains(&number) { Ok(number) } else { Err("must be between 0 and 2".into()) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_are_consistent() {
        <super::Args as clap::CommandFactory>::command().debug_assert();
    }
}
