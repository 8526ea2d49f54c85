//! The process between tmux and an agent.

use std::time::Instant;

use forge_worker::{ALREADY_RUNNING, LauncherError, ProcessId, SpawnRequest, WorkerStatus};

use crate::yard::{PROGRAM, Yard, until, worker};

#[tokio::test]
async fn a_worker_starts_says_that_it_is_ready_and_stops() {
    let yard = Yard::new();
    let begun = Instant::now();
    let handle = yard.sim("alpha", &[]).await;
    yard.is("alpha", "ready").await;
    println!("spawn to ready: {} ms", begun.elapsed().as_millis());
    assert_eq!(handle.session, "forge-worker-alpha");
    let shim = yard.place("alpha").shim().unwrap();
    assert_eq!(shim.agent.unwrap().pid(), handle.pid.unwrap());
    assert_eq!(yard.launcher.check_status(&worker("alpha")).await.unwrap(), WorkerStatus::Idle);
    let listed = yard.launcher.list_workers().await.unwrap();
    assert_eq!(listed.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["alpha"]);
    yard.launcher.stop(&worker("alpha")).await.unwrap();
    let exit = yard.place("alpha").exit().unwrap();
    assert!(exit.asked && exit.code == Some(143), "{exit:?}");
    assert_eq!(yard.launcher.check_status(&worker("alpha")).await.unwrap(), WorkerStatus::Stopped);
    assert!(!shim.shim.is_alive() && !shim.agent.unwrap().is_alive());
    assert_eq!(yard.tmux(&["list-sessions"]), "");
    let file = std::fs::read_to_string(yard.place("alpha").status()).unwrap();
    assert!(file.contains(r#""status": "stopped""#), "{file}");
}

#[tokio::test]
async fn a_second_shim_leaves_the_first_alone() {
    let yard = Yard::new();
    yard.sim("alpha", &[]).await;
    let status = std::process::Command::new(PROGRAM)
        .args(["worker-shim", yard.launcher.home().root().to_str().unwrap(), "alpha"])
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(ALREADY_RUNNING.into()));
    let again = yard.launcher.spawn(SpawnRequest::new("alpha", yard.config("sim"))).await;
    assert!(matches!(again, Err(LauncherError::AlreadyRunning { .. })), "{again:?}");
    yard.is("alpha", "ready").await;
}

#[tokio::test]
async fn an_agent_that_ignores_term_and_what_it_left_in_other_sessions_are_ended() {
    let yard = Yard::new();
    yard.sim("alpha", &["--ignore-term"]).await;
    yard.send("alpha", "fork 600").await;
    yard.is("alpha", "ready").await;
    let agent = yard.place("alpha").shim().unwrap().agent.unwrap();
    let daemon = || children(agent.pid()).first().copied();
    until("the daemon runs", || daemon().is_some()).await;
    let daemon = ProcessId::of(daemon().unwrap()).unwrap();
    yard.launcher.stop(&worker("alpha")).await.unwrap();
    let exit = yard.place("alpha").exit().unwrap();
    assert_eq!((exit.signal, exit.asked), (Some(9), true));
    assert!(!daemon.is_alive() && !agent.is_alive());
}

#[tokio::test]
async fn what_an_agent_leaves_behind_ends_with_it_and_is_counted() {
    let yard = Yard::new();
    yard.sim("alpha", &[]).await;
    yard.send("alpha", "fork 600").await;
    yard.send("alpha", "exit 3").await;
    yard.is("alpha", "exited").await;
    let exit = yard.place("alpha").exit().unwrap();
    assert_eq!((exit.code, exit.left, exit.asked), (Some(3), 1, false));
    assert_eq!(yard.launcher.check_status(&worker("alpha")).await.unwrap(), WorkerStatus::Failed);
    // tmux tells the code of a dead pane not always, which is why the exit record has it.
    let said = || yard.tmux(&["display-message", "-p", "-t", "=forge-worker-alpha:", "#{pane_dead}"]);
    until("the pane stays", || said() == "1\n").await;
}

#[tokio::test]
async fn a_frozen_worker_stands_still_and_goes_on_after_thaw() {
    let yard = Yard::new();
    yard.sim("alpha", &[]).await;
    yard.send("alpha", "fork 600").await;
    yard.is("alpha", "ready").await;
    let agent = yard.place("alpha").shim().unwrap().agent.unwrap();
    yard.launcher.freeze(&worker("alpha")).await.unwrap();
    let tree = yard.place("alpha").shim().unwrap().tree;
    assert!(tree.len() >= 2, "{tree:?}");
    for id in &tree {
        until("state T", || id.state() == Some('T')).await;
    }
    assert_eq!(yard.state("alpha").await, "frozen");
    yard.launcher.thaw(&worker("alpha")).await.unwrap();
    until("the agent goes on", || agent.state() == Some('S')).await;
    yard.send("alpha", "hello").await;
}

#[tokio::test]
async fn an_agent_that_stops_itself_is_continued() {
    let yard = Yard::new();
    yard.sim("alpha", &[]).await;
    yard.send("alpha", "stop").await;
    yard.is("alpha", "ready").await;
    yard.send("alpha", "hello").await;
}

#[tokio::test]
async fn ctrl_c_and_the_size_of_the_window_reach_the_agent_alone() {
    let yard = Yard::new();
    yard.sim("alpha", &[]).await;
    let agent = yard.place("alpha").shim().unwrap().agent.unwrap();
    yard.send("alpha", "hang").await;
    yard.is("alpha", "working").await;
    yard.tmux(&["send-keys", "-t", "=forge-worker-alpha:", "C-c"]);
    yard.is("alpha", "ready").await;
    yard.send("alpha", "hang").await;
    yard.is("alpha", "working").await;
    yard.launcher.interrupt(&worker("alpha")).await.unwrap();
    yard.is("alpha", "ready").await;
    assert!(agent.is_alive());
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", agent.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    assert_eq!(
        (fields[2], fields[5]),
        (&*agent.pid().to_string(), &*agent.pid().to_string()),
        "group, foreground group"
    );
}

