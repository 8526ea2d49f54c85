//! The command `forge`.

mod access;
mod args;
mod ask;
mod backup;
mod batch;
#[cfg(all(unix, feature = "worker"))]
mod bead;
mod chat;
mod commands;
mod completion;
mod config;
mod doctor;
mod error;
#[cfg(feature = "eval")]
mod eval;
mod exec;
mod files;
#[cfg(all(unix, feature = "worker"))]
mod fleet;
mod help;
mod hooks;
#[cfg(feature = "index")]
mod index;
mod layout;
mod log;
mod manual;
mod markdown;
mod material;
#[cfg(feature = "mcp")]
mod mcp;
mod metrics;
mod models;
#[cfg(feature = "otlp")]
mod otlp;
mod paths;
mod prompts;
mod providers;
mod review;
mod route;
mod serve;
mod session;
mod setup;
mod signals;
mod sim;
mod terminal;
#[cfg(feature = "tui")]
mod top;
mod watch;
#[cfg(feature = "worker")]
mod worker;
#[cfg(unix)]
mod workflow;

use std::{
    io::{IsTerminal as _, Write as _},
    pin::Pin,
    process::ExitCode,
};

use tracing_subscriber::{
    EnvFilter, Layer as _, filter::LevelFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

#[cfg(unix)]
use crate::args::WorkflowCommand;
use crate::{
    args::{Args, Command, Form, GlobalArgs, ModelsCommand, RouteCommand},
    error::CliError,
};

fn main() -> ExitCode {
    // Before everything else: the hook of an agent has 5 ms, and the shim of a worker is one thread.
    #[cfg(all(feature = "worker", target_os = "linux"))]
    if let Some(code) = forge_worker::command(&std::env::args_os().skip(1).collect::<Vec<_>>()) {
        return code.into();
    }
    // Before the arguments are read: a line that is being typed need not make sense yet.
    if let Some(code) = completion::answer() {
        return code;
    }
    let args = help::parse().unwrap_or_else(|error| refuse(&error));
    // Held to the end: the last spans go out when it is dropped.
    let _spans = start_logging(args.verbose, args.quiet);
    let form = args.form();
    // One thread: a command waits for vendors, and there is nothing to compute side by side.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&CliError::failed("the asynchronous runtime did not start", &error), form),
    };
    let ended = runtime.block_on(run(args));
    // A thread that waits for a line of a person would be waited for in turn.
    runtime.shutdown_background();
    match ended {
        Ok(code) => code,
        Err(error) => fail(&error, form),
    }
}

/// A command line that makes no sense, or one that asks for help. Programs that want JSON are told so in JSON.
fn refuse(error: &clap::Error) -> ! {
    // The arguments could not be read, so that the flag is looked for as a word.
    let wants_json = || std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json");
    if error.use_stderr() && wants_json() {
        let text = error.to_string();
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let what = lines.next().unwrap_or_default().trim_start_matches("error: ");
        let _ = terminal::json(&CliError::usage(what, "see `forge --help`").to_json());
    }
    error.exit()
}

/// A command by itself: in one future with all others, it would be optimised together with them, which takes many minutes.
fn apart<'a, T>(command: impl Future<Output = T> + 'a) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    Box::pin(command)
}

