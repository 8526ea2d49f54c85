//! Both MCP servers in a program of its own, each at its own port: questions about the code below a folder, and models, which
//! are simulated here. It serves until its standard input ends.
//!
//! `cargo run -p forge-examples --example mcp_servers`

#![allow(clippy::print_stdout, reason = "an example is a program")]

use std::error::Error;

use forge::{
    System,
    config::{AdminPlace, Listen, ServePlan},
    offline::{self, Sim},
    router::RouterPlan,
};
use forge_gateway::{Gateway, GatewayOptions};
use forge_mcp::{ContextMcpServer, McpServer, ModelMcpServer, Roots};
use tokio::{io::AsyncReadExt as _, sync::watch, task::JoinSet};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::start(offline::config()).await?;
    let plan = RouterPlan::of(offline::providers(&sim));
    let system = System::builder(|_| None).plan(plan, "simulated").simulated().open().await?;

    let roots = Roots::new([concat!(env!("CARGO_MANIFEST_DIR"), "/adapter").into()], None)?;
    let context = McpServer::from(ContextMcpServer::new(&roots));
    let models = McpServer::from(ModelMcpServer::new(system.clone()).with_roots(roots));

    let (end, ended) = watch::channel(());
    let mut serving = JoinSet::new();
    for (path, server) in [("/mcp/context", context), ("/mcp/models", models.clone())] {
        let mut plan = ServePlan::default();
        plan.listen = vec![Listen::Tcp(([127, 0, 0, 1], 0).into())];
        plan.admin = Some(AdminPlace::Off);
        let options = GatewayOptions::new(plan).only_mounts().with_mount(path, server.into_service());
        let gateway = Gateway::bind(system.router().clone(), options).await?;
        println!("serving http://{}{path}", gateway.places()[0]);
        let mut ended = ended.clone();
        serving.spawn(gateway.serve(async move { drop(ended.changed().await) }));
    }

    // Whoever started it closes its input when it is to end.
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    drop(end);
    models.stop();
    serving.join_all().await;
    Ok(())
}
