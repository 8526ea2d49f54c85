//! Terminations, as a supervisor sends them.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    time::Instant,
};

use forge_sim::{Sim, Vendor};
use serde_json::Value;

use crate::{place::Place, with_sim};

/// Processes, and the critics of each, all of whose streams stand still.
const PROCESSES: usize = 10;
const CRITICS: [&str; 5] = ["gpt-6.2-sol", "gpt-6.1-sol", "gpt-6-sol", "gpt-6-luna", "gpt-5.6-sol"];

const STANDSTILL: &str = "rules: [{ vendor: openai, stall: { between_events: 600000, after_events: 2 } }]";

fn place(name: &str, sim: &Sim) -> Place {
    let place = Place::new(name);
    let provider = |id: &str, kind: &str, model: &str, vendor| {
        let url = sim.base_url(vendor);
        format!("  {id}: {{ type: {kind}, model: {model}, api_key: \"${{KEY}}\", endpoint: \"{url}\" }}\n")
    };
    let mut text = format!(
        "schema_version: '1.0'\nroles:\n  drafter: {{ provider: claude }}\n  critic: {{ panel: [c0, c1, c2, c3, c4] }}\n\
         session: {{ critics: 5, required: 5, cycles: 1 }}\nproviders:\n{}",
        provider("claude", "anthropic", "claude-sonnet-5-5", Vendor::Anthropic)
    );
    for (at, model) in CRITICS.iter().enumerate() {
        text += &provider(&format!("c{at}"), "openai", model, Vendor::OpenAi);
    }
    std::fs::write(place.config(), text).unwrap();
    place
}

fn start(place: &Place) -> Child {
    let mut command = place.command(&["run", "Design a queue"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn standing(sim: &Sim) -> usize {
    sim.journal().iter().filter(|one| one.vendor == Some(Vendor::OpenAi)).count()
}

fn terminate(child: &Child) {
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
}

#[test]
fn a_termination_ends_fifty_streams_and_loses_no_row() {
    with_sim(STANDSTILL, |sim| {
        let place = place("terminated", sim);
        let children: Vec<Child> = (0..PROCESSES).map(|_| start(&place)).collect();
        while standing(sim) < PROCESSES * CRITICS.len() {
            std::thread::yield_now();
        }
        let begun = Instant::now();
        children.iter().for_each(terminate);
        for mut child in children {
            let code = child.wait().unwrap().code();
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert!(code == Some(130) && said.contains("continue with: forge resume "), "{code:?}: {said}");
        }
        println!("{PROCESSES} processes with 50 streams ended within {:?}", begun.elapsed());
        let said = place.run(&["metrics", "summary", "--format", "json", "--by", "provider"]);
        let summary: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(summary["total"]["attempts"], sim.journal().len(), "one row for each request: {summary}");
        let sessions: Value =
            serde_json::from_str(&place.run(&["sessions", "list", "--json"]).stdout).unwrap();
        assert_eq!(sessions["sessions"].as_array().unwrap().len(), PROCESSES);
    });
}

#[test]
fn a_second_termination_waits_for_nothing() {
    with_sim(STANDSTILL, |sim| {
        let place = place("terminated-twice", sim);
        let mut child = start(&place);
        while standing(sim) < CRITICS.len() {
            std::thread::yield_now();
        }
        // The accounts are locked, so that a clean end takes as long as the writer waits for them.
        let accounts = rusqlite::Connection::open(place.path("forge.db")).unwrap();
        accounts.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        accounts.execute_batch("BEGIN IMMEDIATE").unwrap();
        terminate(&child);
        let mut told = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(told.any(|line| line.contains("again to stop at once")));
        assert_eq!(child.try_wait().unwrap(), None, "it waits for its accounts");
        let begun = Instant::now();
        terminate(&child);
        let code = child.wait().unwrap().code();
        println!("gone {:?} after the second signal", begun.elapsed());
        // A process that had waited in vain would say that the session cannot be written down.
        assert_eq!((code, told.find(|line| line.starts_with("error"))), (Some(130), None));
    });
}
