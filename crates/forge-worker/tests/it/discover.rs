//! The sessions that are workers, and those that are left alone.

use std::time::Instant;

use forge_core::time::SystemTimer;
use forge_worker::{DiscoveryError, SpawnRequest, Tmux, TmuxError, TmuxSocket, WorkerType, discover_in};

use crate::yard::{Yard, scale};

#[tokio::test]
async fn no_server_is_an_empty_result_and_only_tagged_sessions_are_workers() {
    let yard = Yard::new();
    let timer = SystemTimer::shared;
    let find = || discover_in(yard.launcher.home(), &TmuxSocket::Own, timer());
    assert!(find().await.unwrap().workers.is_empty());
    let mut config = yard.config("sim");
    config.session = "my-session".to_owned();
    config.model = "claude-opus-4-6".to_owned();
    yard.launcher.spawn(SpawnRequest::new("alpha", config)).await.unwrap();
    yard.tmux(&["new-session", "-d", "-s", "forge-worker-beta", "sleep 60"]);
    yard.tmux(&["new-session", "-d", "-s", "claude-code-opus-x", "sleep 60"]);
    let found = find().await.unwrap().workers;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].session_name.as_str(), found[0].worker_id.as_str()), ("my-session", "alpha"));
    assert_eq!((&found[0].worker_type, found[0].is_attached), (&WorkerType::Opus, false));
    let socket = TmuxSocket::Named(yard.launcher.home().socket());
    let old = discover_in(yard.launcher.home(), &socket, timer()).await.unwrap().workers;
    let names: Vec<_> = old.iter().map(|one| one.session_name.as_str()).collect();
    assert_eq!(names, ["claude-code-opus-x", "my-session"], "by name on a server that is not ours");
}

#[tokio::test]
async fn fifty_sessions_are_found_in_one_question() {
    let yard = Yard::new();
    let count = 50.min(50 * scale());
    yard.tmux(&[
        "start-server",
        ";",
        "new-session",
        "-d",
        "-s",
        "s0",
        "sleep 60",
        ";",
        "set-option",
        "-t",
        "=s0:",
        "@forge_worker",
        "w0",
    ]);
    for at in 1..count {
        let (name, tag) = (format!("s{at}"), format!("w{at}"));
        yard.tmux(&[
            "new-session",
            "-d",
            "-s",
            &name,
            "sleep 60",
            ";",
            "set-option",
            "-t",
            &format!("={name}:"),
            "@forge_worker",
            &tag,
        ]);
    }
    let begun = Instant::now();
    let found =
        discover_in(yard.launcher.home(), &TmuxSocket::Own, SystemTimer::shared()).await.unwrap().workers;
    println!("discovery of {count} sessions: {} ms", begun.elapsed().as_millis());
    assert_eq!(found.len(), usize::try_from(count).unwrap());
}

#[tokio::test]
async fn a_tmux_that_is_missing_or_too_old_is_named_with_its_package() {
    let yard = Yard::new();
    let tmux = |program: &str| {
        Tmux::new(yard.launcher.home(), &TmuxSocket::Own, SystemTimer::shared()).with_program(program)
    };
    let missing = tmux("no-such-tmux").version().await.unwrap_err();
    assert!(
        matches!(missing, TmuxError::Missing) && missing.to_string().contains("apt install tmux"),
        "{missing}"
    );
    let old = crate::yard::script(&yard.root, "tmux", "#!/bin/sh\necho tmux 2.9a\n");
    let old = tmux(&old).version().await.unwrap_err();
    assert!(matches!(&old, TmuxError::TooOld { found } if found == "2.9a"), "{old}");
    let error = DiscoveryError::from(old);
    assert!(error.to_string().contains("3.2"), "{error}");
}

#[tokio::test]
async fn a_session_that_is_not_ours_is_never_touched() {
    let yard = Yard::new();
    yard.tmux(&["new-session", "-d", "-s", "forge-worker-alpha", "sleep 60"]);
    yard.tmux(&["new-session", "-d", "-s", "forge-worker-beta-2", "sleep 60"]);
    let refused = yard.launcher.spawn(SpawnRequest::new("alpha", yard.config("sim"))).await;
    assert!(matches!(refused, Err(forge_worker::LauncherError::SessionExists { .. })), "{refused:?}");
    // A target that only begins like the name of another session is another one.
    yard.sim("beta", &[]).await;
    yard.launcher.stop(&crate::yard::worker("beta")).await.unwrap();
    let left = yard.tmux(&["list-sessions", "-F", "#{session_name}"]);
    assert_eq!(left, "forge-worker-alpha\nforge-worker-beta-2\n");
}
