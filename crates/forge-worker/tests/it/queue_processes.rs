//! Many processes on one queue, killed at random, with clocks that jump.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use forge_core::{
    storage::queue::{LeaseEnding, QueueStore as _},
    time::{Clock as _, SystemTimer},
};
use forge_store::{Store, StoreOptions};
use forge_worker::{BeadId, BeadStatus, Claim, Evidence, TaskQueue, TaskQueueError, source::BeadFile};

use crate::support::*;

const PROCESSES: usize = 16;
const TASK: &str = "FORGE_WORKER_TEST_TASK";

fn open(dir: &Path) -> (Arc<Store>, TaskQueue) {
    let options =
        StoreOptions { busy_timeout: Duration::from_secs(60), ..StoreOptions::new(dir.join("forge.db")) };
    let store = Arc::new(Store::open(options).unwrap());
    let queue = TaskQueue::open(dir, store.clone()).unwrap();
    (store, queue)
}

/// A clock that is wrong by up to an hour in either direction, each time by something else.
fn jumping(chance: &mut fastrand::Rng) -> DateTime<Utc> {
    SystemTimer.now() + TimeDelta::seconds(chance.i64(-3_600..=3_600))
}

/// Claims and closes until nothing is ready, and says on stdout what it got and what it closed.
#[test]
#[allow(clippy::disallowed_methods, reason = "a test tells its child what to do")]
fn a_process_that_claims() {
    let Ok(task) = std::env::var(TASK) else { return };
    let [dir, name, seed] = task.splitn(3, '|').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let mut chance = fastrand::Rng::with_seed(seed.parse().unwrap());
    let (_store, queue) = open(Path::new(dir));
    let say = |words: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "SAY {words}").and_then(|()| out.flush()).unwrap();
    };
    let claim = Claim::new(name.parse().unwrap()).with_ttl(Duration::from_secs(1_800));
    while let Some(claimed) = wait(queue.claim(&claim, jumping(&mut chance))).unwrap() {
        let (id, generation) = (&claimed.bead.id, claimed.lease.generation);
        say(format!("got {id} {generation}"));
        if chance.u8(..4) == 0 {
            let renewed = wait(queue.renew(id, generation, claim.ttl, jumping(&mut chance)));
            assert!(matches!(renewed, Ok(_) | Err(TaskQueueError::Stale(_))), "{renewed:?}");
        }
        let evidence = Evidence::Commit(format!("{name}-{generation}"));
        match wait(queue.close(id, generation, &evidence, jumping(&mut chance))) {
            Ok(_) => say(format!("closed {id} {generation}")),
            Err(TaskQueueError::Stale(_)) => say(format!("lost {id} {generation}")),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Ends with the test that started it.
struct Started(Child, mpsc::Receiver<String>);

fn start(dir: &Path, name: &str, seed: u64) -> Started {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "queue_processes::a_process_that_claims", "--nocapture", "--test-threads=1"])
        .env(TASK, format!("{}|{name}|{seed}", dir.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (name, (sender, said)) = (name.to_owned(), mpsc::channel());
    thread::spawn(move || {
        // The name of the test stands before the first one.
        for line in lines.map_while(Result::ok) {
            if let Some((_, words)) = line.split_once("SAY ") {
                let _ = sender.send(format!("{name} {words}"));
            }
        }
    });
    Started(child, said)
}

/// One round: every bead is closed exactly once, by the owner of its last generation, whoever was killed meanwhile.
fn round(is_file: bool, beads: usize, chance: &mut fastrand::Rng) -> usize {
    let dir = if is_file { Dir::with_beads("") } else { Dir::new() };
    let (store, queue) = open(&dir.0);
    let lines: Vec<_> = (0..beads)
        .map(|at| format!("{{\"id\":\"b-{at}\",\"priority\":{},\"own\":\"{at}\\u0041\"}}\n", at % 5))
        .collect();
    wait(queue.import(&BeadFile::parse(lines.concat().as_bytes()).unwrap())).unwrap();

    let mut next = 0;
    let mut begin = |dir: &PathBuf, chance: &mut fastrand::Rng| {
        next += 1;
        start(dir, &format!("w-{next}"), chance.u64(..))
    };
    let mut running: Vec<_> = (0..PROCESSES).map(|_| begin(&dir.0, chance)).collect();
    let (mut said, mut killed) = (Vec::new(), 0);
    while !running.is_empty() {
        let at = chance.usize(..running.len());
        let Started(mut child, lines) = running.swap_remove(at);
        // Killed after it has done something, wherever it is then, or left to come to its end.
        if killed < PROCESSES && chance.bool() {
            said.extend((0..chance.u8(..4)).map_while(|_| lines.recv().ok()));
            child.kill().unwrap();
            killed += 1;
            running.push(begin(&dir.0, chance));
        }
        let ended = child.wait().unwrap();
        assert!(ended.success() || ended.code().is_none(), "{ended}");
        said.extend(lines);
    }
    // What killed ones held is over an hour and a half later, and is closed by one that comes last.
    let late = SystemTimer.now() + TimeDelta::hours(3);
    let last = Claim::new("last".parse().unwrap());
    while let Some(claimed) = wait(queue.claim(&last, late)).unwrap() {
        let evidence = Evidence::Commit("last".into());
        wait(queue.close(&claimed.bead.id, claimed.lease.generation, &evidence, late)).unwrap();
        said.push(format!("last got {} {}", claimed.bead.id, claimed.lease.generation));
        said.push(format!("last closed {} {}", claimed.bead.id, claimed.lease.generation));
    }
    check(&dir, &store, &queue, &said);
    let count = |what: &str| said.iter().filter(|line| line.contains(what)).count();
    println!(
        "file {is_file}: {} claims, {} closed, {} lost to others, {} left to the last, {killed} killed",
        count(" got "),
        count(" closed "),
        count(" lost "),
        count("last closed ")
    );
    killed
}

fn check(dir: &Dir, store: &Store, queue: &TaskQueue, said: &[String]) {
    let mut owners: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut closed = BTreeSet::new();
    for line in said {
        let [name, what, bead, generation] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        if what == "got" {
            assert_eq!(owners.insert((bead, generation), name), None, "two have {bead} {generation}");
        }
        if what == "closed" {
            assert_eq!(owners[&(bead, generation)], name, "{line}");
            assert!(closed.insert(bead), "{bead} was closed twice");
        }
    }
    for entry in wait(store.queue(queue.name())).unwrap() {
        let lease = entry.lease.unwrap();
        assert!(matches!(lease.ended, Some((LeaseEnding::Closed(_), _))), "{lease:?}");
        let told = owners.get(&(&*entry.task, &lease.generation.to_string())).copied();
        // One that was killed before it could say so.
        assert!(told.is_none_or(|name| name == &*lease.owner), "{lease:?} {told:?}");
    }
    let snapshot = wait(queue.snapshot(SystemTimer.now())).unwrap();
    assert!(snapshot.beads().iter().all(|bead| bead.status == BeadStatus::Closed));
    for (at, bead) in snapshot.beads().iter().enumerate() {
        let id: BeadId = bead.id.clone();
        let number = id.as_str().trim_start_matches("b-").to_owned();
        assert!(snapshot.line(&id).unwrap().contains(&format!("\"own\":\"{number}\\u0041\"")), "{at}");
    }
    if queue.file().is_some() {
        assert_eq!(
            fs::read_dir(dir.0.join(".beads"))
                .unwrap()
                .filter(|one| { one.as_ref().unwrap().file_name() == "issues.jsonl" })
                .count(),
            1
        );
    }
}

#[test]
fn sixteen_processes_claim_one_queue_and_none_of_its_beads_is_lost_or_done_twice() {
    let mut chance = chance();
    let (rounds, beads) = if scale() > 1 { (50, 200) } else { (2, 40) };
    let killed: usize = (0..rounds).map(|turn| round(turn % 2 == 1, beads, &mut chance)).sum();
    println!("{rounds} rounds of {beads} beads, {killed} processes killed");
    assert!(killed > rounds, "nobody was killed");
}
