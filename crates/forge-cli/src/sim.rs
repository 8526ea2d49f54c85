//! `forge sim`: the simulated vendors as a server.

use std::process::ExitCode;

use forge::{
    System, SystemBuilder, offline,
    router::{ProviderPlan, RouterPlan},
};
use forge_sim::{Scenario, Sim, SimConfig, Vendor};
use serde_json::json;

use crate::{args, config, error::CliError, files, layout, signals::Interrupts, terminal};

pub(crate) async fn run(options: args::Sim, json: bool) -> Result<ExitCode, CliError> {
    let scenario = match &options.scenario {
        None => Scenario::default(),
        Some(path) => Scenario::from_yaml(&files::read(path)?)
            .map_err(|error| CliError::content(path, "a scenario", &error))?,
    };
    let config = SimConfig { listen: options.listen, seed: options.seed, scenario, ..offline::config() };
    // Before the port is open, so that a termination that comes early ends the server in order.
    let mut interrupts = Interrupts::new()?;
    let sim = Sim::start(config)
        .await
        .map_err(|error| CliError::failed(format!("cannot serve on {}", options.listen), &error))?;
    let rows: Vec<_> =
        Vendor::ALL.iter().map(|vendor| vec![vendor.to_string(), sim.base_url(*vendor)]).collect();
    let requests = format!("http://{}/__sim/requests", sim.addr());
    if json {
        let vendors: Vec<_> = rows.iter().map(|row| json!({"vendor": row[0], "base_url": row[1]})).collect();
        terminal::json(&json!({"simulated": true, "vendors": vendors, "requests_url": requests}))?;
    } else {
        let table = layout::table(&["VENDOR", "BASE URL"], &[], &rows);
        terminal::out(&format!("{table}requests so far: GET {requests}\n"))?;
    }
    interrupts.next().await;
    sim.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// A system of `builder` whose vendors are simulated in this process, with `more` providers beside them. They end with the
/// second value.
pub(crate) async fn simulated(
    builder: SystemBuilder,
    seed: u64,
    scenario: &str,
    more: Vec<ProviderPlan>,
) -> Result<(System, Sim), CliError> {
    let scenario = Scenario::from_yaml(scenario)
        .map_err(|error| CliError::failed("the simulated vendors have no scenario", &error))?;
    let sim = Sim::start(SimConfig { seed, scenario, ..offline::config() })
        .await
        .map_err(|error| CliError::failed("the simulated vendors did not start", &error))?;
    // A file of its own, so that no sum mixes simulated calls with real ones.
    let builder = builder.accounts("simulated.db").simulated();
    let mut plan = RouterPlan::of(offline::providers(&sim));
    plan.providers.extend(more);
    let system = builder.plan(plan, "simulated").open().await;
    Ok((system.map_err(config::refused)?, sim))
}
