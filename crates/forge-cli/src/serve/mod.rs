//! `forge serve`: the vendors' APIs for other programs.

mod env;
mod notify;
mod url;

#[cfg(feature = "otlp")]
use std::sync::Arc;
use std::{error::Error, io::Write as _, process::ExitCode, time::Duration};

use forge::{
    config::{AdminPlace, Listen, ServePlan},
    storage::access::AuditLog,
    watch::EventLog,
};
use forge_gateway::{Gateway, GatewayError, GatewayHandle, GatewayOptions, RequestLog};
use serde_json::json;
use tokio::{sync::oneshot, task::JoinSet};

use self::notify::notify;
pub(crate) use self::url::running;
use crate::{
    args::{GlobalArgs, Serve, ServeCommand},
    error::CliError,
    setup::Setup,
    signals::{Signal, Signals},
    terminal::{self, note},
};

pub(crate) async fn run(args: Serve, globals: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    match args.command {
        Some(ServeCommand::Env { client, listen, model }) => {
            return env::run(client, listen, model, globals.quiet, globals.json);
        }
        Some(ServeCommand::Url) => return url::run(globals.json),
        None => {}
    }
    let (quiet, json) = (globals.quiet, globals.json);
    let mut setup = Setup::of_server(globals, EventLog::default()).await?;
    let mut options = GatewayOptions::new(plan(&setup, &args)).with_sessions(setup.running_sessions());
    options.log = Some(RequestLog::new(|line| {
        // A standard error that is closed takes no lines, and the server goes on.
        let line = serde_json::to_string(line).unwrap_or_default();
        let _ = writeln!(std::io::stderr(), "{line}");
    }));
    if let Some(store) = setup.store() {
        options = options.with_store(store.clone());
    } else if options.plan.keep_responses.is_some() {
        note(quiet, "responses are not kept: set FORGE_HOME to a folder, or HOME, where the accounts can be");
    }
    options.run = url::folder();
    #[cfg(feature = "mcp")]
    {
        options = crate::mcp::mounted(options, &setup)?;
    }
    // What is only looked at takes no place from a server that runs.
    let public = options.plan.listen.iter().find(|place| place.is_public()).cloned();
    if args.check {
        options.plan.listen.clear();
        options.plan.probes = None;
        options.plan.admin = Some(AdminPlace::Off);
    }
    // Before the address is open, so that a termination that comes early ends the server in order.
    let mut signals = Signals::new()?;
    let gateway = Gateway::bind(setup.router().clone(), options).await.map_err(refused)?;
    if gateway.asks_for_keys() && !setup.is_durable() {
        return Err(CliError::usage(
            "the accounts cannot be written, and the budgets of the keys would be forgotten with the server",
            "`forge doctor` says what is wrong with them",
        ));
    }
    if args.check {
        if let Some(place) = public.filter(|_| !gateway.asks_for_keys()) {
            return Err(refused(GatewayError::Public(place)));
        }
        note(quiet, "the server could start: its configuration, its certificate and its keys can be read");
        return Ok(ExitCode::SUCCESS);
    }
    if args.require_all {
        let (line, all) = answering(&setup).await;
        if !all {
            return Err(CliError::usage(line, "mend them, or leave `--require-all` out"));
        }
    }
    tell(&gateway, &setup, quiet, json)?;
    let handle = gateway.handle();
    #[cfg(feature = "otlp")]
    let metrics = crate::otlp::Metrics::of(handle.clone(), setup.router().timer()).map(Arc::new);
    #[cfg(feature = "otlp")]
    let sending = metrics.clone().map(|metrics| tokio::spawn(async move { metrics.keep_sending().await }));
    let (end, ended) = oneshot::channel::<()>();
    let mut serving = tokio::spawn(gateway.serve(async {
        let _ = ended.await;
    }));
    #[cfg(unix)]
    let _workflows = publish_workflows(&setup);
    notify("READY=1");
    // Beside the first requests: who waits for a vendor that is down would wait for nothing.
    if !setup.is_simulated() {
        note(quiet, &answering(&setup).await.0);
    }
    while signals.next().await == Signal::Reload {
        match reload(&mut setup, &handle, &args).await {
            Ok(()) => note(quiet, "the configuration was read again"),
            // A server that is at work goes on with what it has.
            Err(error) => note(quiet, &format!("the configuration stays as it was: {error}")),
        }
    }
    notify("STOPPING=1");
    let _ = end.send(());
    note(quiet, "no more requests are taken; a second signal ends the calls under way");
    tokio::select! {
        _ = &mut serving => {}
        _ = signals.next() => serving.abort(),
    }
    #[cfg(feature = "otlp")]
    if let Some((metrics, sending)) = metrics.zip(sending) {
        sending.abort();
        // What has come since the last time.
        metrics.send().await;
    }
    if let Some(store) = setup.store() {
        tell_newest(&**store, quiet).await;
    }
    setup.close(Duration::ZERO).await;
    Ok(ExitCode::SUCCESS)
}

