//! `forge fleet`, with scripted agents in tmux.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{forms::TmuxServer, place::Place};

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
const PATIENCE: Duration = Duration::from_secs(60);

/// A repository with beads, and the workers that a fleet starts on it.
struct Ground {
    place: Place,
    _workers: TmuxServer,
}

impl Ground {
    fn new(name: &str) -> Self {
        let place = Place::new(name);
        git(&place, &["init", "--quiet"]);
        let commit = [
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.com",
            "commit",
            "--allow-empty",
            "-qm",
            "Begin",
        ];
        git(&place, &commit);
        let doctor = json(place.command(&["worker", "doctor", "--json"]).env("PATH", PATH));
        let workers = TmuxServer(doctor["socket"].as_str().unwrap().to_owned());
        Self { place, _workers: workers }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.place.command(words);
        command.env("PATH", PATH).env("HOME", self.place.path("."));
        command
    }

    /// Beads that each write a file and take so long, in milliseconds.
    fn beads(&self, count: usize, millis: u64) {
        for number in 0..count {
            let what = format!("write notes/{number}.md note {number}\nwork {millis}");
            json(&mut self.command(&["bead", "add", &format!("Note {number}"), "-d", &what, "--json"]));
        }
    }

    fn fleet(&self, rest: &[&str]) -> Command {
        self.command(&[&["fleet", "run", "--agent", "sim", "--name", "f", "--until-empty"], rest].concat())
    }

    fn bead(&self, id: &str) -> Value {
        json(&mut self.command(&["bead", "show", id, "--json"]))["bead"].clone()
    }

    fn all(&self) -> Vec<Value> {
        json(&mut self.command(&["bead", "list", "--all", "--json"]))["beads"].as_array().unwrap().clone()
    }

    /// Every bead is closed, by one commit.
    fn is_done(&self, count: usize) {
        let beads = self.all();
        assert_eq!(beads.len(), count);
        assert!(beads.iter().all(|bead| bead["status"] == "closed"), "{beads:#?}");
        let log = git(&self.place, &["log", "--all", "--format=%s"]);
        let mut titles: Vec<_> = log.lines().filter(|title| *title != "Begin").collect();
        titles.sort_unstable();
        let mut expected: Vec<_> = (0..count).map(|number| format!("Note {number}")).collect();
        expected.sort_unstable();
        assert_eq!(titles, expected, "each was done once");
    }
}

