//! A worktree for each worker, and nothing in it lost.

use std::{path::Path, process::Command};

use forge_worker::{LauncherError, SpawnRequest, worktree::WorktreeError};

use crate::yard::{Yard, worker};

fn git(folder: &Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=n", "-c", "user.email=n@example.com"];
    let output = Command::new("git").args(identity).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn begin(yard: &Yard) -> std::path::PathBuf {
    let work = yard.work();
    for (name, text) in [
        ("a.txt", "one\n"),
        (".gitignore", "*.env\nbig/\n"),
        (".worktreeinclude", "local.env\nlinked.env\n"),
        ("local.env", "X=1\n"),
        ("other.env", "Y=1\n"),
    ] {
        std::fs::write(work.join(name), text).unwrap();
    }
    for arguments in [&["init", "-q", "-b", "main"][..], &["add", "."], &["commit", "-q", "-m", "begin"]] {
        git(&work, arguments);
    }
    std::os::unix::fs::symlink("/etc/passwd", work.join("linked.env")).unwrap();
    let config = yard.config("sim").with_worktree(true);
    yard.launcher.spawn(SpawnRequest::new("alpha", config)).await.unwrap();
    let tree = yard.place("alpha").worktree();
    assert_eq!(yard.place("alpha").spec().unwrap().workspace, tree);
    tree
}

#[tokio::test]
async fn a_worker_has_a_branch_of_its_own_with_the_ignored_files_that_are_named() {
    let yard = Yard::new();
    let tree = begin(&yard).await;
    assert_eq!(git(&tree, &["branch", "--show-current"]), "forge/alpha\n");
    assert_eq!(std::fs::read_to_string(tree.join("local.env")).unwrap(), "X=1\n");
    assert!(!tree.join("other.env").exists());
    assert!(std::fs::symlink_metadata(tree.join("linked.env")).is_err(), "a link may lead anywhere");
    yard.launcher.stop(&worker("alpha")).await.unwrap();
    assert!(yard.launcher.reap(&worker("alpha"), false).await.unwrap().worktree_removed);
    assert!(!tree.exists());
    assert_eq!(git(&yard.work(), &["branch", "--list", "forge/*"]), "");
    assert_eq!(git(&yard.work(), &["status", "--porcelain"]), "");
}

#[tokio::test]
async fn work_that_is_nowhere_else_is_counted_and_kept() {
    let yard = Yard::new();
    let tree = begin(&yard).await;
    let refused = yard.launcher.reap(&worker("alpha"), true).await;
    assert!(matches!(refused, Err(LauncherError::AlreadyRunning { .. })), "it runs: {refused:?}");
    yard.launcher.stop(&worker("alpha")).await.unwrap();
    std::fs::write(tree.join("a.txt"), "two\n").unwrap();
    git(&tree, &["commit", "-q", "-a", "-m", "work"]);
    std::fs::write(tree.join("b.txt"), "new\n").unwrap();
    std::fs::write(tree.join("a.txt"), "three\n").unwrap();
    let unsaved = |error: &LauncherError| match error {
        LauncherError::Worktree(WorktreeError::Unsaved { dirty, unpushed, .. }) => (*dirty, *unpushed),
        other => panic!("{other:?}"),
    };
    let refused = yard.launcher.reap(&worker("alpha"), false).await.unwrap_err();
    assert_eq!(unsaved(&refused), (2, 1));
    git(&tree, &["add", "."]);
    git(&tree, &["commit", "-q", "-m", "more"]);
    let refused = yard.launcher.reap(&worker("alpha"), false).await.unwrap_err();
    assert_eq!(unsaved(&refused), (0, 2));
    // Another branch has it: nothing is lost any more.
    git(&yard.work(), &["branch", "kept", "forge/alpha"]);
    yard.launcher.reap(&worker("alpha"), false).await.unwrap();
    assert!(!tree.exists());
}

#[tokio::test]
async fn discard_gives_it_up() {
    let yard = Yard::new();
    let tree = begin(&yard).await;
    std::fs::write(tree.join("b.txt"), "new\n").unwrap();
    yard.launcher.stop(&worker("alpha")).await.unwrap();
    assert!(yard.launcher.reap(&worker("alpha"), false).await.is_err());
    yard.launcher.reap(&worker("alpha"), true).await.unwrap();
    assert!(!tree.exists());
}

#[tokio::test]
async fn work_that_an_agent_has_left_behind_is_kept_too() {
    let yard = Yard::new();
    let tree = begin(&yard).await;
    yard.launcher.stop(&worker("alpha")).await.unwrap();
    // It has committed, and then gone back.
    std::fs::write(tree.join("a.txt"), "two\n").unwrap();
    git(&tree, &["commit", "-q", "-a", "-m", "work"]);
    git(&tree, &["checkout", "-q", "--detach", "HEAD~1"]);
    let refused = yard.launcher.reap(&worker("alpha"), false).await.unwrap_err();
    assert!(
        matches!(refused, LauncherError::Worktree(WorktreeError::Unsaved { dirty: 0, unpushed: 1, .. })),
        "{refused:?}"
    );
    // It has removed the link to the repository.
    std::fs::rename(tree.join(".git"), tree.join("git")).unwrap();
    let refused = yard.launcher.reap(&worker("alpha"), false).await.unwrap_err();
    assert!(matches!(refused, LauncherError::Worktree(WorktreeError::Unknown(_))), "{refused:?}");
    assert_eq!(std::fs::read_to_string(tree.join("a.txt")).unwrap(), "one\n");
    std::fs::rename(tree.join("git"), tree.join(".git")).unwrap();
    // It has renamed its branch: the commit is on another one.
    git(&tree, &["branch", "-q", "-m", "forge/alpha", "mine"]);
    yard.launcher.reap(&worker("alpha"), false).await.unwrap();
    assert_eq!(git(&yard.work(), &["branch", "--list", "mine"]).trim(), "mine");
    assert!(!tree.exists());
}
