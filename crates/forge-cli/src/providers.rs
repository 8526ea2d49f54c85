//! `forge providers`: who can be asked, and how they do.

use std::{process::ExitCode, time::Duration};

use chrono::{NaiveDate, Utc};
use forge::{
    ModelId, ModelTable,
    model::ModelRow,
    router::{HealthStatus, ProviderPlan},
};
use serde_json::json;

use crate::{
    args::{GlobalArgs, ProvidersCommand, ProvidersStatus, Source},
    error::CliError,
    layout,
    setup::Setup,
    signals::{Signal, Signals},
    terminal,
};

pub(crate) async fn run<'a>(
    command: ProvidersCommand,
    globals: impl Fn(Source) -> GlobalArgs<'a>,
) -> Result<ExitCode, CliError> {
    let args = globals(command.source());
    match command {
        ProvidersCommand::List { known: true, .. } => known(args.json),
        ProvidersCommand::List { .. } => list(args).await,
        ProvidersCommand::Status(status) => self::status(&status, args).await,
    }
}

async fn list(args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let system = Setup::open(args).await?;
    let providers = system.providers();
    let (models, today) = (forge::models(), Utc::now().date_naive());
    let shown = if args.json {
        let rows: Vec<_> = providers
            .map(|(one, found)| {
                let model = Some(&one.model).filter(|model| !model.as_str().is_empty());
                let retired = retired(one, &models, today);
                let retired = retired.map(|row| json!({"date": row.retires, "successor": row.successor}));
                json!({
                    "provider": one.id,
                    "vendor": one.vendor(),
                    "type": one.kind,
                    "model": model,
                    "retired": retired,
                    "found": found,
                })
            })
            .collect();
        terminal::json(&json!({"simulated": system.is_simulated(), "providers": rows}))
    } else {
        let rows: Vec<_> = providers
            .map(|(one, found)| {
                let model = match retired(one, &models, today) {
                    Some(row) => format!("{} ({})", one.model, crate::models::end(row, today)),
                    None => model(&one.model),
                };
                vec![one.id.to_string(), one.kind.clone(), model, found.to_owned()]
            })
            .collect();
        terminal::out(&layout::table(&["ID", "TYPE", "MODEL", "FOUND"], &[], &rows))
    };
    shown?;
    Ok(ExitCode::SUCCESS)
}

/// What the table says of the provider's model, if its time is over.
fn retired<'a>(one: &ProviderPlan, models: &'a ModelTable, today: NaiveDate) -> Option<&'a ModelRow> {
    models.find(&one.vendor(), &one.model).filter(|row| row.is_retired_on(today))
}

/// Every kind of adapter, and the vendors whose servers speak its dialect.
fn known(as_json: bool) -> Result<ExitCode, CliError> {
    let registry = forge::registry();
    let mut rows = Vec::new();
    for kind in registry.kinds() {
        let key = kind.key_variables.first().copied().unwrap_or_default();
        rows.push([kind.name.as_str(), "", kind.base_url.unwrap_or_default(), key, ""]);
        rows.extend(kind.compatible.iter().map(|vendor| {
            let key = vendor.key_variable.as_deref().unwrap_or_default();
            let place = vendor.base_url.as_deref().unwrap_or_default();
            [kind.name.as_str(), vendor.id.as_str(), place, key, vendor.checked.as_str()]
        }));
    }
    if as_json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                let [kind, dialect, endpoint, key, checked] = row.map(|text| Some(text).filter(|text| !text.is_empty()));
                json!({"type": kind, "dialect": dialect, "endpoint": endpoint, "key": key, "checked": checked})
            })
            .collect();
        terminal::json(&json!({"known": rows}))?;
    } else {
        let rows: Vec<_> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        terminal::out(&layout::table(&["TYPE", "DIALECT", "ENDPOINT", "KEY", "CHECKED"], &[], &rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Exit code 0 if every provider is ready, 3 if none is, 1 if some are not.
async fn status(status: &ProvidersStatus, args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let mut system = Setup::open(args).await?;
    match status.watch {
        None => check(&system, args.json).await,
        Some(every) => watch(&mut system, *every, args.json, args).await,
    }
}

/// Checks again and again, until an interrupt or a termination. A hangup reads the configuration again.
async fn watch(
    system: &mut Setup,
    every: Duration,
    as_json: bool,
    args: GlobalArgs<'_>,
) -> Result<ExitCode, CliError> {
    let mut signals = Signals::new()?;
    loop {
        check(system, as_json).await?;
        let signal = tokio::select! {
            () = tokio::time::sleep(every) => continue,
            signal = signals.next() => signal,
        };
        if signal == Signal::End {
            // Checks are free, so that little is lost with those that do not end in time.
            system.close(Duration::from_secs(1)).await;
            return Ok(ExitCode::SUCCESS);
        }
        match system.reload().await {
            Ok(()) => terminal::note(args.quiet, "the configuration was reloaded"),
            // Said even to those who want quiet: what they have changed does not hold.
            Err(error) => terminal::note(false, &format!("{error}the old configuration stays in use")),
        }
    }
}

async fn check(system: &Setup, as_json: bool) -> Result<ExitCode, CliError> {
    let checks = system.router().check().await;
    let now = system.router().timer().now();
    let ready = checks.iter().filter(|check| check.status == HealthStatus::Ready).count();
    let shown = if as_json {
        let rows: Vec<_> = checks
            .iter()
            .map(|one| {
                json!({
                    "provider": one.provider,
                    "type": one.kind,
                    "model": one.model,
                    "status": one.status,
                    "detail": one.detail,
                    "limited_until": one.rate_limit.reset_at(now),
                    "duration_ms": terminal::millis(one.took),
                })
            })
            .collect();
        terminal::json(&json!({"simulated": system.is_simulated(), "providers": rows}))
    } else {
        let rows: Vec<_> = checks
            .iter()
            .map(|one| {
                let limited = one.rate_limit.reset_at(now);
                let limited =
                    limited.map(|until| format!("rate limited until {}", until.format("%F %T UTC")));
                let detail = one.detail.iter().chain(&limited).cloned().collect::<Vec<_>>().join("; ");
                let took = one.took.as_millis();
                let status = one.status.to_string();
                vec![one.provider.to_string(), model(&one.model), status, format!("{took} ms"), detail]
            })
            .collect();
        terminal::out(&layout::table(&["ID", "MODEL", "STATUS", "TIME", "DETAIL"], &[3], &rows))
    };
    shown?;
    Ok(match ready {
        all if all == checks.len() => ExitCode::SUCCESS,
        0 => 3.into(),
        _ => ExitCode::FAILURE,
    })
}

fn model(model: &ModelId) -> String {
    if model.as_str().is_empty() { "(first of the server)".into() } else { model.to_string() }
}
