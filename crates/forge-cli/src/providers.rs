//! `forge providers`: who can be asked.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use forge::{Health, ProviderError};
use futures_util::future::join_all;
use serde_json::json;

use crate::{
    args::ProvidersList,
    error::CliError,
    setup::{Configured, Providers},
    show,
};

/// How long all checks together may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn list(list: ProvidersList, quiet: bool) -> Result<ExitCode, CliError> {
    let providers = Providers::choose(list.source, quiet).await?;
    let model = |one: &Configured| one.model.as_ref().map(ToString::to_string);
    let shown = if list.json {
        let rows: Vec<_> = providers
            .list
            .iter()
            .map(|one| json!({"id": one.id, "type": one.kind, "model": model(one), "found": one.found}))
            .collect();
        let simulated = providers.simulated_flag();
        show::json(&json!({"schema_version": "1.0", "simulated": simulated, "providers": rows}))
    } else {
        let rows: Vec<_> = providers
            .list
            .iter()
            .map(|one| {
                let model = model(one).unwrap_or_else(|| "(first of the server)".into());
                vec![one.id.clone(), one.kind.to_owned(), model, one.found.clone()]
            })
            .collect();
        show::out(&show::table(&["ID", "TYPE", "MODEL", "FOUND"], &[], &rows))
    };
    shown.map_err(|error| CliError::stdout(&error))?;
    Ok(ExitCode::SUCCESS)
}

/// Exit code 0 if every provider is ready, 3 if none is, 1 if some are not.
pub(crate) async fn status(list: ProvidersList, quiet: bool) -> Result<ExitCode, CliError> {
    let providers = Providers::choose(list.source, quiet).await?;
    let checks = join_all(providers.list.iter().map(check)).await;
    let ready = checks.iter().filter(|check| check.ready).count();
    let shown = if list.json {
        let rows: Vec<_> = checks
            .iter()
            .map(|one| json!({"id": one.id, "status": one.status, "detail": one.detail, "ms": one.millis}))
            .collect();
        let simulated = providers.simulated_flag();
        show::json(&json!({"schema_version": "1.0", "simulated": simulated, "providers": rows}))
    } else {
        let rows: Vec<_> = checks
            .iter()
            .map(|one| {
                vec![one.id.clone(), one.status.to_owned(), format!("{} ms", one.millis), one.detail.clone()]
            })
            .collect();
        show::out(&show::table(&["ID", "STATUS", "TIME", "DETAIL"], &[2], &rows))
    };
    shown.map_err(|error| CliError::stdout(&error))?;
    Ok(match ready {
        all if all == checks.len() => ExitCode::SUCCESS,
        0 => 3.into(),
        _ => ExitCode::FAILURE,
    })
}

struct Check {
    id: String,
    ready: bool,
    status: &'static str,
    detail: String,
    millis: u128,
}

async fn check(one: &Configured) -> Check {
    let begun = Instant::now();
    let answer = tokio::time::timeout(PATIENCE, one.adapter.health_check()).await;
    let (ready, status, detail) = match answer {
        Ok(Ok(Health::Ready)) => (true, "ready", String::new()),
        Ok(Ok(Health::Loading)) => (false, "loading", "the model is still being loaded".into()),
        Ok(Ok(Health::Empty)) => (false, "empty", "the server has no model".into()),
        Ok(Err(error)) => (false, "failed", explain(&error)),
        Err(_) => (false, "failed", format!("no answer within {} s", PATIENCE.as_secs())),
    };
    Check { id: one.id.clone(), ready, status, detail, millis: begun.elapsed().as_millis() }
}

fn explain(error: &ProviderError) -> String {
    format!("{}; {}", error, error.kind.next_step())
}
