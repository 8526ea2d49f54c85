//! What the scripted agent does, and what is said of it; hooks; what is read of others.

use std::time::Instant;

use forge_worker::{Screen, SpawnRequest, StateSource, WorkerStatus, observe};

use crate::yard::{Yard, worker};

#[tokio::test]
async fn every_state_of_the_scripted_agent_is_told() {
    let yard = Yard::new();
    yard.sim("alpha", &["--silent"]).await;
    // Silent at its start: only its title tells.
    yard.is("alpha", "ready").await;
    assert_eq!(yard.launcher.observe(&worker("alpha")).await.unwrap().source, StateSource::Title);
    let cases = [
        ("work 60000", "working", WorkerStatus::Active),
        ("permission", "waiting_permission", WorkerStatus::Active),
        ("question", "waiting_question", WorkerStatus::Active),
        ("limit", "waiting_limit", WorkerStatus::Active),
        ("hang", "working", WorkerStatus::Active),
        ("spin", "working", WorkerStatus::Active),
    ];
    for (prompt, state, status) in cases {
        yard.send("alpha", prompt).await;
        yard.is("alpha", state).await;
        let seen = yard.launcher.observe(&worker("alpha")).await.unwrap();
        assert_eq!((seen.source, seen.state.status()), (StateSource::Hook, status), "{prompt}: {seen:?}");
        assert!(!seen.evidence.is_empty() && seen.since <= seen.observed_at && seen.pid.is_some());
        yard.launcher.interrupt(&worker("alpha")).await.unwrap();
        yard.is("alpha", "ready").await;
    }
    yard.send("alpha", "fail rate_limit").await;
    yard.is("alpha", "turn_failed").await;
    let failed = yard.launcher.observe(&worker("alpha")).await.unwrap();
    assert_eq!(failed.state, forge_worker::WorkerState::TurnFailed("rate_limit".into()));
    yard.place("alpha").set_paused(true).unwrap();
    assert_eq!(yard.state("alpha").await, "turn_failed", "a pause says something of one that is ready only");
    yard.launcher.restart(&worker("alpha")).await.unwrap();
    yard.is("alpha", "paused").await;
    yard.place("alpha").set_paused(false).unwrap();
    yard.send("alpha", "exit 0").await;
    yard.is("alpha", "exited").await;
    assert_eq!(yard.launcher.check_status(&worker("alpha")).await.unwrap(), WorkerStatus::Stopped);
}

#[tokio::test]
async fn the_screen_never_overrules_and_after_a_minute_of_contradiction_nobody_is_believed() {
    let yard = Yard::new();
    yard.sim("alpha", &[]).await;
    yard.send("alpha", "imitate sim: ready").await;
    yard.is("alpha", "working").await;
    crate::yard::until("the title is another", || {
        yard.tmux(&["display-message", "-p", "-t", "=forge-worker-alpha:", "#{pane_title}"]) == "sim: ready\n"
    })
    .await;
    let seen = yard.launcher.observe(&worker("alpha")).await.unwrap();
    assert_eq!((seen.state.as_str(), seen.source), ("working", StateSource::Hook));
    let first = seen.contradicted_since.unwrap();
    let screen = Screen::new("sim: ready", "");
    let after = |seconds| first + std::time::Duration::from_secs(seconds);
    assert_eq!(observe(&yard.place("alpha"), Some(&screen), after(59)).state.as_str(), "working");
    let doubted = observe(&yard.place("alpha"), Some(&screen), after(60));
    assert_eq!((doubted.state.as_str(), doubted.state.status()), ("unknown", WorkerStatus::Error));
    let agreeing = Screen::new("sim: working", "");
    assert_eq!(observe(&yard.place("alpha"), Some(&agreeing), after(600)).state.as_str(), "working");
}

#[tokio::test]
async fn fields_that_others_add_to_the_status_file_stay() {
    let yard = Yard::new();
    yard.sim("alpha", &[]).await;
    yard.is("alpha", "ready").await;
    let path = yard.place("alpha").status();
    let mut file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    file["mood"] = "good".into();
    file["current_task"] = "fg-9: Name it".into();
    std::fs::write(&path, file.to_string()).unwrap();
    yard.send("alpha", "hang").await;
    yard.is("alpha", "working").await;
    let file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!((&file["mood"], &file["current_task"]), (&"good".into(), &"fg-9: Name it".into()));
    assert_eq!(
        (&file["status"], &file["state"], &file["source"]),
        (&"active".into(), &"working".into(), &"hook".into())
    );
}

#[tokio::test]
async fn a_worker_that_was_never_launched_is_not_found_and_a_damaged_one_is_an_error() {
    let yard = Yard::new();
    let unknown = yard.launcher.check_status(&worker("alpha")).await;
    assert!(matches!(unknown, Err(forge_worker::LauncherError::NotFound { .. })));
    yard.sim("alpha", &[]).await;
    yard.launcher.stop(&worker("alpha")).await.unwrap();
    std::fs::write(yard.place("alpha").folder().join("spec.json"), "{").unwrap();
    assert_eq!(yard.launcher.check_status(&worker("alpha")).await.unwrap(), WorkerStatus::Error);
}

#[tokio::test]
async fn a_hook_appends_one_line_prints_nothing_and_never_fails() {
    let yard = Yard::new();
    let config = yard.config("generic").with_arguments(["sleep", "600"]);
    yard.launcher.spawn(SpawnRequest::new("alpha", config)).await.unwrap();
    let run = yard.place("alpha").spec().unwrap().run;
    let events = yard.place("alpha").folder().join("events.jsonl");
    let lines = || std::fs::read_to_string(&events).unwrap_or_default().lines().count();
    let good: [(&[&str], &str); 3] = [
        (&["claude"], r#"{"hook_event_name": "Stop", "session_id": "x"}"#),
        (&["codex", r#"{"type": "agent-turn-complete"}"#], ""),
        (&["aider", "--event", "waiting"], ""),
    ];
    for (at, (arguments, input)) in good.into_iter().enumerate() {
        let said = yard.hook(arguments, input, &run);
        assert!(said.status.success() && said.stdout.is_empty() && said.stderr.is_empty(), "{said:?}");
        assert_eq!(lines(), at + 1);
    }
    for (arguments, input) in
        [(&["claude"][..], "no json"), (&["claude"], "{}"), (&["claude"], "[1]"), (&["x", "{"], "")]
    {
        let said = yard.hook(arguments, input, &run);
        assert!(said.status.success() && said.stdout.is_empty() && said.stderr.is_empty(), "{said:?}");
        assert_eq!(lines(), 3, "{input}");
    }
    let begun = Instant::now();
    for _ in 0..20 {
        yard.hook(&["claude"], r#"{"hook_event_name": "Stop"}"#, &run);
    }
    println!("a hook: {} us", begun.elapsed().as_micros() / 20);
}

#[tokio::test]
async fn what_a_worker_shows_is_kept() {
    let yard = Yard::new();
    let config = yard.config("generic").with_arguments(["sh", "-c", "sleep 0.5; echo kept-line; sleep 600"]);
    yard.launcher.spawn(SpawnRequest::new("alpha", config)).await.unwrap();
    let output = yard.place("alpha").output();
    let kept = || std::fs::read_to_string(&output).is_ok_and(|text| text.contains("kept-line"));
    crate::yard::until("the line is kept", kept).await;
}
