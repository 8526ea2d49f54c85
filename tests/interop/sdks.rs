use forge_sim::{Sim, SimConfig};

use crate::python::{installed, python, say, skipped};

/// What the script says on either stream, with the address of a simulator; the second is the reason of a failure.
fn heard(script: &str, arguments: &[&str]) -> Option<(String, String)> {
    let mut command = python(script)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sim = runtime.block_on(Sim::start(SimConfig { seed: 7, ..SimConfig::default() })).unwrap();
    let output = command.arg(format!("http://{}", sim.addr())).args(arguments).output().unwrap();
    runtime.block_on(sim.shutdown());
    let [said, report] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{said}{report}");
    Some((said, report))
}

/// The script is a list of tests.
fn accepts(script: &str) {
    let Some((_, report)) = heard(script, &[]) else { return };
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

/// The client has this many cases at least in `matrix.py`, and none of them is refused.
fn goes_through(client: &str, least: u32) {
    let Some((said, _)) = heard("matrix.py", &[client]) else { return };
    say(said.trim());
    // "openai 3.57.0: 265 cases, 0 refused"
    let count = said.split(": ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
    assert!(count.is_some_and(|count| count >= least), "{said}");
}

#[test]
fn every_case_of_the_official_packages_goes_through() {
    goes_through("openai", 265);
    goes_through("anthropic", 60);
    goes_through("google-genai", 33);
}

#[test]
fn every_case_of_litellm_goes_through() {
    let Some(program) = installed("bin/litellm") else { return };
    if !program.exists() {
        skipped("litellm is not installed; run `tests/interop/setup FOLDER` again");
        return;
    }
    goes_through("litellm", 230);
}
