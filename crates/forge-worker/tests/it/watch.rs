//! Changes are told as they happen.

use std::time::Instant;

use forge_core::time::SystemTimer;
use forge_worker::StatusWatcher;

use crate::yard::{PATIENCE, Yard, worker};

/// Waits for a change of this worker; how many answers came before it.
async fn change_of(watcher: &mut StatusWatcher, id: &str) -> usize {
    let end = Instant::now() + PATIENCE;
    for before in 0.. {
        if watcher.changed().await.workers.contains(id) {
            return before;
        }
        assert!(Instant::now() < end, "{id} has changed, and nobody said so");
    }
    unreachable!()
}

#[tokio::test]
async fn a_worker_that_comes_changes_and_goes_is_told_of() {
    let yard = Yard::new();
    let mut watcher = StatusWatcher::new(yard.launcher.home(), SystemTimer::shared()).unwrap();
    yard.sim("alpha", &[]).await;
    change_of(&mut watcher, "alpha").await;
    // One of which nobody knew when the watcher began.
    yard.launcher.stop(&worker("alpha")).await.unwrap();
    change_of(&mut watcher, "alpha").await;
    assert_eq!(yard.state("alpha").await, "exited");
    yard.launcher.reap(&worker("alpha"), true).await.unwrap();
    // The same name again is another folder, which is watched as well.
    yard.sim("alpha", &[]).await;
    change_of(&mut watcher, "alpha").await;
    while !watcher.changed().await.workers.is_empty() {}
    yard.launcher.freeze(&worker("alpha")).await.unwrap();
    change_of(&mut watcher, "alpha").await;
    yard.launcher.kill(&worker("alpha")).await.unwrap();
}

#[tokio::test]
async fn another_file_is_told_apart_and_reading_is_no_change() {
    let yard = Yard::new();
    let file = yard.work().join("forge.db-wal");
    let watcher = StatusWatcher::new(yard.launcher.home(), SystemTimer::shared()).unwrap();
    let mut watcher = watcher.and(&file).unwrap();
    std::fs::write(yard.work().join("other"), "x").unwrap();
    std::fs::write(&file, "x").unwrap();
    // On a machine with much to do the clock may answer first.
    let end = Instant::now() + PATIENCE;
    let files = loop {
        let change = watcher.changed().await;
        if !change.files.is_empty() {
            break change.files;
        }
        assert!(Instant::now() < end, "the file has changed, and nobody said so");
    };
    assert!(files.contains(&file) && files.len() == 1, "{files:?}");
    while !watcher.changed().await.files.is_empty() {}
    std::fs::read(&file).unwrap();
    std::fs::set_permissions(&file, std::fs::metadata(&file).unwrap().permissions()).unwrap();
    assert!(watcher.changed().await.files.is_empty(), "nothing but the clock has answered");
}

#[tokio::test]
async fn looking_changes_nothing() {
    use std::os::unix::fs::MetadataExt as _;

    let yard = Yard::new();
    yard.sim("alpha", &[]).await;
    let file = yard.place("alpha").status();
    let look = async || {
        yard.launcher.overview().await.unwrap();
        std::fs::metadata(&file).unwrap().ino()
    };
    while yard.state("alpha").await != "ready" {}
    // A new status is another file.
    let first = look().await;
    for _ in 0..5 {
        assert_eq!(look().await, first, "nothing is new, so nothing is written");
    }
    let mut watcher = StatusWatcher::new(yard.launcher.home(), SystemTimer::shared()).unwrap();
    look().await;
    assert_eq!(watcher.changed().await.workers.len(), 0, "only the clock has answered");
    yard.launcher.kill(&worker("alpha")).await.unwrap();
}

#[tokio::test]
async fn an_overview_is_what_each_worker_is_by_itself() {
    let yard = Yard::new();
    yard.sim("alpha", &[]).await;
    yard.sim("beta", &[]).await;
    yard.launcher.stop(&worker("beta")).await.unwrap();
    let all = yard.launcher.overview().await.unwrap();
    let seen: Vec<_> = all.iter().map(|(handle, seen)| (handle.id.as_str(), seen.state.as_str())).collect();
    assert_eq!(seen, [("alpha", yard.state("alpha").await), ("beta", "exited")]);
    let terminal = yard.launcher.terminal(&worker("alpha")).await;
    assert!(terminal.is_some() && yard.launcher.terminal(&worker("gamma")).await.is_none());
    yard.launcher.kill(&worker("alpha")).await.unwrap();
}
