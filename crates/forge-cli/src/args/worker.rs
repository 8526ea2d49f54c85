//! `forge worker`, as typed.

use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum WorkerCommand {
    /// Start an agent in a tmux session of its own.
    Spawn(Box<WorkerSpawn>),
    /// List the workers and what each of them does.
    List,
    /// Show one worker: what it does, who says so, since when, and how well it is.
    #[command(visible_alias = "status")]
    Show {
        /// The worker.
        worker: String,
    },
    /// Look at a worker's terminal; Ctrl-Q comes back.
    Attach {
        /// The worker.
        worker: String,
    },
    /// Send everybody away who looks at a worker's terminal.
    Detach {
        /// The worker.
        worker: String,
    },
    /// Give a worker that is ready a text, and wait until its agent has a record of it.
    Send {
        /// The worker.
        worker: String,
        /// The text; `-` reads it from standard input.
        text: String,
        /// What makes it the same message: it is put in once, however often it is sent. Random unless given.
        #[arg(long, value_name = "ID")]
        id: Option<String>,
    },
    /// Print the end of what a worker has shown.
    Logs {
        /// The worker.
        worker: String,
        /// So many lines.
        #[arg(short = 'n', long, value_name = "N", default_value_t = 40)]
        lines: usize,
    },
    /// Ask a worker to end; what does not within its grace is ended.
    Stop {
        /// The worker.
        worker: String,
    },
    /// End a worker at once.
    Kill {
        /// The worker.
        worker: String,
    },
    /// Stop every process of a worker where it stands.
    Freeze {
        /// The worker.
        worker: String,
    },
    /// Let a frozen worker go on.
    Thaw {
        /// The worker.
        worker: String,
    },
    /// Give a worker no new task; what it works on goes on.
    Pause {
        /// The worker.
        worker: String,
    },
    /// Give a paused worker tasks again.
    Resume {
        /// The worker.
        worker: String,
    },
    /// Start a worker again as it was.
    Restart {
        /// The worker.
        worker: String,
    },
    /// Clean up after a worker that has ended: processes, session, worktree, files.
    Reap {
        /// The worker.
        worker: String,
        /// Give up work that is only in its worktree.
        #[arg(long)]
        discard: bool,
    },
    /// List the workers that tmux knows.
    Discover {
        /// Look at this server in place of Forge's own, as `tmux -L` takes it; the usual one is `default`.
        #[arg(long, value_name = "NAME")]
        socket: Option<String>,
    },
    /// Say whether this machine can run workers.
    Doctor,
}

#[derive(Debug, clap::Args)]
pub(crate) struct WorkerSpawn {
    /// Its name: letters of ASCII, digits, `_` and `-`.
    pub(crate) worker: String,
    /// The agent: aider, claude, codex, gemini, generic, opencode, sim, or one of your own.
    #[arg(long, value_name = "NAME", required_unless_present = "launcher")]
    pub(crate) agent: Option<String>,
    /// Start it by this launcher, a program, or the name of one in the folder of launchers.
    #[arg(long, value_name = "PATH")]
    pub(crate) launcher: Option<String>,
    /// The model, as the agent calls it.
    #[arg(short, long, value_name = "MODEL", default_value = "", hide_default_value = true)]
    pub(crate) model: String,
    /// What it costs and can do: premium, standard, budget.
    #[arg(long, value_name = "TIER", default_value = "standard")]
    pub(crate) tier: String,
    /// The folder to work in.
    #[arg(short = 'C', long, value_name = "DIR", default_value = ".")]
    pub(crate) workspace: PathBuf,
    /// Work in that folder itself, and not in a git worktree of it.
    #[arg(long)]
    pub(crate) in_place: bool,
    /// The tmux session; `forge-worker-WORKER` unless given.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub(crate) session: String,
    /// The task that it begins with.
    #[arg(long, value_name = "ID")]
    pub(crate) bead: Option<String>,
    /// The first prompt, for agents that take it on their command line.
    #[arg(long, value_name = "TEXT")]
    pub(crate) prompt: Option<String>,
    /// A regular expression for the screen of an agent that waits for a prompt and says so in no other way.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) ready: Option<String>,
    /// Hand this variable of your environment on; may be repeated.
    #[arg(long = "env", value_name = "NAME")]
    pub(crate) env: Vec<String>,
    /// How many seconds the start may take.
    #[arg(long, value_name = "SECS", default_value_t = 60)]
    pub(crate) timeout: u64,
    /// The command line of a `generic` agent; for others, what is added to theirs.
    #[arg(last = true)]
    pub(crate) arguments: Vec<String>,
}
