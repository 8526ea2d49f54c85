use forge_sim::{Sim, SimConfig};

use crate::python::python;

/// Runs the script with the address of a simulator; its own report is the reason of a failure.
fn accepts(script: &str) {
    let Some(mut command) = python(script) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sim = runtime.block_on(Sim::start(SimConfig { seed: 7, ..SimConfig::default() })).unwrap();
    let output = command.arg(format!("http://{}", sim.addr())).output().unwrap();
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    runtime.block_on(sim.shutdown());
    assert!(output.status.success(), "{report}");
    // "Ran 12 tests in 0.5s"
    let count = report.split("Ran ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
    assert!(count.is_some_and(|count| count >= 10), "{report}");
}

#[test]
fn the_openai_package_accepts_the_simulated_openai_and_local_servers() {
    accepts("openai_sdk.py");
}

#[test]
fn the_anthropic_package_accepts_the_simulated_anthropic() {
    accepts("anthropic_sdk.py");
}

#[test]
fn the_google_genai_package_accepts_the_simulated_gemini() {
    accepts("google_sdk.py");
}
