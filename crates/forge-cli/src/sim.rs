//! `forge sim`: the simulated vendors as a server.

use std::process::ExitCode;

use forge_sim::{Scenario, Sim, SimConfig, Vendor};

use crate::{args, error::CliError, show, signals::Ends};

pub(crate) async fn run(options: args::Sim) -> Result<ExitCode, CliError> {
    let scenario = match &options.scenario {
        None => Scenario::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| CliError::file(path, &error))?;
            Scenario::from_yaml(&text).map_err(|error| CliError::content(path, "a scenario", &error))?
        }
    };
    let config = SimConfig { listen: options.listen, seed: options.seed, scenario, ..SimConfig::default() };
    let mut ends = Ends::new()?;
    let sim = Sim::start(config)
        .await
        .map_err(|error| CliError::failed(format!("cannot serve on {}", options.listen), &error))?;
    let rows: Vec<_> =
        Vendor::ALL.iter().map(|vendor| vec![vendor.to_string(), sim.base_url(*vendor)]).collect();
    let table = show::table(&["VENDOR", "BASE URL"], &[], &rows);
    let control = format!("requests so far: GET http://{}/__sim/requests\n", sim.addr());
    show::out(&format!("{table}{control}")).map_err(|error| CliError::stdout(&error))?;
    ends.next().await;
    sim.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
