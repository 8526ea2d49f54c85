use std::{future::Future, net::SocketAddr};

use forge::{
    System, SystemBuilder,
    offline::{self, Scenario, Sim, SimConfig},
    router::{ProviderPlan, RouterPlan},
};
use forge_gateway::{Gateway, GatewayHandle, GatewayOptions};
use tokio::{sync::oneshot, task::JoinHandle};

/// A gateway in front of simulated vendors.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) system: System,
    pub(crate) sim: Sim,
    pub(crate) handle: GatewayHandle,
    pub(crate) probes: Option<SocketAddr>,
    end: oneshot::Sender<()>,
    serving: JoinHandle<bool>,
}

impl Server {
    pub(crate) async fn start(scenario: &str) -> Self {
        Self::with(scenario, |_| {}).await
    }

    pub(crate) async fn with(scenario: &str, change: impl FnOnce(&mut GatewayOptions)) -> Self {
        Self::over(scenario, |_| {}, change).await
    }

    /// A gateway over providers that `place` has changed.
    pub(crate) async fn over(
        scenario: &str,
        place: impl FnOnce(&mut Vec<ProviderPlan>),
        change: impl FnOnce(&mut GatewayOptions),
    ) -> Self {
        let builder = System::builder(|_| None).in_memory();
        Self::built(scenario, builder, place, |_, options| change(options)).await
    }

    /// One whose accounts are where `builder` keeps them.
    pub(crate) async fn built(
        scenario: &str,
        builder: SystemBuilder,
        place: impl FnOnce(&mut Vec<ProviderPlan>),
        change: impl FnOnce(&System, &mut GatewayOptions),
    ) -> Self {
        Self::run(scenario, builder, place, |_| {}, change).await
    }

    /// One whose calls are routed as `route` says.
    pub(crate) async fn routed(
        scenario: &str,
        route: impl FnOnce(&mut RouterPlan),
        change: impl FnOnce(&mut GatewayOptions),
    ) -> Self {
        let builder = System::builder(|_| None).in_memory();
        Self::run(scenario, builder, |_| {}, route, |_, options| change(options)).await
    }

    async fn run(
        scenario: &str,
        builder: SystemBuilder,
        place: impl FnOnce(&mut Vec<ProviderPlan>),
        route: impl FnOnce(&mut RouterPlan),
        change: impl FnOnce(&System, &mut GatewayOptions),
    ) -> Self {
        let scenario = Scenario::from_yaml(scenario).unwrap();
        let sim = Sim::start(SimConfig { seed: 7, scenario, ..offline::config() }).await.unwrap();
        let mut providers = offline::providers(&sim);
        place(&mut providers);
        let mut plan = RouterPlan::of(providers);
        plan.retry.max_retries = 0;
        route(&mut plan);
        let system = builder.plan(plan, "test").open().await.unwrap();
        let mut options = GatewayOptions::default();
        options.plan.listen = vec!["127.0.0.1:0".parse().unwrap()];
        change(&system, &mut options);
        let gateway = Gateway::bind(system.router().clone(), options).await.unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let (address, probes, handle) =
            (gateway.address().unwrap(), gateway.probes_address(), gateway.handle());
        let serving = tokio::spawn(gateway.serve(async {
            let _ = ended.await;
        }));
        Self { address, system, sim, handle, probes, end, serving }
    }

    /// How many calls the vendors were asked for.
    pub(crate) fn calls(&self) -> usize {
        self.sim.journal().iter().filter(|request| request.method == "POST").count()
    }

    /// Tells the server to end, and returns whether every connection had ended in time.
    pub(crate) fn end(self) -> impl Future<Output = bool> {
        let Self { end, serving, system, sim, .. } = self;
        end.send(()).unwrap();
        async move {
            let ended = serving.await.unwrap();
            drop((system, sim));
            ended
        }
    }
}
