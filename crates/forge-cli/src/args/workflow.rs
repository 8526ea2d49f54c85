//! `forge workflow`, `forge plan` and `forge edit`, as typed.

use clap::{Args, Subcommand};
use forge::Money;

use super::Source;

#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowCommand {
    /// Plan a task, have it approved, edit, check and review it in a working tree of its own.
    Start(WorkflowStart),
    /// List the workflows that are kept, the latest first.
    List(WorkflowSource),
    /// Show a workflow: its plan, its tasks, who did them, what was found.
    Show(WorkflowOne),
    /// Say in a line where a workflow stands.
    Status(WorkflowOne),
    /// Approve the plan of a workflow, and go on with it.
    Approve(WorkflowGo),
    /// Answer what a workflow asks, and go on with it.
    Answer(WorkflowSay),
    /// Ask for another plan, in words, and go on.
    Change(WorkflowSay),
    /// Begin nothing new; `resume` goes on.
    Pause(WorkflowOne),
    /// Go on with a workflow that was paused or killed, or that failed: what is done and paid stays.
    Resume(WorkflowResume),
    /// End a workflow. Nothing of it reaches your folder.
    Abort(WorkflowOne),
    /// Show the change of a workflow as a diff.
    Diff(WorkflowOne),
    /// Bring the result into your folder, as changes that are not committed.
    Apply(WorkflowApply),
    /// Take an applied result back out of your folder; what you changed since stays.
    Undo(WorkflowOne),
    /// Remove the working tree and the checkpoints of a workflow that is over.
    Delete(WorkflowOne),
}

impl WorkflowCommand {
    /// Where the providers come from.
    pub(crate) fn source(&self) -> Source {
        match self {
            Self::Start(start) => start.source.source,
            Self::List(source) => source.source,
            Self::Approve(go) => go.source.source,
            Self::Resume(resume) => resume.go.source.source,
            Self::Answer(say) | Self::Change(say) => say.go.source.source,
            Self::Apply(apply) => apply.one.source.source,
            Self::Show(one)
            | Self::Status(one)
            | Self::Pause(one)
            | Self::Abort(one)
            | Self::Diff(one)
            | Self::Undo(one)
            | Self::Delete(one) => one.source.source,
        }
    }

    /// Whether events go to stdout.
    pub(crate) fn is_jsonl(&self) -> bool {
        match self {
            Self::Start(start) => start.jsonl,
            Self::Approve(go) => go.jsonl,
            Self::Resume(resume) => resume.go.jsonl,
            Self::Answer(say) | Self::Change(say) => say.go.jsonl,
            _ => false,
        }
    }
}

/// What several commands share.
#[derive(Debug, Clone, Args)]
pub(crate) struct WorkflowSource {
    #[command(flatten)]
    pub(crate) source: Source,
}

/// One workflow.
#[derive(Debug, Args)]
pub(crate) struct WorkflowOne {
    /// The workflow; the latest of this folder unless named.
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) source: WorkflowSource,
}

/// Plan a task: a workflow that stops at its plan. `forge workflow approve` goes on with it.
#[derive(Debug, Args)]
pub(crate) struct WorkflowStart {
    /// What is to be done.
    #[arg(value_name = "TASK", required = true)]
    pub(crate) task: Vec<String>,
    /// Work in this folder itself, and not in a working tree beside it. It needs no git repository.
    #[arg(long)]
    pub(crate) here: bool,
    /// Ask nothing: approve the plan, and take for granted what is open.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// A command that has to succeed after each task, such as `cargo test`; its words go to the program as they are. May be
    /// repeated; in place of those of the configuration.
    #[arg(long = "check", value_name = "COMMAND")]
    pub(crate) checks: Vec<String>,
    /// Stop asking models when this much is spent, such as 0.5 or $2.
    #[arg(long, value_name = "USD")]
    pub(crate) max_cost: Option<Money>,
    /// Ask back nothing before the plan is made.
    #[arg(long)]
    pub(crate) no_clarify: bool,
    /// Have nobody read the change.
    #[arg(long)]
    pub(crate) no_review: bool,
    /// Print each event as a JSON object on a line of stdout.
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
    #[command(flatten)]
    pub(crate) source: WorkflowSource,
}

/// Carry out the plan of a workflow.
#[derive(Debug, Args)]
pub(crate) struct WorkflowGo {
    /// The workflow; the latest of this folder unless named.
    pub(crate) id: Option<String>,
    /// Print each event as a JSON object on a line of stdout.
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
    #[command(flatten)]
    pub(crate) source: WorkflowSource,
}

/// Go on with a workflow.
#[derive(Debug, Args)]
pub(crate) struct WorkflowResume {
    #[command(flatten)]
    pub(crate) go: WorkflowGo,
    /// Let it spend this much in all, such as 0.5 or $2.
    #[arg(long, value_name = "USD")]
    pub(crate) max_cost: Option<Money>,
}

/// Say something to a workflow.
#[derive(Debug, Args)]
pub(crate) struct WorkflowSay {
    /// What is said.
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) go: WorkflowGo,
}

/// Bring a result to the user.
#[derive(Debug, Args)]
pub(crate) struct WorkflowApply {
    #[command(flatten)]
    pub(crate) one: WorkflowOne,
    /// Make a commit on a new branch of this name instead. Your folder stays as it is, and nothing is pushed.
    #[arg(long, value_name = "NAME")]
    pub(crate) branch: Option<String>,
}
