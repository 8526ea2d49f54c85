//! Of several who resume a session at once, exactly one goes on, and one that lives is left alone.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Stdio,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use forge_sim::Sim;
use serde_json::Value;

use crate::{
    Said,
    kills::{
        Asked, Command, Dice, Home, Kept, PACE, TOPIC, accounted_for, config, counts, intended, number, whole,
    },
    place::Place,
    run, with_sim,
};

/// How often a session is killed and resumed twice at once, times `FORGE_TEST_SCALE`.
const ROUNDS: usize = 8;

const SEED: u64 = 7;

/// Vendors that take their time, so that a run surely lives when another wants its session.
const SLOW: &str = "latency: [{ first_byte_ms: { uniform: [500, 700] } }]";

fn command(name: &str, sim: &Sim) -> Command {
    Command { place: Place::with(name, sim, &config(sim)), home: Home::new(name) }
}

fn resumed(command: &Command, id: &str, more: &[String]) -> std::process::Command {
    let mut arguments = vec!["resume", id, "--json"];
    arguments.extend(more.iter().map(String::as_str));
    let mut resume = command.place.command(&arguments);
    resume.env("FORGE_HOME", &command.home.0);
    resume
}

/// Whether it was told that another run lives.
fn is_refused(said: &Said) -> bool {
    said.code == Some(1) && said.stderr.contains("is being run by process ")
}

/// A session that is killed and then resumed by two at once; whether it was killed in the middle.
fn resumed_twice(command: &Command, sim: &Sim, kept: &Kept, delay: Duration) -> bool {
    sim.reset();
    let mut arguments = ["run", TOPIC, "--json"].map(str::to_owned).to_vec();
    arguments.extend(kept.arguments());
    let leg = command.leg(&arguments, delay);
    let id = leg.stderr.lines().find_map(|line| line.strip_prefix("session ")).map(str::to_owned);
    let Some(id) = id.filter(|id| leg.killed && !kept.entries(id).is_empty()) else { return false };
    let before = intended(&kept.entries(&id));

    let barrier = Barrier::new(2);
    let one = || {
        let mut resume = resumed(command, &id, &kept.arguments());
        barrier.wait();
        run(&mut resume)
    };
    let both = thread::scope(|scope| [scope.spawn(one), scope.spawn(one)].map(|one| one.join().unwrap()));
    let (won, lost): (Vec<_>, Vec<_>) = both.iter().partition(|said| said.code == Some(0));
    // Who comes when the other has ended finds a session that is over, and asks nobody.
    assert!(!won.is_empty() && lost.iter().all(|said| is_refused(said)), "{both:?}");
    let result: Value = serde_json::from_str(&won[0].stdout).unwrap();
    let after = counts(sim);
    let again: BTreeMap<&Asked, usize> = after
        .iter()
        .map(|(asked, times)| (asked, times.saturating_sub(before.get(asked).copied().unwrap_or(0))))
        .collect();
    assert!(again.values().all(|times| *times <= 1), "a call was paid twice: {before:?}, then {after:?}");
    accounted_for(command, sim, &result);
    true
}

#[test]
fn of_two_who_resume_a_killed_session_at_once_exactly_one_goes_on_and_no_call_is_paid_twice() {
    let wanted = ROUNDS * number("FORGE_TEST_SCALE").unwrap_or(1);
    with_sim(PACE, |sim| {
        let command = command("takeovers", sim);
        let took = whole(&command, sim).took;
        let mut dice = Dice(SEED);
        let (mut rounds, mut tries) = (0, 0);
        while rounds < wanted {
            let kept = match tries % 2 {
                0 => Kept::Store(command.home.0.join("forge.db")),
                _ => Kept::Files(command.home.0.join("sessions")),
            };
            let delay = took.mul_f64(0.2) + dice.below(took.mul_f64(0.8));
            rounds += usize::from(resumed_twice(&command, sim, &kept, delay));
            tries += 1;
        }
        println!(
            "seed {SEED}: {rounds} sessions resumed twice at once after {tries} kills, no call paid twice"
        );
    });
}

/// Waits until the simulated vendors were asked so often.
fn wait_for_requests(sim: &Sim, wanted: usize) {
    let begun = Instant::now();
    while sim.journal().len() < wanted {
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody asks");
        thread::park_timeout(Duration::from_millis(5));
    }
}

fn only_session(command: &Command) -> String {
    let mut list = command.place.command(&["sessions", "list", "--json"]);
    let said = run(list.env("FORGE_HOME", &command.home.0));
    let list: Value = serde_json::from_str(&said.stdout).unwrap();
    list["sessions"][0]["session"].as_str().unwrap().to_owned()
}

/// A session runs within `around`, and another run wants it while a call is under way.
fn lives_on(name: &str, around: &[&str]) {
    with_sim(SLOW, |sim| {
        let command = command(name, sim);
        let plain = command.place.command(&["run", TOPIC, "--json"]);
        let mut first =
            std::process::Command::new(around.first().map_or(plain.get_program(), |one| one.as_ref()));
        if !around.is_empty() {
            first.args(&around[1..]).arg(plain.get_program());
        }
        first.args(plain.get_args()).env_clear().current_dir(plain.get_current_dir().unwrap());
        for (name, value) in plain.get_envs() {
            value.map(|value| first.env(name, value));
        }
        first.env("FORGE_HOME", &command.home.0).stdin(Stdio::null());
        let first = first.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for_requests(sim, 1);
        let said = run(&mut resumed(&command, &only_session(&command), &[]));
        assert!(is_refused(&said), "{said:?}");
        let output = first.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(sim.journal().len(), 6, "each call was made once");
        assert_eq!(accounted_for(&command, sim, &result), 0);
        assert_eq!(
            std::fs::read_dir(command.home.0.join("run")).unwrap().count(),
            0,
            "the lock is given back"
        );
    });
}

#[test]
fn a_run_that_lives_keeps_its_session() {
    lives_on("lives", &[]);
}

#[test]
fn a_run_that_lives_in_another_pid_namespace_keeps_its_session() {
    let around = ["/usr/bin/unshare", "--pid", "--fork", "--user", "--map-root-user"];
    let can = Path::new(around[0]).exists()
        && std::process::Command::new(around[0])
            .args(&around[1..])
            .arg("/bin/true")
            .status()
            .is_ok_and(|s| s.success());
    if !can {
        println!("skipped: this system gives no PID namespace to its users");
        return;
    }
    lives_on("namespace", &around);
}
