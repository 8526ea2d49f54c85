//! `forge mcp`: Forge for programs that speak the Model Context Protocol.

mod http;
mod install;
mod program;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use forge_mcp::{ContextMcpServer, McpServer, ModelMcpServer, Roots, RootsError, ServeError};

pub(crate) use self::http::mounted;
use self::install::install;
use crate::{
    args::{GlobalArgs, McpCommand, McpServe, Source},
    error::CliError,
    paths::{paths, variable},
    setup::Setup,
    signals::Interrupts,
    terminal::note,
};

pub(crate) async fn run<'a>(
    command: McpCommand,
    globals: impl Fn(Source) -> GlobalArgs<'a>,
) -> Result<ExitCode, CliError> {
    match command {
        McpCommand::Serve(args) => {
            let source = args.source;
            serve(args, globals(source)).await
        }
        McpCommand::Install(args) => {
            let GlobalArgs { quiet, json, .. } = globals(Source::default());
            install(&args, quiet, json)
        }
    }
}

async fn serve(args: McpServe, globals: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    if args.http.is_some() {
        let quiet = globals.quiet;
        let setup = Setup::open(globals).await?;
        let parts = parts(&args, &setup, quiet)?;
        return http::serve(&args, &setup, parts, quiet).await;
    }
    if globals.json {
        return Err(CliError::usage("standard output belongs to the protocol", "leave `--json` out"));
    }
    let mut interrupts = Interrupts::new()?;
    let quiet = globals.quiet;
    // Questions about code need nobody, and are answered at once.
    let setup = if args.sides.context { None } else { Some(Setup::open(globals).await?) };
    let server = server(&args, setup.as_ref(), quiet)?;
    let served = tokio::select! {
        served = server.clone().serve_stdio() => served,
        () = interrupts.next() => Ok(()),
    };
    server.stop();
    if let Some(setup) = &setup {
        setup.close(Duration::from_secs(1)).await;
    }
    served.map_err(|error| match error {
        ServeError::Opening(_) => CliError::usage(
            error.to_string(),
            "programs that speak MCP start this command; `forge mcp install` says how",
        ),
        error => CliError::failed("the server ended", &error),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The servers that were asked for.
struct Parts {
    context: Option<McpServer>,
    models: Option<McpServer>,
}

/// Both in one process, each on its own.
fn parts(args: &McpServe, setup: &Setup, quiet: bool) -> Result<Parts, CliError> {
    let roots = roots(args, Some(setup));
    if args.sides.context {
        let context = noted(context(&roots.map_err(refused)?).into(), setup);
        return Ok(Parts { context: Some(context), models: None });
    }
    let models = ModelMcpServer::new((**setup).clone()).with_depth(depth());
    match roots {
        Ok(roots) => {
            let context = args.sides.all.then(|| noted(context(&roots).into(), setup));
            Ok(Parts { context, models: Some(models.with_roots(roots).into()) })
        }
        // Questions without files can be asked from anywhere.
        Err(error) if args.roots.is_empty() && args.sides.models => {
            note(quiet, &format!("no files are read: {error}"));
            Ok(Parts { context: None, models: Some(models.into()) })
        }
        Err(error) => Err(refused(error)),
    }
}

/// The one server for a client at standard input.
fn server(args: &McpServe, setup: Option<&Setup>, quiet: bool) -> Result<McpServer, CliError> {
    let Some(setup) = setup else { return Ok(context(&roots(args, None).map_err(refused)?).into()) };
    let Parts { context, models } = parts(args, setup, quiet)?;
    Ok(match (context, models) {
        (Some(context), Some(models)) => context.with(models),
        (one, other) => one.or(other).unwrap_or_default(),
    })
}

/// The same with its calls in the accounts, if there are any.
fn noted(server: McpServer, setup: &Setup) -> McpServer {
    match setup.store() {
        Some(store) => server.with_store(store.clone()),
        None => server,
    }
}

fn context(roots: &Roots) -> ContextMcpServer {
    let server = ContextMcpServer::new(roots);
    match paths().state {
        Some(state) => server.with_cache(state.join("index")),
        None => server,
    }
}

/// The folders of the command line, else those of the configuration, else the working directory.
fn roots(args: &McpServe, setup: Option<&Setup>) -> Result<Roots, RootsError> {
    let written = setup.map(|setup| setup.mcp_plan().roots.clone()).unwrap_or_default();
    let here = || vec![PathBuf::from(".")];
    let folders = [args.roots.clone(), written].into_iter().find(|folders| !folders.is_empty());
    Roots::new(folders.unwrap_or_else(here), home().as_deref())
}

/// The folder of the user, which is not read as a whole.
fn home() -> Option<PathBuf> {
    variable("HOME").map(PathBuf::from)
}

/// How many times Forge was started by a program that Forge started. What is no number is taken for once.
fn depth() -> u32 {
    variable("FORGE_DEPTH").map_or(0, |depth| depth.trim().parse().unwrap_or(1))
}

fn refused(error: RootsError) -> CliError {
    match error {
        RootsError::Unreadable { .. } => CliError::failed("a folder cannot be read", &error),
        error => CliError::usage(error.to_string(), "name the folder of a project with `--root`"),
    }
}
