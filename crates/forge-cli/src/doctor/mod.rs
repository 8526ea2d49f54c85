//! `forge doctor`: what the command finds on this machine, and what mends it.

mod accounts;
mod ignored;
mod keys;
mod network;
mod places;

use std::{path::Path, process::ExitCode};

use forge::{FoundFile, config::ConfigFile};
use serde_json::{Value, json};

use crate::{
    args::{Doctor, GlobalArgs},
    config,
    error::CliError,
    layout,
    paths::{paths, variable},
    setup::Setup,
    terminal,
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

/// What a thing that was looked at means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Good,
    /// Nothing is wrong, but somebody may think that something works which does not.
    Note,
    Bad,
}

/// One thing that was looked at.
#[derive(Debug)]
struct Check {
    topic: &'static str,
    status: Status,
    text: String,
    facts: Value,
    /// What to do.
    next: Option<String>,
}

impl Check {
    fn good(topic: &'static str, text: impl Into<String>, facts: Value) -> Self {
        Self { topic, status: Status::Good, text: text.into(), facts, next: None }
    }

    fn note(topic: &'static str, text: impl Into<String>, facts: Value, next: impl Into<String>) -> Self {
        Self { topic, status: Status::Note, text: text.into(), facts, next: Some(next.into()) }
    }

    fn bad(topic: &'static str, text: impl Into<String>, facts: Value, next: impl Into<String>) -> Self {
        Self { topic, status: Status::Bad, text: text.into(), facts, next: Some(next.into()) }
    }

    fn of_error(topic: &'static str, error: &CliError) -> Self {
        let text = error.to_string().lines().next().unwrap_or_default().to_owned();
        let facts = error.summary();
        let next = facts["next"].as_str().filter(|next| !next.is_empty()).unwrap_or("forge config check");
        let next = next.to_owned();
        Self::bad(topic, text, facts, next)
    }

    fn is_good(&self) -> bool {
        self.status != Status::Bad
    }
}

/// The configuration that was found, read as if every variable in it were set.
struct Configured {
    found: FoundFile,
    /// `None` if it has mistakes beside that.
    file: Option<ConfigFile>,
}

impl Configured {
    fn find(named: Option<&Path>) -> Option<Self> {
        let found = FoundFile::find(named, &paths()).ok()??;
        let file = found.load(&forge::registry(), &forge::models(), config::written).ok();
        Some(Self { found, file })
    }

    fn name(&self) -> String {
        self.found.path.display().to_string()
    }

    /// Whether a variable is referred to anywhere in it.
    fn uses(&self, variable: &str) -> bool {
        ["}", ":-"].iter().any(|end| self.found.text.contains(&format!("${{{variable}{end}")))
    }
}

/// Exit code 0 if nothing is wrong, else 1.
pub(crate) async fn run(doctor: Doctor, args: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let configured = Configured::find(args.config);
    // The accounts are made where there are none, so that the places are looked at before.
    let mut checks = vec![version(), clock(), variables(), configuration(args.config)];
    checks.extend(keys::checks(configured.as_ref()));
    checks.push(network::local_servers(args.source.offline).await);
    checks.push(network::proxies());
    checks.extend(ignored::checks(configured.as_ref()));
    checks.extend(places::checks(args.config));
    checks.push(accounts::check());
    if doctor.live {
        checks.push(providers(args).await);
    }
    let good = checks.iter().all(Check::is_good);
    if args.json {
        let checks: Vec<_> = checks.into_iter().map(as_json).collect();
        terminal::json(&json!({"ok": good, "findings": checks}))?;
    } else {
        terminal::out(&as_text(&checks))?;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn as_json(check: Check) -> Value {
    let ok = check.is_good();
    let mut object = json!({"topic": check.topic, "ok": ok, "text": check.text, "facts": check.facts});
    if let Some(next) = check.next {
        object["next"] = next.into();
    }
    object
}

/// A table in which what to do stands below its line.
fn as_text(checks: &[Check]) -> String {
    let mark = |check: &Check| match check.status {
        Status::Good => "ok",
        Status::Note => "note",
        Status::Bad => "BAD",
    };
    // A line for each, because what to do is put below a line by its number.
    let rows: Vec<_> = checks
        .iter()
        .map(|one| vec![mark(one).to_owned(), one.topic.to_owned(), one.text.replace('\n', " ")])
        .collect();
    let table = layout::table(&["", "TOPIC", "FOUND"], &[], &rows);
    let mut lines = table.lines().map(str::to_owned);
    let mut all: Vec<_> = lines.next().into_iter().collect();
    for (line, check) in lines.zip(checks) {
        all.push(line);
        all.extend(check.next.iter().map(|next| format!("      next: {next}")));
    }
    all.join("\n") + "\n"
}

fn version() -> Check {
    let version = env!("CARGO_PKG_VERSION");
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let facts = json!({"version": version, "system": system});
    Check::good("version", format!("forge {version} on {system}"), facts)
}

/// Prices, retirements and day budgets hang on the clock, which cannot be right before the table of models was made.
fn clock() -> Check {
    let now = chrono::Utc::now();
    let models = forge::models();
    let made = models.rows().iter().map(|row| row.checked.as_str()).max().unwrap_or_default();
    let facts = json!({"now": now, "not_before": made});
    let shown = now.format("%Y-%m-%d %H:%M:%S UTC");
    if now.format("%Y-%m-%d").to_string().as_str() >= made {
        return Check::good("clock", shown.to_string(), facts);
    }
    let text = format!("{shown}, which is before the day of the model table, {made}");
    Check::bad("clock", text, facts, "set the clock, for example with `timedatectl set-ntp true`")
}

fn variables() -> Check {
    let registry = forge::registry();
    let adapters = registry.kinds().iter().flat_map(|kind| [kind.key_variables, kind.base_url_variables]);
    let set: Vec<_> =
        adapters.flatten().copied().chain(VARIABLES).filter(|name| variable(name).is_some()).collect();
    let text = if set.is_empty() { "none that Forge reads is set".into() } else { set.join(", ") };
    Check::good("variables", text, json!(set))
}

fn configuration(named: Option<&Path>) -> Check {
    let topic = "configuration";
    match config::find_and_load(named) {
        Ok(Some(loaded)) => {
            let (path, warnings) = (loaded.path.display().to_string(), loaded.file.warnings.len());
            let providers = loaded.file.plan.providers.len();
            let text = format!("{path}: {providers} providers, {warnings} warnings");
            Check::good(topic, text, json!({"path": path, "providers": providers, "warnings": warnings}))
        }
        Ok(None) => Check::good(topic, "none; providers come from the environment", Value::Null),
        Err(error) => Check::of_error(topic, &error),
    }
}

async fn providers(args: GlobalArgs<'_>) -> Check {
    let topic = "providers";
    // Quiet: the first line on stderr would stand in the middle of the findings.
    let system = match Setup::open(GlobalArgs { quiet: true, ..args }).await {
        Ok(system) => system,
        Err(error) => return Check::of_error(topic, &error),
    };
    let checks = system.router().check().await;
    let ready = |one: &forge::router::ProviderHealth| one.status == forge::router::HealthStatus::Ready;
    let texts: Vec<_> = checks.iter().map(|one| format!("{} {}", one.provider, one.status)).collect();
    let (text, facts) = (texts.join(", "), json!(checks));
    if checks.iter().all(ready) {
        Check::good(topic, text, facts)
    } else {
        Check::bad(topic, text, facts, "forge providers status")
    }
}
