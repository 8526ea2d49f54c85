//! `forge mcp`: Forge for programs that speak the Model Context Protocol.

mod install;
mod program;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use forge_mcp::{ContextMcpServer, McpServer, ModelMcpServer, Roots, RootsError, ServeError};

pub(crate) use self::install::install;
use crate::{
    args::{GlobalArgs, McpServe},
    error::CliError,
    paths::{paths, variable},
    setup::Setup,
    signals::Interrupts,
    terminal::note,
};

pub(crate) async fn serve(args: McpServe, globals: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
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

fn server(args: &McpServe, setup: Option<&Setup>, quiet: bool) -> Result<McpServer, CliError> {
    let roots = roots(args, setup);
    let Some(setup) = setup else { return Ok(context(&roots.map_err(refused)?).into()) };
    let models = ModelMcpServer::new((**setup).clone()).with_depth(depth());
    Ok(match roots {
        Ok(roots) if args.sides.all => McpServer::all(context(&roots), models.with_roots(roots)),
        Ok(roots) => models.with_roots(roots).into(),
        // Questions without files can be asked from anywhere.
        Err(error) if args.roots.is_empty() && args.sides.models => {
            note(quiet, &format!("no files are read: {error}"));
            models.into()
        }
        Err(error) => return Err(refused(error)),
    })
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
    Roots::new(folders.unwrap_or_else(here), variable("HOME").as_deref().map(AsRef::as_ref))
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