/// Says which entry of the log of keys is the newest, so that somebody may keep it elsewhere.
async fn tell_newest(log: &dyn AuditLog, quiet: bool) {
    if let Some(newest) = log.audit(None).await.ok().and_then(|mut entries| entries.pop()) {
        let hash = newest.hash;
        note(
            quiet,
            &format!("the newest entry of the log is {hash}; `forge audit --verify --expect {hash}`"),
        );
    }
}

/// Tells those who watch the server what workflows do, until it is dropped.
#[cfg(unix)]
fn publish_workflows(setup: &Setup) -> Option<JoinSet<()>> {
    let (store, log) = (setup.store()?.clone(), setup.router().events()?.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(forge::publish_workflows(store, log, setup.router().timer()));
    Some(tasks)
}

/// What the configuration says, and the command line, which goes before it.
fn plan(setup: &Setup, args: &Serve) -> ServePlan {
    let mut plan = setup.serve_plan().clone();
    if !args.listen.is_empty() {
        plan.listen.clone_from(&args.listen);
    }
    plan.probes = args.probes.or(plan.probes);
    plan.admin = args.admin.or(plan.admin);
    plan.grace = args.grace.unwrap_or(plan.grace);
    plan
}

async fn reload(setup: &mut Setup, handle: &GatewayHandle, args: &Serve) -> Result<(), CliError> {
    setup.reload().await?;
    let refused = |error: forge_gateway::TlsError| CliError::failed("the certificate cannot be used", &error);
    handle.reload(plan(setup, args)).map_err(refused)
}

/// Says where it serves and who is let in.
fn tell(gateway: &Gateway, setup: &Setup, quiet: bool, json: bool) -> Result<(), CliError> {
    let scheme = if gateway.is_encrypted() { "https" } else { "http" };
    let place = |place: Listen| match place {
        Listen::Tcp(address) => format!("{scheme}://{address}"),
        other => other.to_string(),
    };
    let places: Vec<String> = gateway.places().into_iter().map(place).collect();
    if json {
        terminal::json(&json!({
            "address": gateway.address().map(|address| place(Listen::Tcp(address))),
            "places": places,
            "probes": gateway.probes_address(),
            "admin": gateway.admin_place().map(|place| match place {
                // TLS is for the clients of other machines.
                Listen::Tcp(address) => format!("http://{address}"),
                other => other.to_string(),
            }),
            "keys": gateway.asks_for_keys(),
            "simulated": setup.is_simulated(),
        }))?;
    }
    let who = if gateway.asks_for_keys() {
        "clients bring a key of `forge keys`"
    } else {
        "any program of this machine may ask, and no key is needed"
    };
    note(quiet, &format!("serving {}; {who}", places.join(", ")));
    if let Some(probes) = gateway.probes_address() {
        note(quiet, &format!("probes and metrics: http://{probes}"));
    }
    if gateway.admin_place().is_some() {
        note(quiet, "`forge watch` shows what it does, `forge serve url` says where");
    }
    note(quiet, "`forge serve env claude-code` says how to point a program at it; Ctrl-C ends it");
    Ok(())
}

/// Which providers answer, on one line, and whether all of them do.
async fn answering(setup: &Setup) -> (String, bool) {
    let checks = setup.router().check().await;
    let (ready, others): (Vec<_>, Vec<_>) =
        checks.iter().partition(|check| check.status == forge::router::HealthStatus::Ready);
    let count = format!("{} of {} providers answer", ready.len(), checks.len());
    let silent: Vec<_> = others
        .iter()
        .map(|other| {
            format!("{} is {} ({})", other.provider, other.status, other.detail.as_deref().unwrap_or("?"))
        })
        .collect();
    (if silent.is_empty() { count } else { format!("{count}: {}", silent.join("; ")) }, silent.is_empty())
}

fn refused(error: GatewayError) -> CliError {
    let what = "the server does not start";
    let failed = |error: &dyn Error| CliError::failed(what, error);
    match error {
        GatewayError::Public(place) => CliError::usage(
            format!("{place} is not an address of this machine alone, and nobody would be asked for a key"),
            "make one with `forge keys create NAME`, after which every client needs one, or listen on 127.0.0.1",
        ),
        GatewayError::Listen { .. } => {
            failed(&error).with_next("end whoever listens there, or choose another place with `--listen`")
        }
        GatewayError::Admin { .. } => failed(&error).with_next(
            "end the server that is watched there, or choose another place or `off` with `--admin`",
        ),
        GatewayError::Keys(_) => {
            failed(&error).with_next("`forge doctor` looks at the accounts, where the keys are kept")
        }
        error => failed(&error),
    }
}