async fn run(line: Args) -> Result<ExitCode, CliError> {
    let (quiet, json, config) = (line.quiet, line.json, line.config.as_deref());
    let scenario = args::scenario(&line.injected);
    let injects = !line.injected.is_empty();
    let globals = |source| GlobalArgs { source, config, quiet, json, scenario: &scenario, injects };
    match line.command {
        Command::Ask(ask) => {
            let args = globals(ask.source);
            apart(ask::run(*ask, args)).await
        }
        Command::Batch { command } => apart(batch::run(command, globals)).await,
        Command::Chat(chat) => {
            let args = globals(chat.source);
            apart(chat::run(*chat, args)).await
        }
        #[cfg(all(unix, feature = "worker"))]
        Command::Bead { command } => apart(bead::run(command, quiet, json)).await,
        #[cfg(all(unix, feature = "worker"))]
        Command::Fleet { command } => apart(fleet::run(command, quiet, json)).await,
        #[cfg(unix)]
        Command::Workflow { command } => apart(workflow::run(*command, globals)).await,
        #[cfg(unix)]
        Command::Plan(start) => apart(workflow::run(WorkflowCommand::Start(*start), globals)).await,
        #[cfg(unix)]
        Command::Edit(go) => apart(workflow::run(WorkflowCommand::Approve(*go), globals)).await,
        Command::Exec(exec) => {
            let args = globals(exec.source);
            apart(exec::run(*exec, args)).await
        }
        #[cfg(feature = "eval")]
        Command::Eval { command } => apart(eval::run(command, globals)).await,
        Command::Run(run) => {
            let args = globals(run.source);
            apart(session::run(*run, args)).await
        }
        Command::Review(review) => {
            let args = globals(review.source);
            apart(review::run(*review, args)).await
        }
        Command::Follow(follow) => {
            let args = globals(follow.source);
            apart(session::follow(*follow, args)).await
        }
        Command::Resume(resume) => {
            let args = globals(resume.source);
            apart(session::resume(*resume, args)).await
        }
        Command::Sessions { command } => apart(session::sessions(command, quiet, json)).await,
        Command::Log(args) => apart(log::run(&args, quiet, json)).await,
        Command::Serve(args) => {
            let source = args.source;
            apart(serve::run(args, globals(source))).await
        }
        Command::Watch(args) => apart(watch::run(args, json)).await,
        Command::Keys { command } => apart(access::keys(command, quiet, json)).await,
        Command::Teams { command } => apart(access::teams(command, quiet, json)).await,
        Command::Audit(args) => apart(access::audit(args, quiet, json)).await,
        Command::Sim(sim) => apart(sim::run(sim, json)).await,
        Command::Providers { command } => apart(providers::run(command, globals)).await,
        Command::Route { command: RouteCommand::Explain(explain) } => {
            let args = globals(explain.source);
            apart(route::explain(explain, args)).await
        }
        Command::Prompts { command } => {
            let source = command.source();
            apart(prompts::run(command, globals(source))).await
        }
        Command::Hooks { command } => apart(hooks::run(command, config, quiet, json)).await,
        Command::Models { command: ModelsCommand::List(list) } => {
            let args = globals(list.source);
            apart(models::list(list, args)).await
        }
        Command::Doctor(options) => {
            let args = globals(options.source);
            apart(doctor::run(options, args)).await
        }
        Command::Metrics { command } => metrics::run(command, config, quiet, json),
        #[cfg(feature = "index")]
        Command::Index { command } => index::run(&command, quiet, json),
        #[cfg(feature = "mcp")]
        Command::Mcp { command } => apart(mcp::run(command, globals)).await,
        #[cfg(feature = "worker")]
        Command::Worker { command } => apart(worker::run(command, quiet, json)).await,
        #[cfg(feature = "tui")]
        Command::Top(top) => apart(top::run(top, json)).await,
        #[cfg(feature = "worker")]
        Command::Hook { .. } => Ok(ExitCode::SUCCESS), // Reports are taken before the arguments are read.
        Command::Backup(backup) => backup::run(&backup, quiet, json),
        Command::Config { command } => config::run(command, config, quiet, json),
        // Text would break the promise of one object, and an object would be of no use to a shell.
        Command::Completions { .. } | Command::Man { .. } | Command::Help { .. } if json => {
            Err(CliError::usage("this command prints text for a shell or a reader", "leave `--json` out"))
        }
        Command::Completions { shell } => completion::script(shell),
        Command::Man { command } => manual::page(&command),
        Command::Help { all, command } => help::run(all, &command),
    }
}

/// Says what went wrong and what to do, and gives the exit code. A closed stderr changes nothing.
fn fail(error: &CliError, form: Form) -> ExitCode {
    // What cannot be written is said on stderr in any case.
    let _ = match form {
        _ if error.is_quiet() => Ok(()),
        Form::Text => Ok(()),
        Form::Json => terminal::json(&error.to_json()),
        Form::JsonLines => terminal::line(error.to_json(), "failed"),
    };
    let _ = write!(std::io::stderr().lock(), "{error}");
    error.exit_code()
}

/// Logs go to stderr: `FORGE_LOG` in the form of `RUST_LOG`, else by `-q` and the number of `-v`.
fn start_logging(verbose: u8, quiet: bool) -> Spans {
    let level = match (verbose, quiet) {
        (0, true) => LevelFilter::ERROR,
        (0, false) => LevelFilter::WARN,
        (1, _) => LevelFilter::INFO,
        (2, _) => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter =
        // Lossy: a filter with a slip in it must not keep a command from running.
        EnvFilter::builder().with_default_directive(level.into()).with_env_var("FORGE_LOG").from_env_lossy();
    let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // Coloured on a terminal, unless NO_COLOR says otherwise.
    let logs = if std::io::stderr().is_terminal() { logs } else { logs.with_ansi(false) };
    let registry = tracing_subscriber::registry().with(logs.with_filter(filter));
    let spans = Spans::new();
    #[cfg(feature = "otlp")]
    let registry = registry.with(spans.0.as_ref().map(otlp::Otlp::layer));
    registry.init();
    spans
}

/// Where spans go beside the logs, until it is dropped.
#[cfg(feature = "otlp")]
struct Spans(Option<otlp::Otlp>);

#[cfg(feature = "otlp")]
impl Spans {
    fn new() -> Self {
        let endpoint = paths::variable("OTEL_EXPORTER_OTLP_ENDPOINT");
        let collector = endpoint.map(|endpoint| otlp::Otlp::new(&endpoint)).transpose();
        Self(collector.unwrap_or_else(|error| {
            terminal::note(false, &format!("spans are not sent to OTEL_EXPORTER_OTLP_ENDPOINT: {error}"));
            None
        }))
    }
}

#[cfg(not(feature = "otlp"))]
struct Spans;

#[cfg(not(feature = "otlp"))]
impl Spans {
    fn new() -> Self {
        Self
    }
}
