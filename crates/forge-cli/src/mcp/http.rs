//! The same servers over HTTP: on their own, or as part of `forge serve`.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use forge::config::{AdminPlace, Listen, McpPlan};
use forge_gateway::{Gateway, GatewayError, GatewayOptions};
use forge_mcp::{McpServer, ModelMcpServer, Roots};
use tokio::sync::watch;

use super::{Parts, context, depth, home, noted};
use crate::{args::McpServe, error::CliError, setup::Setup, signals::Interrupts, terminal::note};

/// Where the servers are found, whoever serves them.
const CONTEXT: &str = "/mcp/context";
const MODELS: &str = "/mcp/models";
/// Where probes are answered unless somebody says otherwise: behind the two servers.
const PROBES: ([u8; 4], u16) = ([127, 0, 0, 1], 9003);

/// Serves until somebody ends it.
pub(super) async fn serve(
    args: &McpServe,
    setup: &Setup,
    parts: Parts,
    quiet: bool,
) -> Result<ExitCode, CliError> {
    let mut interrupts = Interrupts::new()?;
    let servers: Vec<_> = parts.context.iter().chain(&parts.models).cloned().collect();
    let (server, places) = (parts.models.clone(), places(args, setup.mcp_plan(), parts));
    let mut gateways = Vec::new();
    for (at, (address, mounts)) in places.into_iter().enumerate() {
        let mut plan = setup.serve_plan().clone();
        let probes = args.probes.or(plan.probes).unwrap_or(PROBES.into());
        (plan.listen, plan.admin) = (vec![Listen::Tcp(address)], Some(AdminPlace::Off));
        (plan.probes, plan.connections) = ((at == 0).then_some(probes), setup.mcp_plan().max_connections);
        let mut options = GatewayOptions::new(plan).only_mounts();
        for (path, server) in &mounts {
            options = options.with_mount(*path, server.clone().into_service());
        }
        if at == 0 {
            let servers = servers.clone();
            options = options.with_figures(move || McpServer::figures(&servers));
        }
        if let Some(store) = setup.store() {
            options = options.with_store(store.clone());
        }
        let gateway = Gateway::bind(setup.router().clone(), options).await.map_err(refused)?;
        for ((path, _), place) in mounts.iter().zip(gateway.places().iter().cycle()) {
            note(quiet, &format!("serving http://{place}{path}"));
        }
        if let Some(probes) = gateway.probes_address() {
            note(quiet, &format!("probes and metrics: http://{probes}"));
        }
        gateways.push(gateway);
    }
    let (end, ended) = watch::channel(false);
    let serving = gateways.into_iter().map(|gateway| {
        let mut ended = ended.clone();
        tokio::spawn(gateway.serve(async move {
            // Its sender goes with this function, which is an end as well.
            let _ = ended.wait_for(|ended| *ended).await;
        }))
    });
    let serving: Vec<_> = serving.collect();
    interrupts.next().await;
    end.send_replace(true);
    if let Some(server) = server {
        server.stop();
    }
    for serving in serving {
        tokio::select! {
            _ = serving => {}
            () = interrupts.next() => break,
        }
    }
    setup.close(Duration::ZERO).await;
    Ok(ExitCode::SUCCESS)
}

/// What is served at which address: each server at its own, or all at the one that is named.
fn places(
    args: &McpServe,
    plan: &McpPlan,
    parts: Parts,
) -> Vec<(SocketAddr, Vec<(&'static str, McpServer)>)> {
    let context = parts.context.map(|server| (plan.context, (CONTEXT, server)));
    let models = parts.models.map(|server| (plan.models, (MODELS, server)));
    let each = context.into_iter().chain(models);
    match args.http.flatten() {
        Some(address) => vec![(address, each.map(|(_, mount)| mount).collect())],
        None => each.map(|(address, mount)| (address, vec![mount])).collect(),
    }
}

/// The options of `forge serve` with both servers. It serves others, so that it reads no folder that the configuration does not
/// name.
pub(crate) fn mounted(options: GatewayOptions, setup: &Setup) -> Result<GatewayOptions, CliError> {
    let models = ModelMcpServer::new((**setup).clone()).with_depth(depth());
    let folders = setup.mcp_plan().roots.clone();
    if folders.is_empty() {
        return Ok(with_mounts(options, vec![(MODELS, models.into())]));
    }
    let roots = Roots::new(folders, home().as_deref()).map_err(super::refused)?;
    let context = noted(context(&roots).into(), setup);
    Ok(with_mounts(options, vec![(CONTEXT, context), (MODELS, models.with_roots(roots).into())]))
}

fn with_mounts(mut options: GatewayOptions, servers: Vec<(&'static str, McpServer)>) -> GatewayOptions {
    for (path, server) in &servers {
        options = options.with_mount(*path, server.clone().into_service());
    }
    options.with_figures(move || McpServer::figures(servers.iter().map(|(_, server)| server)))
}

fn refused(error: GatewayError) -> CliError {
    match error {
        GatewayError::Public(place) => CliError::usage(
            format!("{place} is not an address of this machine alone, and nobody would be asked for a key"),
            "make one with `forge keys create NAME`, after which every client needs one, or listen on 127.0.0.1",
        ),
        error => CliError::failed("the server does not start", &error)
            .with_next("end whoever listens there, or name other addresses: `--http ADDR`, `--probes ADDR`"),
    }
}
