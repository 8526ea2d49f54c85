//! Launchers of other people, well behaved and not.

use std::time::Duration;

use forge_worker::{LauncherError, SpawnRequest, WorkerHandle, WorkerStatus, is_running};

use crate::yard::{Yard, script, until, worker};

/// The launcher's template, as `examples/launchers` has it.
const TEMPLATE: &str = include_str!("../../../../examples/launchers/template.sh");

/// What an error must be.
type Check = Box<dyn Fn(&LauncherError) -> bool>;

async fn launch(yard: &Yard, text: &str) -> Result<WorkerHandle, LauncherError> {
    let path = script(&yard.root, "launcher", text);
    let mut config = yard.config(&path).with_agent("sim").with_timeout(5).with_bead("fg-123");
    config.session = "my-alpha".into();
    config.model = "sonnet".into();
    yard.launcher.spawn(SpawnRequest::new("alpha", config)).await
}

#[tokio::test]
async fn the_template_runs_its_agent_under_our_shim() {
    let yard = Yard::new();
    let handle = launch(&yard, TEMPLATE).await.unwrap();
    assert_eq!((handle.session.as_str(), handle.warnings.len()), ("my-alpha", 0), "{:?}", handle.warnings);
    assert!(is_running(&yard.place("alpha")));
    yard.is("alpha", "ready").await;
    yard.send("alpha", "hello").await;
    yard.launcher.stop(&worker("alpha")).await.unwrap();
    assert_eq!(yard.tmux(&["list-sessions"]), "");
}

#[tokio::test]
async fn the_documents_template_with_its_empty_pid_is_taken_with_a_warning() {
    let yard = Yard::new();
    let text = "#!/bin/bash\nset -euo pipefail\nSESSION_NAME=\"$1\"\ntmux new-session -d -s \"$SESSION_NAME\"\n\
                tmux send-keys -t \"$SESSION_NAME\" \"cd $FORGE_WORKSPACE && $AGENT_COMMAND\" Enter\n\
                echo '{ \"pid\": ,'; echo \"\\\"session\\\": \\\"$SESSION_NAME\\\", \\\"model\\\": \\\"$FORGE_MODEL\\\" }\"\n";
    let handle = launch(&yard, text).await.unwrap();
    assert!(handle.warnings.iter().any(|it| it.contains("named no process")), "{:?}", handle.warnings);
    yard.is("alpha", "ready").await;
}

#[tokio::test]
async fn a_launcher_with_a_command_of_its_own_is_watched_by_its_pane_and_its_file() {
    let yard = Yard::new();
    let text = "#!/bin/sh\ntmux new-session -d -s \"$1\" 'exec sleep 600'\n\
                mkdir -p \"$FORGE_HOME/status\"\n\
                echo \"{\\\"worker_id\\\": \\\"alpha\\\", \\\"status\\\": \\\"idle\\\"}\" > \"$FORGE_HOME/status/alpha.json\"\n\
                echo \"noise { \"; echo \"{\\\"pid\\\": 1, \\\"session\\\": \\\"$1\\\"}\"\n";
    let handle = launch(&yard, text).await.unwrap();
    assert!(handle.warnings[0].contains("no shim"), "{:?}", handle.warnings);
    assert_eq!(yard.launcher.check_status(&worker("alpha")).await.unwrap(), WorkerStatus::Idle);
    let pid = forge_worker::ProcessId::of(handle.pid.unwrap()).unwrap();
    let refused = yard.launcher.reap(&worker("alpha"), true).await;
    assert!(matches!(refused, Err(LauncherError::AlreadyRunning { .. })), "it runs: {refused:?}");
    yard.launcher.stop(&worker("alpha")).await.unwrap();
    assert!(!pid.is_alive());
    assert_eq!(yard.launcher.check_status(&worker("alpha")).await.unwrap(), WorkerStatus::Stopped);
}

#[tokio::test]
async fn a_launcher_gets_its_arguments_and_variables() {
    let yard = Yard::new();
    let text = "#!/bin/sh\nprintf '%s\\n' \"$@\" > args.txt\nenv > env.txt\nexit 7\n";
    let failed = launch(&yard, text).await.unwrap_err();
    assert!(
        matches!(&failed, LauncherError::LauncherFailed { message } if message.contains('7')),
        "{failed}"
    );
    let work = yard.work().canonicalize().unwrap();
    let arguments = std::fs::read_to_string(work.join("args.txt")).unwrap();
    let expected = format!(
        "my-alpha\n--session-name=my-alpha\n--model=sonnet\n--workspace={}\n--bead-ref=fg-123\n",
        work.display()
    );
    assert_eq!(arguments, expected);
    let environment = std::fs::read_to_string(work.join("env.txt")).unwrap();
    for expected in [
        "FORGE_WORKER_ID=alpha",
        "FORGE_SESSION=my-alpha",
        "FORGE_MODEL=sonnet",
        "FORGE_ASSIGNED_BEAD=fg-123",
    ] {
        assert!(environment.lines().any(|line| line == expected), "{expected}");
    }
    for name in ["FORGE_WORKSPACE=", "FORGE_TMUX_SOCKET=", "TMUX=", "AGENT_COMMAND="] {
        assert!(environment.lines().any(|line| line.starts_with(name)), "{name}");
    }
    assert!(!environment.contains("CARGO"), "only what is allowed goes on");
}