fn git(place: &Place, words: &[&str]) -> String {
    let output =
        Command::new("git").args(words).current_dir(place.path(".")).env("PATH", PATH).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Reads what a fleet says until one line contains this text.
fn wait_for(child: &mut Child, text: &str) {
    let lines = BufReader::new(child.stderr.as_mut().unwrap());
    let mut said = Vec::new();
    for line in lines.lines() {
        said.push(line.unwrap());
        if said.last().unwrap().contains(text) {
            return;
        }
    }
    panic!("{text:?} was not said: {said:#?}");
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn the_first_minute_closes_its_beads_and_touches_nothing_else() {
    let place = Place::new("fleet-offline");
    let folder = place.path("example");
    let run = ["fleet", "run", "--offline", "--beads", "3", "--folder", &folder, "--json"];
    let tally = json(place.command(&run).env("PATH", PATH).env("HOME", place.path(".")));
    assert_eq!((&tally["closed"], &tally["taken_back"]), (&3.into(), &0.into()), "{tally}");
    let log = Command::new("git")
        .args(["-C", &format!("{folder}/example"), "log", "--all", "--format=%s"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(log.stdout).unwrap().lines().count(), 4, "a commit each, and the first one");
    let own = json(place.command(&["worker", "list", "--json"]).env("PATH", PATH));
    assert_eq!(own["workers"], serde_json::json!([]), "workers of the example are no workers of this user");
    let again = place.command(&run).env("PATH", PATH).output().unwrap();
    assert!(!again.status.success(), "a folder that is there belongs to somebody");
}

#[test]
fn a_fleet_that_is_killed_loses_nothing_and_the_next_one_goes_on() {
    let ground = Ground::new("fleet-killed");
    ground.beads(4, 400);
    let mut fleet =
        ground.fleet(&["--standard", "2"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    wait_for(&mut fleet, " to f-standard-1");
    signal(&fleet, "-KILL");
    fleet.wait().unwrap();
    // The worker has its bead still, and closes it by itself.
    let tally = json(ground.fleet(&["--standard", "2", "--json"]).stderr(Stdio::null()));
    assert_eq!(tally["taken_back"], 0, "{tally}");
    ground.is_done(4);
    let status = json(&mut ground.command(&["fleet", "status", "--json"]));
    assert_eq!((&status["beads"]["closed"], &status["decisions"]), (&4.into(), &4.into()), "{status}");
}

#[test]
fn two_fleets_on_one_queue_do_each_bead_once() {
    let ground = Ground::new("fleet-two");
    ground.beads(6, 100);
    let mut fleets: Vec<_> = ["f", "g"]
        .into_iter()
        .map(|name| {
            let words =
                ["fleet", "run", "--agent", "sim", "--until-empty", "--standard", "2", "--name", name];
            ground.command(&words).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for fleet in &mut fleets {
        assert!(fleet.wait().unwrap().success());
    }
    ground.is_done(6);
}

#[test]
fn what_a_killed_worker_had_goes_to_the_next_one() {
    let ground = Ground::new("fleet-worker");
    ground.beads(1, 60_000);
    let run = ["--standard", "1", "--restart"];
    let mut fleet = ground.fleet(&run).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    wait_for(&mut fleet, " to f-standard-1");
    let shim: Value = serde_json::from_str(
        &std::fs::read_to_string(ground.place.path("workers/f-standard-1/shim.json")).unwrap(),
    )
    .unwrap();
    let agent = shim["agent"]["pid"].as_i64().or_else(|| shim["agent"][0].as_i64()).unwrap().to_string();
    assert!(Command::new("kill").args(["-KILL", &agent]).status().unwrap().success());
    wait_for(&mut fleet, "is back from f-standard-1");
    let id = ground.all()[0]["id"].as_str().unwrap().to_owned();
    let lease = ground.bead(&id)["lease"].clone();
    assert_eq!((&lease["generation"], &lease["ending"]), (&1.into(), &"released".into()), "{lease}");
    assert!(lease["detail"].as_str().unwrap().contains("exited"), "{lease}");
    // After its pause the worker is there again, and gets the bead.
    wait_for(&mut fleet, " to f-standard-1");
    assert_eq!(ground.bead(&id)["lease"]["generation"], 2);
    signal(&fleet, "-INT");
    wait_for(&mut fleet, "waits for f-standard-1");
    signal(&fleet, "-INT");
    assert!(fleet.wait().unwrap().success());
    let workers = json(&mut ground.command(&["worker", "list", "--json"]));
    assert_eq!(workers["workers"][0]["status"], "stopped", "the second interrupt stops the workers");
}

#[test]
fn the_shim_renews_the_lease_of_its_worker_without_any_fleet() {
    let ground = Ground::new("fleet-lease");
    ground.beads(1, 0);
    json(&mut ground.command(&["worker", "spawn", "alpha", "--agent", "sim", "-q", "--json"]));
    json(&mut ground.command(&["bead", "claim", "--worker", "alpha", "--ttl", "2m", "--json"]));
    let id = ground.all()[0]["id"].as_str().unwrap().to_owned();
    let until = || ground.bead(&id)["lease"]["expires_at"].as_str().unwrap().to_owned();
    let first = until();
    let lease = serde_json::json!({ "workspace": ground.place.path("."), "bead": id, "generation": 1, "every_secs": 1 });
    std::fs::write(ground.place.path("workers/alpha/lease.json"), lease.to_string()).unwrap();
    let end = Instant::now() + PATIENCE;
    while until() <= first {
        assert!(Instant::now() < end, "the lease is as it was");
    }
    // A claim that is not its own any more is left alone.
    json(&mut ground.command(&["bead", "release", &id, "--generation", "1", "--reason", "test", "--json"]));
    json(&mut ground.command(&["bead", "claim", "--worker", "beta", "--ttl", "2m", "--json"]));
    assert_eq!(ground.bead(&id)["lease"]["owner"], "beta");
    json(&mut ground.command(&["worker", "kill", "alpha", "--json"]));
}

#[test]
fn a_fleet_has_no_workers_of_another_fleet_or_of_another_folder() {
    let ground = Ground::new("fleet-names");
    // Workers that the fleet would take for its own by the beginning of their names, or by their folder.
    let elsewhere = ground.place.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let spawn = |name: &str, folder: &str| {
        let words = ["worker", "spawn", name, "--agent", "sim", "--workspace", folder, "-q", "--json"];
        json(&mut ground.command(&words));
    };
    spawn("f-gui-standard-1", &ground.place.path("."));
    spawn("f-standard-2", &elsewhere);
    ground.beads(2, 0);
    let tally = json(ground.fleet(&["--standard", "1", "--json"]).stderr(Stdio::null()));
    assert_eq!((&tally["started"], &tally["closed"]), (&1.into(), &2.into()), "{tally}");
    let owners: Vec<_> = ground.all().iter().map(|bead| bead["lease"]["owner"].clone()).collect();
    assert!(owners.iter().all(|owner| owner == "f-standard-1"), "{owners:?}");
    // The name that it would give is taken.
    ground.beads(1, 0);
    let output = ground.fleet(&["--standard", "2"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("f-standard-2") && said.contains("elsewhere") && said.contains("--name"), "{said}");
    for name in ["f-gui-standard-1", "f-standard-2"] {
        json(&mut ground.command(&["worker", "kill", name, "--json"]));
    }
}

#[test]
fn a_bead_that_is_closed_while_somebody_has_it_is_counted_once() {
    let ground = Ground::new("fleet-closed");
    std::fs::create_dir(ground.place.path(".beads")).unwrap();
    let file = ground.place.path(".beads/issues.jsonl");
    std::fs::write(&file, "").unwrap();
    ground.beads(2, 0);
    let claimed = json(&mut ground.command(&["bead", "claim", "--worker", "alpha", "--json"]));
    let id = claimed["bead"]["id"].as_str().unwrap();
    // By hand, past the lease.
    let lines = std::fs::read_to_string(&file).unwrap();
    let line = lines.lines().find(|line| line.contains(id)).unwrap();
    let mut bead: Value = serde_json::from_str(line).unwrap();
    bead["status"] = "closed".into();
    bead["closed_at"] = bead["updated_at"].clone();
    std::fs::write(&file, lines.replace(line, &bead.to_string())).unwrap();
    let status = json(&mut ground.command(&["fleet", "status", "--json"]));
    let expected = serde_json::json!({ "ready": 1, "claimed": 0, "waiting": 0, "closed": 1 });
    assert_eq!(status["beads"], expected);
}

#[test]
fn an_agent_that_is_not_there_is_said_at_once() {
    let ground = Ground::new("fleet-agent");
    ground.beads(1, 0);
    let run = ["fleet", "run", "--agent", "nobody", "--name", "f"];
    let output = ground.command(&run).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("nobody"), "{said}");
}
