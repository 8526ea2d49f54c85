//! `forge sim`: the simulated vendors as a server.

use std::process::ExitCode;

use forge_sim::{Scenario, Sim, SimConfig, Vendor};

use crate::{args, error::CliError, files, show, signals::Ends};

pub(crate) async fn run(options: args::Sim) -> Result<ExitCode, CliError> {
    let scenario = match &options.scenario {
        None => Scenario::default(),
        Some(path) => Scenario::from_yaml(&files::read(path)?)
            .map_err(|error| CliError::content(path, "a scenario", &error))?,
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
    show::out(&format!("{table}{control}"))?;
    ends.next().await;
    sim.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