#[tokio::test]
async fn a_closed_session_ends_the_agent_with_a_record() {
    let yard = Yard::new();
    yard.sim("alpha", &[]).await;
    yard.is("alpha", "ready").await;
    yard.tmux(&["kill-session", "-t", "=forge-worker-alpha"]);
    yard.is("alpha", "exited").await;
    let exit = yard.place("alpha").exit().unwrap();
    assert!(!exit.asked, "{exit:?}");
}

#[tokio::test]
async fn the_agent_has_only_the_environment_that_it_is_given() {
    let yard = Yard::new();
    let config =
        yard.config("generic").with_arguments(["sh", "-c", "env > env.txt"]).with_env("GIVEN", "a b");
    yard.launcher.spawn(SpawnRequest::new("alpha", config.with_bead("fg-1"))).await.unwrap();
    yard.is("alpha", "exited").await;
    let text = std::fs::read_to_string(yard.work().join("env.txt")).unwrap();
    let mut names: Vec<_> = text.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    let allowed = [
        "FORGE_ASSIGNED_BEAD",
        "FORGE_HOME",
        "FORGE_MODEL",
        "FORGE_SESSION",
        "FORGE_WORKER_ID",
        "FORGE_WORKER_RUN",
        "FORGE_WORKSPACE",
        "GIVEN",
        "HOME",
        "LANG",
        "LC_ALL",
        "PATH",
        "PWD",
        "SHLVL",
        "TERM",
        "TMPDIR",
        "_",
        "OLDPWD",
    ];
    let extra: Vec<_> = names.iter().filter(|name| !allowed.contains(name)).collect();
    assert!(extra.is_empty() && names.contains(&"GIVEN"), "{extra:?}");
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(yard.place("alpha").folder().join(name)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("spec.json"), mode("shim.json"), mode("")), (0o600, 0o600, 0o700));
    let line = std::fs::read_to_string(format!("/proc/{}/cmdline", std::process::id())).unwrap();
    assert!(!line.contains("a b"));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_and_a_restart_keeps_name_and_session() {
    let yard = Yard::new();
    let config = yard.config("generic").with_arguments(["no-such-agent"]);
    let refused = yard.launcher.spawn(SpawnRequest::new("alpha", config)).await;
    assert!(matches!(refused, Err(LauncherError::AgentMissing { program }) if program == "no-such-agent"));
    let first = yard.sim("beta", &[]).await;
    let run = yard.place("beta").spec().unwrap().run;
    let second = yard.launcher.restart(&worker("beta")).await.unwrap();
    assert_eq!((second.session, second.restarts), (first.session, 1));
    assert_ne!(yard.place("beta").spec().unwrap().run, run);
    yard.is("beta", "ready").await;
}

#[tokio::test]
async fn deep_folders_and_a_link_in_place_of_a_folder() {
    let yard = Yard::new();
    let deep = yard.root.join("d".repeat(100)).join("e".repeat(100));
    let launcher =
        forge_worker::WorkerLauncher::with_home(forge_worker::WorkerHome::new(&deep)).with_program(PROGRAM);
    launcher.spawn(SpawnRequest::new("alpha", yard.config("sim"))).await.unwrap();
    launcher.freeze(&worker("alpha")).await.unwrap();
    launcher.kill(&worker("alpha")).await.unwrap();
    std::fs::create_dir_all(yard.root.join("home/workers")).unwrap();
    std::os::unix::fs::symlink(yard.work(), yard.root.join("home/workers/beta")).unwrap();
    let refused = yard.launcher.spawn(SpawnRequest::new("beta", yard.config("sim"))).await;
    assert!(matches!(refused, Err(LauncherError::Io(_))), "{refused:?}");
    assert_eq!(std::fs::read_dir(yard.work()).unwrap().count(), 0);
}

fn children(pid: i32) -> Vec<i32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
