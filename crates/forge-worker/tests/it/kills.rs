//! SIGKILL of whoever takes part, at any moment: nothing is left running, and the worker can be started again.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use forge_worker::{ProcessId, SpawnRequest, WorkerState};

use crate::yard::{PATIENCE, PROGRAM, Yard, scale, until, worker};

fn kill(pid: i32) {
    let _ = Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status();
}

/// Waits until the worker is known to have ended, and ends what is left of it.
async fn clean_end(yard: &Yard, id: &str, known: &[ProcessId], why: &str) {
    let end = Instant::now() + PATIENCE;
    loop {
        let state = yard.launcher.observe(&worker(id)).await.unwrap().state;
        if matches!(state, WorkerState::Exited { .. } | WorkerState::Lost) {
            break;
        }
        if state == WorkerState::Orphaned {
            yard.launcher.end_orphans(&worker(id), true).await.unwrap();
        }
        assert!(Instant::now() < end, "{why}: {state:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    until(why, || !known.iter().any(|id| id.is_alive())).await;
}

async fn kill_while_it_runs(seed: u64, count: u32) {
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let yard = Yard::new();
    yard.sim("alpha", &[]).await;
    for round in 0..count {
        yard.is("alpha", "ready").await;
        if random.bool() {
            yard.send("alpha", "fork 600").await;
        }
        tokio::time::sleep(Duration::from_micros(random.u64(0..5_000))).await;
        let shim = yard.place("alpha").shim().unwrap();
        let known: Vec<_> = shim.tree.iter().copied().chain([shim.shim]).chain(shim.agent).collect();
        let target = random.u8(0..3);
        match target {
            0 => kill(shim.shim.pid()),
            1 => kill(shim.agent.unwrap().pid()),
            _ => kill(yard.tmux(&["display-message", "-p", "#{pid}"]).trim().parse().unwrap()),
        }
        clean_end(&yard, "alpha", &known, &format!("seed {seed}, round {round}, target {target}")).await;
        yard.launcher.restart(&worker("alpha")).await.unwrap();
    }
}

#[tokio::test]
async fn shim_agent_and_tmux_may_be_killed() {
    kill_while_it_runs(fastrand::u64(..), 20 * scale()).await;
}

#[tokio::test]
async fn shim_agent_and_tmux_may_be_killed_side_by_side() {
    kill_while_it_runs(fastrand::u64(..), 10 * scale()).await;
}

#[tokio::test]
async fn a_launch_may_be_killed_at_any_moment() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let yard = Yard::new();
    let home = yard.launcher.home().root().to_owned();
    for round in 0..20 * scale() {
        let mut command = Command::new(PROGRAM);
        command.arg("spawn").arg(&home).arg("alpha").arg(yard.work());
        let mut launching = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::from_micros(random.u64(0..60_000))).await;
        launching.kill().unwrap();
        launching.wait().unwrap();
        let end = Instant::now() + PATIENCE;
        // Either it runs and can be ended, or another launch takes its place.
        loop {
            match yard.launcher.spawn(SpawnRequest::new("alpha", yard.config("sim"))).await {
                Ok(_) => break,
                Err(forge_worker::LauncherError::AlreadyRunning { .. }) => {
                    let _ = yard.launcher.kill(&worker("alpha")).await;
                }
                // The client of tmux may outlive whoever started it.
                Err(error) => assert!(Instant::now() < end, "seed {seed}, round {round}: {error}"),
            }
        }
        yard.is("alpha", "ready").await;
        assert_eq!(yard.tmux(&["list-sessions"]).lines().count(), 1, "seed {seed}, round {round}");
        yard.launcher.kill(&worker("alpha")).await.unwrap();
    }
}

#[tokio::test]
async fn what_only_inherited_the_mark_is_listed_and_left_until_somebody_reaps() {
    let yard = Yard::new();
    yard.sim("alpha", &[]).await;
    yard.is("alpha", "ready").await;
    let shim = yard.place("alpha").shim().unwrap();
    let run = yard.place("alpha").spec().unwrap().run;
    // A server that a person started from a worker's shell: it has the mark, and never stood below the shim.
    let mut server =
        Command::new("sleep").arg("600").env("FORGE_WORKER_RUN", run).current_dir("/").spawn().unwrap();
    kill(shim.shim.pid());
    yard.is("alpha", "orphaned").await;
    let server_id = i32::try_from(server.id()).unwrap();
    until("the agent has ended with its shim", || !shim.agent.unwrap().is_alive()).await;
    let (_, left) = yard.launcher.end_orphans(&worker("alpha"), false).await.unwrap();
    assert_eq!(left, [server_id]);
    assert!(server.try_wait().unwrap().is_none(), "it lives");
    let reaped = yard.launcher.reap(&worker("alpha"), false).await.unwrap();
    assert_eq!(reaped.ended, [server_id]);
    server.wait().unwrap();
    assert!(!yard.place("alpha").folder().exists() && !yard.place("alpha").status().exists());
}