#[tokio::test]
async fn each_way_to_fail_is_told_apart_and_leaves_nothing() {
    let yard = Yard::new();
    let made = "#!/bin/sh\ntmux new-session -d -s \"$1\"\n";
    let failed = |message: &'static str| move |error: &LauncherError| matches!(error, LauncherError::LauncherFailed { message: it } if it.contains(message));
    let bad = |message: &'static str| move |error: &LauncherError| matches!(error, LauncherError::BadOutput { message: it } if it.contains(message));
    let cases: Vec<(String, Check)> = vec![
        (format!("{made}echo one; echo two >&2; exit 3"), Box::new(failed("two"))),
        (
            format!("{made}echo '{{\"pid\": 0, \"session\": \"\", \"error\": \"API key not found\"}}'"),
            Box::new(failed("API key")),
        ),
        (format!("{made}echo '{{\"pid\": 0, \"session\": \"my-alpha\"}}'"), Box::new(failed("pid: 0"))),
        (format!("{made}echo started"), Box::new(bad("started"))),
        (format!("{made}echo '{{\"session\": \"my-alpha\"}}'"), Box::new(bad("`pid`"))),
        (format!("{made}echo '{{\"pid\": 4, \"session\": \"other\"}}'"), Box::new(bad("other"))),
        (
            "#!/bin/sh\necho '{\"pid\": 4, \"session\": \"my-alpha\"}'".to_owned(),
            Box::new(
                |error| matches!(error, LauncherError::SessionCreationFailed { session_name } if session_name == "my-alpha"),
            ),
        ),
    ];
    for (text, check) in cases {
        let error = launch(&yard, &text).await.unwrap_err();
        assert!(check(&error), "{text}: {error:?}");
        assert_eq!(yard.tmux(&["list-sessions"]), "", "{text}");
        until("nothing runs", || !is_running(&yard.place("alpha"))).await;
    }
}

#[tokio::test]
async fn what_is_no_launcher_is_named() {
    let yard = Yard::new();
    let spawn = |launcher: &str| yard.launcher.spawn(SpawnRequest::new("alpha", yard.config(launcher)));
    for launcher in ["/no/such/launcher", "no-such-agent", ""] {
        let error = spawn(launcher).await.unwrap_err();
        assert!(matches!(error, LauncherError::LauncherNotFound { .. }), "{launcher}: {error:?}");
    }
    let plain = yard.root.join("plain");
    std::fs::write(&plain, "#!/bin/sh\n").unwrap();
    let error = spawn(plain.to_str().unwrap()).await.unwrap_err();
    assert!(matches!(error, LauncherError::LauncherNotExecutable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_launcher_that_hangs_is_ended_with_everything_that_it_started() {
    let yard = Yard::new();
    let text = "#!/bin/sh\ntmux new-session -d -s \"$1\"\nsleep 600 & echo $! > pid.txt\nsleep 601 & wait\n";
    let path = script(&yard.root, "launcher", text);
    let config = yard.config(&path).with_agent("sim").with_timeout(1);
    let error = yard.launcher.spawn(SpawnRequest::new("alpha", config)).await.unwrap_err();
    assert!(matches!(error, LauncherError::Timeout { secs: 1 }), "{error:?}");
    let pid: i32 = std::fs::read_to_string(yard.work().join("pid.txt")).unwrap().trim().parse().unwrap();
    until("its child is gone", || forge_worker::ProcessId::of(pid).is_none_or(|id| !id.is_alive())).await;
    assert_eq!(yard.tmux(&["list-sessions"]), "");
}

#[tokio::test]
async fn a_child_in_the_background_that_holds_the_output_open_does_not_hold_the_launch_up() {
    let yard = Yard::new();
    let text = "#!/bin/sh\ntmux new-session -d -s \"$1\"\nsleep 30 &\necho $! > pid.txt\n\
                echo \"{\\\"pid\\\": 4, \\\"session\\\": \\\"$1\\\"}\"\n";
    let begun = std::time::Instant::now();
    launch(&yard, text).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let pid: i32 = std::fs::read_to_string(yard.work().join("pid.txt")).unwrap().trim().parse().unwrap();
    let _ = std::process::Command::new("kill").arg(pid.to_string()).status();
}
