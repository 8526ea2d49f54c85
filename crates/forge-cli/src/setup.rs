//! Which providers the command works with, said on the first line of stderr.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use forge::{System, SystemBuilder, SystemError, router::ProviderPlan, watch::EventLog};
use forge_sim::Sim;

use crate::{args::GlobalArgs, config, error::CliError, paths::variable, sim::simulated, terminal::note};

/// The system in use, which may bring its own vendors. They end with this value.
#[derive(Debug)]
pub(crate) struct Setup(System, Option<Sim>);

impl Setup {
    /// Takes the providers that are found, or else simulated ones.
    pub(crate) async fn open(args: GlobalArgs<'_>) -> Result<Self, CliError> {
        Self::of(System::builder(variable), args, Vec::new()).await
    }

    /// The same for a server: it publishes in this log what the system does, and simulated vendors also answer together, as a
    /// council.
    pub(crate) async fn of_server(args: GlobalArgs<'_>, log: EventLog) -> Result<Self, CliError> {
        let builder = System::builder(variable).events(log);
        Self::of(builder, args, vec![forge::offline::council()]).await
    }

    /// The system of `builder`, where `more` providers stand beside simulated ones.
    async fn of(
        mut builder: SystemBuilder,
        args: GlobalArgs<'_>,
        more: Vec<ProviderPlan>,
    ) -> Result<Self, CliError> {
        builder = args.config.map_or(builder.clone(), |path| builder.clone().config(path));
        // Offline is as if nobody were found: no file is read, whatever stands in it.
        let found =
            if args.source.offline { Err(SystemError::NoProvider) } else { builder.clone().open().await };
        let setup = match found {
            Err(SystemError::NoProvider) => {
                let (system, sim) = simulated(builder, args.source.seed, args.scenario, more).await?;
                Self(system, Some(sim))
            }
            found => Self(found.map_err(config::refused)?, None),
        };
        // An accident that is asked for and does not happen would look like one that was survived.
        if args.injects && !setup.is_simulated() {
            return Err(CliError::usage(
                "`--inject` works with simulated vendors only",
                "add `--offline`, or leave `--inject` out",
            ));
        }
        let names: Vec<_> = setup.providers().map(|(one, origin)| format!("{} ({origin})", one.id)).collect();
        let why =
            if args.source.offline { "offline" } else { "no API key is set and no local server answers" };
        // On the first line, so that no simulated answer passes for a real one.
        let first = if setup.is_simulated() {
            format!("SIMULATED: {why}; simulated vendors answer, no model is asked")
        } else {
            format!("providers: {}", names.join(", "))
        };
        let unrecorded = "calls are not recorded: set FORGE_HOME to a folder, or HOME".to_owned();
        let unrecorded = setup.store().is_none().then_some(unrecorded);
        let lines = [first].into_iter().chain(setup.warnings().iter().cloned()).chain(unrecorded);
        lines.for_each(|line| note(args.quiet, &line));
        Ok(setup)
    }

    pub(crate) fn is_simulated(&self) -> bool {
        self.1.is_some()
    }

    /// Reads the configuration again. If it cannot be used, everything stays as it is.
    pub(crate) async fn reload(&mut self) -> Result<(), CliError> {
        // Simulated vendors have no file to read.
        if self.is_simulated() { Ok(()) } else { self.0.reload().await.map_err(config::refused) }
    }

    /// Ends what is under way and sees to it that every call is accounted for.
    pub(crate) async fn close(&self, grace: Duration) {
        if let Err(error) = self.0.close(grace).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the last calls may be missing in the accounts");
        }
    }
}

impl Deref for Setup {
    type Target = System;

    fn deref(&self) -> &System {
        &self.0
    }
}

impl DerefMut for Setup {
    fn deref_mut(&mut self) -> &mut System {
        &mut self.0
    }
}
