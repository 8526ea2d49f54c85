//! Changes from real repositories.

use std::{fs, path::Path};

use crate::folder::Folder;
use forge_agent::review::{Content, GitError, Mark, Repository, Target, parse};

fn open(folder: &Path) -> Repository {
    Repository::open(folder).unwrap()
}

fn revision(text: &str) -> Target {
    Target::Revision(text.to_owned())
}

#[test]
fn one_revision_means_what_came_since_the_branches_parted() {
    let folder = Folder::repository();
    folder.write("a.txt", "one\n");
    folder.commit("one");
    folder.git(&["checkout", "-q", "-b", "topic"]);
    folder.write("b.txt", "mine\n");
    folder.commit("mine");
    folder.git(&["checkout", "-q", "main"]);
    folder.write("c.txt", "theirs\n");
    folder.commit("theirs");
    folder.git(&["checkout", "-q", "topic"]);
    let repository = open(&folder.0);
    let paths = |target: &str| {
        let taken = repository.change(&revision(target)).unwrap();
        parse(&taken.diff).unwrap().files.iter().map(|file| file.path().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(paths("main"), ["b.txt"]);
    assert_eq!(paths("main...topic"), ["b.txt"]);
    assert_eq!(paths("main.."), ["b.txt", "c.txt"]);
    assert_eq!(repository.change(&revision("main")).unwrap().name.split_once("..").unwrap().1, "HEAD");
    folder.write("b.txt", "mine\nmore\n");
    folder.write("new.txt", "unknown\n");
    let worktree = repository.change(&Target::Worktree).unwrap();
    assert_eq!((parse(&worktree.diff).unwrap().files.len(), worktree.untracked), (1, 1));
    folder.git(&["add", "-A"]);
    let staged = repository.change(&Target::Staged).unwrap();
    assert_eq!(parse(&staged.diff).unwrap().files.len(), 2);
    assert_eq!(repository.file_at("main", "a.txt", 100).as_deref(), Some("one\n"));
    assert_eq!(repository.file_at("main", "a.txt", 2), None);
}

#[test]
fn names_line_ends_renames_and_what_has_no_lines() {
    let folder = Folder::repository();
    folder.write("old name.txt", "one\ntwo\nthree\nfour\nfive\n");
    folder.write("gone.txt", "gone\n");
    folder.write("crlf.txt", "one\r\ntwo\r\n");
    folder.commit("one");
    folder.git(&["mv", "old name.txt", "ünï\"cödé.txt"]);
    fs::remove_file(folder.0.join("gone.txt")).unwrap();
    folder.write("crlf.txt", "one\r\n2\r\n");
    fs::write(folder.0.join("p.bin"), [0_u8, 1, 2, 255]).unwrap();
    folder.commit("two");
    let change = parse(&open(&folder.0).change(&revision("HEAD~1")).unwrap().diff).unwrap();
    let file = |name: &str| {
        change.files.iter().find(|file| file.path() == name).unwrap_or_else(|| panic!("{change:?}"))
    };
    let crlf = file("crlf.txt");
    let added = crlf.hunks[0].lines.iter().find(|line| line.mark == Mark::Added).unwrap();
    assert_eq!((added.text.as_str(), added.new), ("2\r", 2));
    assert!(file("gone.txt").is_deleted());
    assert_eq!(file("ünï\"cödé.txt").old.as_deref(), Some("old name.txt"));
    assert_eq!(file("p.bin").content, Content::Binary);
}

#[test]
fn nothing_of_the_repository_runs() {
    let folder = Folder::repository();
    folder.write("a.txt", "one\n");
    folder.write(".gitattributes", "*.txt diff=evil\n");
    folder.commit("one");
    folder.write("a.txt", "two\n");
    let ran = folder.0.join("ran");
    let command = format!("touch {}; true", ran.display());
    for key in ["diff.external", "diff.evil.textconv", "diff.evil.command", "core.fsmonitor", "core.pager"] {
        folder.git(&["config", key, &command]);
    }
    folder.git(&["config", "color.ui", "always"]);
    folder.git(&["config", "diff.noprefix", "true"]);
    // `git` itself was asked above with the user's settings.
    let _ = fs::remove_file(&ran);
    let taken = open(&folder.0).change(&Target::Worktree).unwrap();
    let change = parse(&taken.diff).unwrap();
    assert_eq!((change.files[0].path(), change.files[0].hunks[0].lines.len()), ("a.txt", 2));
    assert!(!ran.exists());
}

#[test]
fn what_git_cannot_give_says_what_to_do() {
    let bare = Folder::new();
    assert!(matches!(Repository::open(&bare.0), Err(GitError::NoRepository(_))));
    let folder = Folder::repository();
    for (at, text) in ["one\n", "two\n", "three\n"].iter().enumerate() {
        folder.write("a.txt", text);
        folder.commit(&format!("{at}"));
    }
    let repository = open(&folder.0);
    for unknown in ["nowhere", "nowhere..HEAD", "HEAD~9", "--help"] {
        assert!(matches!(repository.change(&revision(unknown)), Err(GitError::NoCommit(_))), "{unknown}");
    }
    folder.git(&["checkout", "-q", "--orphan", "alone"]);
    folder.commit("alone");
    assert!(matches!(repository.change(&revision("main")), Err(GitError::NoBase(..))));
    let shallow = Folder::new();
    let source = format!("file://{}", folder.0.display());
    shallow.git(&["clone", "-q", "--depth", "1", "--no-single-branch", &source, "clone"]);
    let error = open(&shallow.0.join("clone")).change(&revision("origin/main")).unwrap_err();
    assert!(matches!(error, GitError::Shallow(..)), "{error}");
    assert!(error.next().contains("fetch-depth: 0"));
}

#[test]
fn a_submodule_is_told_and_a_first_commit_is_new() {
    let (folder, inner) = (Folder::repository(), Folder::repository());
    inner.write("x.txt", "x\n");
    inner.commit("x");
    let first = open(&folder.0).change(&Target::Staged).unwrap();
    assert!(first.diff.is_empty());
    folder.git(&["submodule", "--quiet", "add", &inner.0.display().to_string(), "inner"]);
    let change = parse(&open(&folder.0).change(&Target::Staged).unwrap().diff).unwrap();
    let inside = change.files.iter().find(|file| file.path() == "inner").unwrap();
    assert_eq!(inside.content, Content::Submodule);
}
