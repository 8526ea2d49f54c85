//! The command `forge`.

mod args;
mod ask;
mod backup;
mod completion;
mod config;
mod doctor;
mod error;
mod files;
mod help;
mod log;
mod manual;
mod markdown;
mod material;
mod metrics;
mod models;
#[cfg(feature = "otlp")]
mod otlp;
mod paths;
mod providers;
mod route;
mod session;
mod setup;
mod show;
mod signals;
mod sim;

use std::{
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
};

use tracing_subscriber::{
    EnvFilter, Layer as _, filter::LevelFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    args::{Args, Command, Form, ModelsCommand, ProvidersCommand, RouteCommand, Wanted},
    error::CliError,
};

fn main() -> ExitCode {
    if let Some(code) = completion::answer() {
        return code;
    }
    let args = help::parse().unwrap_or_else(|error| refuse(&error));
    let _spans = start_logging(args.verbose, args.quiet);
    let form = args.form();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&CliError::failed("the asynchronous runtime did not start", &error), form),
    };
    match runtime.block_on(run(args)) {
        Ok(code) => code,
        Err(error) => fail(&error, form),
    }
}

/// A command line that makes no sense, or one that asks for help. Programs that want JSON are told so in JSON.
fn refuse(error: &clap::Error) -> ! {
    let wants_json = || std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json");
    if error.use_stderr() && wants_json() {
        let text = error.to_string();
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let what = lines.next().unwrap_or_default().trim_start_matches("error: ");
        let _ = show::json(&CliError::usage(what, "see `forge --help`").to_json());
    }
    error.exit()
}

async fn run(args: Args) -> Result<ExitCode, CliError> {
    let (quiet, json, config) = (args.quiet, args.json, args.config.as_deref());
    let scenario = args::scenario(&args.injected);
    let injects = !args.injected.is_empty();
    let wanted = |source| Wanted { source, config, quiet, json, scenario: &scenario, injects };
    match args.command {
        Command::Ask(ask) => {
            let wanted = wanted(ask.source);
            ask::run(*ask, wanted).await
        }
        Command::Run(run) => {
            let wanted = wanted(run.source);
            Box::pin(session::run(*run, wanted)).await
        }
        Command::Review(review) => {
            let wanted = wanted(review.source);
            Box::pin(session::review(*review, wanted)).await
        }
        Command::Follow(follow) => {
            let wanted = wanted(follow.source);
            Box::pin(session::follow(*follow, wanted)).await
        }
        Command::Resume(resume) => {
            let wanted = wanted(resume.source);
            // A session with its journal is much state, which does not have to lie on the stack of every command.
            Box::pin(session::resume(*resume, wanted)).await
        }
        Command::Sessions { command } => session::sessions(command, quiet, json).await,
        Command::Log(wanted) => log::run(&wanted, quiet, json).await,
        Command::Sim(sim) => sim::run(sim, json).await,
        Command::Providers { command: ProvidersCommand::List { known: true, .. } } => providers::known(json),
        Command::Providers { command: ProvidersCommand::List { source, .. } } => {
            providers::list(wanted(source)).await
        }
        Command::Providers { command: ProvidersCommand::Status(status) } => {
            providers::status(&status, wanted(status.source)).await
        }
        Command::Route { command: RouteCommand::Explain(explain) } => {
            let wanted = wanted(explain.source);
            route::explain(explain, wanted).await
        }
        Command::Models { command: ModelsCommand::List(list) } => {
            let wanted = wanted(list.source);
            models::list(list, wanted).await
        }
        Command::Doctor(options) => {
            let wanted = wanted(options.source);
            doctor::run(options, wanted).await
        }
        Command::Metrics { command } => {
            metrics::run(if json { command.in_json() } else { command }, config, quiet)
        }
        Command::Backup(backup) => backup::run(&backup, quiet, json),
        Command::Config { command } => config::run(command, config, quiet, json),
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
        Form::Json => show::json(&error.to_json()),
        Form::Lines => show::line(error.to_json(), "failed"),
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
            show::note(false, &format!("spans are not sent to OTEL_EXPORTER_OTLP_ENDPOINT: {error}"));
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
