//! `forge doctor`: what the command finds on this machine.

use std::{path::Path, process::ExitCode};

use forge::store::StoreState;
use serde_json::{Value, json};

use crate::{
    args::{Doctor, Wanted},
    config,
    error::CliError,
    metrics,
    paths::{paths, variable},
    setup::Setup,
    show,
};

/// What is looked for in the environment beside the variables of the adapters; values are never shown.
const VARIABLES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "FORGE_HOME",
    "FORGE_LOG",
    "FORGE_MAX_COST",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/// One thing that was looked at.
struct Finding {
    topic: &'static str,
    good: bool,
    text: String,
    facts: Value,
}

/// Exit code 0 if nothing is wrong, else 1.
pub(crate) async fn run(doctor: Doctor, wanted: Wanted<'_>) -> Result<ExitCode, CliError> {
    let mut findings = vec![version(), clock(), variables(), configuration(wanted.config), accounts()];
    if doctor.live {
        findings.push(providers(wanted).await);
    }
    let good = findings.iter().all(|finding| finding.good);
    let shown = if wanted.json {
        let facts = findings
            .into_iter()
            .map(|one| json!({"topic": one.topic, "ok": one.good, "text": one.text, "facts": one.facts}));
        show::json(&json!({"ok": good, "findings": facts.collect::<Vec<_>>()}))
    } else {
        let rows: Vec<_> = findings
            .into_iter()
            .map(|one| vec![if one.good { "ok" } else { "BAD" }.into(), one.topic.to_owned(), one.text])
            .collect();
        show::out(&show::table(&["", "TOPIC", "FOUND"], &[], &rows))
    };
    shown?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn version() -> Finding {
    let version = env!("CARGO_PKG_VERSION");
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let facts = json!({"version": version, "system": system});
    Finding { topic: "version", good: true, text: format!("forge {version} on {system}"), facts }
}

/// Prices, retirements and day budgets hang on the clock, which cannot be right before the table of models was made.
fn clock() -> Finding {
    let now = chrono::Utc::now();
    let models = forge::models();
    let made = models.rows().iter().map(|row| row.checked.as_str()).max().unwrap_or_default();
    let good = now.format("%Y-%m-%d").to_string().as_str() >= made;
    let late = if good { "" } else { &format!(", before the table of models of {made}: set the clock") };
    let text = format!("{}{late}", now.format("%Y-%m-%d %H:%M:%S UTC"));
    Finding { topic: "clock", good, text, facts: json!({"now": now, "not_before": made}) }
}

fn variables() -> Finding {
    let registry = forge::registry();
    let adapters = registry.kinds().iter().flat_map(|kind| [kind.key_variables, kind.base_url_variables]);
    let set: Vec<_> =
        adapters.flatten().copied().chain(VARIABLES).filter(|name| variable(name).is_some()).collect();
    let text = if set.is_empty() { "none of ours is set".into() } else { set.join(", ") };
    Finding { topic: "variables", good: true, text, facts: json!(set) }
}

fn configuration(named: Option<&Path>) -> Finding {
    let (good, text, facts) = match config::find_and_load(named) {
        Ok(Some(loaded)) => {
            let (path, warnings) = (loaded.path.display().to_string(), loaded.file.warnings.len());
            let providers = loaded.file.plan.providers.len();
            let text = format!("{path}: {providers} providers, {warnings} warnings");
            (true, text, json!({"path": path, "providers": providers, "warnings": warnings}))
        }
        Ok(None) => (true, "none; providers come from the environment".into(), Value::Null),
        Err(error) => (false, first_line(&error), error.summary()),
    };
    Finding { topic: "configuration", good, text, facts }
}

fn first_line(error: &CliError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn accounts() -> Finding {
    let topic = "accounts";
    if paths().state.is_none() {
        let text = "nowhere: set FORGE_HOME to a folder, or HOME".into();
        return Finding { topic, good: false, text, facts: Value::Null };
    }
    let Some(store) = metrics::ledger(false, true) else {
        return Finding { topic, good: false, text: "off".into(), facts: Value::Null };
    };
    let (path, status) = (store.path().display().to_string(), store.status());
    let bytes = status.database_bytes + status.log_bytes;
    let mode = mode(store.path());
    let shown = mode.as_ref().map_or_else(String::new, |mode| format!("mode {mode}, "));
    let mut text = format!("{path}: {bytes} bytes, {shown}SQLite {}", status.sqlite_version);
    if status.spool_bytes > 0 {
        text = format!("{text}, {} bytes wait in {}", status.spool_bytes, store.spool_path().display());
    }
    if let Some(error) = &status.last_error {
        text = format!("{text}; {error}");
    }
    // What keeps the file from being opened is the last error already.
    let fault = if status.state == StoreState::Writing { store.check().err() } else { None };
    if let Some(fault) = &fault {
        text = format!("{text}; {fault}");
    }
    let good = status.state == StoreState::Writing && status.quarantined == 0 && fault.is_none();
    let fault = fault.map(|fault| json!({"kind": fault.kind().as_str(), "text": fault.to_string()}));
    Finding {
        topic,
        good,
        text,
        facts: json!({"path": path, "mode": mode, "status": status, "fault": fault}),
    }
}

/// Who may read and write a file, in octal; the store takes it from everybody but the owner.
#[cfg(unix)]
fn mode(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let found = std::fs::metadata(path).ok()?;
    Some(format!("{:o}", found.permissions().mode() & 0o777))
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<String> {
    None
}

async fn providers(wanted: Wanted<'_>) -> Finding {
    let topic = "providers";
    let system = match Setup::open(Wanted { quiet: true, ..wanted }).await {
        Ok(system) => system,
        Err(error) => {
            return Finding { topic, good: false, text: first_line(&error), facts: error.summary() };
        }
    };
    let checks = system.router().check().await;
    let ready = |one: &forge::router::ProviderHealth| one.status == forge::router::HealthStatus::Ready;
    let texts: Vec<_> = checks.iter().map(|one| format!("{} {}", one.provider, one.status)).collect();
    Finding { topic, good: checks.iter().all(ready), text: texts.join(", "), facts: json!(checks) }
}
