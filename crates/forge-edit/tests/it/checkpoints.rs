//! What checkpoints refuse, leave out and keep away from.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use forge_edit::{CheckpointError, Checkpoints, EditPath, UserChanges};

use crate::support::{Folder, files, git, git_will_do, set_mode, variable, write};

/// A folder `root` with a repository of one commit, and the folder for states beside it.
struct Place(Folder);

impl Place {
    fn new(name: &str) -> Self {
        let folder = Folder::new(&format!("checkpoints-{name}"));
        let place = Self(folder);
        repository(&place.root());
        place
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("root")
    }

    fn checkpoints(&self) -> Checkpoints {
        opened(&self.root(), &self.0.path().join("state")).unwrap()
    }
}

fn repository(root: &Path) {
    write(root, "a.txt", "a\n");
    git(root, &["init", "-q"]);
    git(root, &["add", "-A"]);
    git(root, &["-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "-m", "one"]);
}

fn environment(name: &str) -> Option<OsString> {
    #[expect(clippy::disallowed_methods, reason = "as a program does that uses the crate")]
    std::env::var_os(name)
}

fn opened(root: &Path, state: &Path) -> Result<Checkpoints, CheckpointError> {
    Checkpoints::open(root, state, environment)
}

#[test]
fn a_repository_inside_with_changes_is_named_and_a_clean_one_stays_as_it_is() {
    if !git_will_do() {
        return;
    }
    let place = Place::new("nested");
    let (root, inner) = (place.root(), place.root().join("vendor/inner"));
    repository(&inner);
    let checkpoints = place.checkpoints();
    let old = checkpoints.take("run").unwrap();
    write(&inner, "b.txt", "untracked");
    let said = checkpoints.take("run").unwrap_err();
    assert!(matches!(&said, CheckpointError::NestedChanges(path) if path == "vendor/inner"), "{said}");
    git(&inner, &["add", "-A"]);
    git(&inner, &["-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "-m", "two"]);
    write(&root, "a.txt", "changed");
    let last = checkpoints.take("run").unwrap();
    // Also with changes inside, the way back is open: they are not touched.
    write(&inner, "c.txt", "untracked");
    let restored = checkpoints.restore(&old, &last, UserChanges::Discard).unwrap();
    assert_eq!(restored.conflicts, [PathBuf::from("vendor/inner")]);
    assert_eq!(fs::read(root.join("a.txt")).unwrap(), b"a\n");
    assert!(inner.join("b.txt").exists() && inner.join("c.txt").exists());
}

#[test]
fn submodules_are_known_also_where_they_are_not_checked_out() {
    if !git_will_do() {
        return;
    }
    let place = Place::new("submodule");
    let (root, other) = (place.root(), place.0.path().join("other"));
    repository(&other);
    let other = other.to_str().unwrap();
    git(&root, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other, "sub/module"]);
    git(&root, &["submodule", "--quiet", "deinit", "-f", "sub/module"]);
    let checkpoints = place.checkpoints();
    let closed = checkpoints.submodules().unwrap();
    assert_eq!(closed, [EditPath::new("sub/module").unwrap()]);
    let workspace = forge_edit::Workspace::open(&root).unwrap().with_closed(closed);
    assert!(workspace.read(&EditPath::new("sub/module/x").unwrap()).is_err());
    let old = checkpoints.take("run").unwrap();
    assert_eq!(checkpoints.take("run").unwrap().tree, old.tree);
}

#[test]
fn an_old_git_and_folders_that_will_not_do_are_refused() {
    let place = Place::new("refused");
    let bin = place.0.path().join("bin");
    write(&bin, "git", "#!/bin/sh\necho git version 2.40.1\n");
    set_mode(&bin, "git", 0o755);
    let state = place.0.path().join("state");
    let old = Checkpoints::open(place.root(), &state, |name| {
        (name == "PATH").then(|| bin.clone().into_os_string())
    });
    assert_eq!(old.unwrap_err().to_string(), "git 2.40.1 is too old; checkpoints need 2.41 or later");
    let none = Checkpoints::open(place.root(), &state, |name| (name == "PATH").then(|| "/nowhere".into()));
    assert!(matches!(none, Err(CheckpointError::NoGit(_))));
    write(&place.root(), "sub/x", "x");
    let inside = opened(&place.root().join("sub"), &state).unwrap_err();
    assert!(matches!(inside, CheckpointError::Inside { .. }), "{inside}");
    let within = opened(&place.root(), &place.root().join(".state")).unwrap_err();
    assert!(matches!(within, CheckpointError::StateInside { .. }), "{within}");
    assert!(matches!(place.checkpoints().take("../x"), Err(CheckpointError::Name(_))));
}

#[test]
fn what_is_not_covered_is_listed_and_can_be_included() {
    if !git_will_do() {
        return;
    }
    let place = Place::new("ignored");
    let root = place.root();
    write(&root, ".gitignore", "*.log\ntarget/\n");
    write(&root, "y.log", "1");
    write(&root, "z.log", "1");
    write(&root, "target/deep/x", "1");
    let pipe = Command::new("mkfifo").arg(root.join("pipe")).status().unwrap();
    assert!(pipe.success());
    let checkpoints = place.checkpoints().with_included([EditPath::new("z.log").unwrap()]);
    let old = checkpoints.take("run").unwrap();
    let names = ["target/", "y.log", "pipe"].map(PathBuf::from);
    assert_eq!(checkpoints.not_covered(&old).unwrap(), names);
    for name in ["y.log", "z.log", "target/deep/x"] {
        write(&root, name, "2");
    }
    let last = checkpoints.take("run").unwrap();
    let restored = checkpoints.restore(&old, &last, UserChanges::Keep).unwrap();
    assert_eq!(restored.restored, [PathBuf::from("z.log")]);
    assert_eq!(fs::read(root.join("y.log")).unwrap(), b"2");
    checkpoints.forget("run").unwrap();
    assert_eq!(git(&root, &["for-each-ref", "refs/forge"]), "");
}

#[test]
fn ignored_files_in_the_way_and_folders_behind_links_are_conflicts() {
    if !git_will_do() {
        return;
    }
    let place = Place::new("in-the-way");
    let (root, outside) = (place.root(), place.0.path().join("outside"));
    write(&root, ".gitignore", "*.log\n");
    write(&root, "sub/x.txt", "x\n");
    write(&outside, "x.txt", "not ours\n");
    let checkpoints = place.checkpoints();
    let old = checkpoints.take("run").unwrap();
    fs::remove_file(root.join("a.txt")).unwrap();
    write(&root, "a.txt/precious.log", "kept by nobody");
    fs::remove_dir_all(root.join("sub")).unwrap();
    symlink(&outside, root.join("sub")).unwrap();
    let last = checkpoints.take("run").unwrap();
    let restored = checkpoints.restore(&old, &last, UserChanges::Discard).unwrap();
    assert_eq!(restored.conflicts, [PathBuf::from("a.txt")]);
    assert_eq!(fs::read(root.join("a.txt/precious.log")).unwrap(), b"kept by nobody");
    assert_eq!(fs::read(root.join("sub/x.txt")).unwrap(), b"x\n");
    assert_eq!(fs::read(outside.join("x.txt")).unwrap(), b"not ours\n");
}

#[test]
fn what_git_kept_otherwise_than_it_was_is_never_written() {
    if !git_will_do() {
        return;
    }
    let place = Place::new("altered");
    let root = place.root();
    let checkpoints = place.checkpoints();
    let old = checkpoints.take("run").unwrap();
    write(&root, "a.txt", "changed\n");
    let last = checkpoints.take("run").unwrap();
    // As if something had changed the contents on their way into git.
    let sums = place.0.path().join(format!("state/run/run/{}.sums", old.commit));
    let text = fs::read_to_string(&sums).unwrap();
    let hash = text.split(' ').nth(1).unwrap().to_owned();
    fs::write(&sums, text.replace(&hash, &"0".repeat(64))).unwrap();
    let said = checkpoints.restore(&old, &last, UserChanges::Keep).unwrap_err();
    assert!(matches!(&said, CheckpointError::Altered(path) if path == "a.txt"), "{said}");
    assert_eq!(fs::read(root.join("a.txt")).unwrap(), b"changed\n");
}

#[test]
fn a_file_without_change_of_its_time_and_size_is_seen() {
    if !git_will_do() {
        return;
    }
    let place = Place::new("same-size");
    let root = place.root();
    let checkpoints = place.checkpoints();
    let old = checkpoints.take("run").unwrap();
    let time = fs::metadata(root.join("a.txt")).unwrap().modified().unwrap();
    write(&root, "a.txt", "b\n");
    fs::File::options().write(true).open(root.join("a.txt")).unwrap().set_modified(time).unwrap();
    let last = checkpoints.take("run").unwrap();
    // What a restore leaves that was ended in between.
    write(&root, ".forge-restore", "a");
    checkpoints.restore(&old, &last, UserChanges::Keep).unwrap();
    assert_eq!(fs::read(root.join("a.txt")).unwrap(), b"a\n");
    assert!(!root.join(".forge-restore").exists());
}

#[test]
fn a_working_tree_of_its_own_has_its_own_checkpoints() {
    if !git_will_do() {
        return;
    }
    let place = Place::new("worktree");
    let tree = place.0.path().join("tree");
    git(&place.root(), &["worktree", "add", "-q", "--detach", tree.to_str().unwrap()]);
    let checkpoints = opened(&tree, &place.0.path().join("state")).unwrap();
    let old = checkpoints.take("run").unwrap();
    write(&tree, "a.txt", "changed\n");
    let last = checkpoints.take("run").unwrap();
    checkpoints.restore(&old, &last, UserChanges::Keep).unwrap();
    assert_eq!(fs::read(tree.join("a.txt")).unwrap(), b"a\n");
}

const FOLDER: &str = "FORGE_EDIT_TEST_CHECKPOINT";

/// What happens in a process with another environment; in any other, nothing.
#[test]
fn the_process_with_a_misleading_environment() {
    if !git_will_do() {
        return;
    }
    let Some(folder) = variable::<String>(FOLDER) else { return };
    let folder = Path::new(&folder);
    let checkpoints = opened(&folder.join("root"), &folder.join("state")).unwrap();
    let old = checkpoints.take("run").unwrap();
    write(&folder.join("root"), "a.txt", "changed\n");
    let last = checkpoints.take("run").unwrap();
    checkpoints.restore(&old, &last, UserChanges::Keep).unwrap();
}

#[test]
fn neither_the_environment_nor_hooks_nor_programs_of_the_settings_have_a_say() {
    if !git_will_do() {
        return;
    }
    let place = Place::new("environment");
    let root = place.root();
    let mark = place.0.path().join("ran");
    let program = format!("#!/bin/sh\ntouch '{}'\ncat\n", mark.display());
    for hook in ["post-index-change", "reference-transaction", "pre-commit", "post-commit"] {
        write(&root, &format!(".git/hooks/{hook}"), &program);
        set_mode(&root, &format!(".git/hooks/{hook}"), 0o755);
    }
    write(place.0.path(), "program", &program);
    set_mode(place.0.path(), "program", 0o755);
    let program = place.0.path().join("program");
    for setting in ["core.fsmonitor", "filter.f.clean", "filter.f.smudge", "diff.external", "core.pager"] {
        git(&root, &["config", setting, program.to_str().unwrap()]);
    }
    write(&root, ".gitattributes", "* filter=f\n");
    let before = files(&root.join(".git"));
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "checkpoints::the_process_with_a_misleading_environment"])
        .env(FOLDER, place.0.path())
        .env("GIT_DIR", "/nowhere")
        .env("GIT_WORK_TREE", "/nowhere")
        .env("GIT_INDEX_FILE", root.join(".git/index"))
        .env("GIT_OBJECT_DIRECTORY", "/nowhere")
        .env("GIT_EXTERNAL_DIFF", &program)
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "core.bare")
        .env("GIT_CONFIG_VALUE_0", "true")
        .output()
        .unwrap()
        .status;
    assert!(status.success());
    assert!(!mark.exists());
    assert_eq!(fs::read(root.join("a.txt")).unwrap(), b"a\n");
    let users = |all: &std::collections::BTreeMap<PathBuf, (u32, Vec<u8>)>| {
        let is_ours = |path: &Path| path.starts_with("objects") || path.starts_with("refs/forge");
        all.iter()
            .filter(|(path, _)| !is_ours(path))
            .map(|(path, file)| (path.clone(), file.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(users(&files(&root.join(".git"))), users(&before));
}

#[test]
fn a_restore_that_was_ended_in_between_is_done_again() {
    if !git_will_do() {
        return;
    }
    let place = Place::new("again");
    let root = place.root();
    for name in ["b.txt", "c.txt"] {
        write(&root, name, "old\n");
    }
    let checkpoints = place.checkpoints();
    let old = checkpoints.take("run").unwrap();
    for name in ["a.txt", "b.txt", "new.txt"] {
        write(&root, name, "by the run\n");
    }
    fs::remove_file(root.join("c.txt")).unwrap();
    let last = checkpoints.take("run").unwrap();
    // The new file is gone already and one is back.
    fs::remove_file(root.join("new.txt")).unwrap();
    write(&root, "b.txt", "old\n");
    let restored = checkpoints.restore(&old, &last, UserChanges::Keep).unwrap();
    assert_eq!(restored.restored, ["a.txt", "c.txt"].map(PathBuf::from));
    assert_eq!((restored.kept, restored.conflicts), (Vec::new(), Vec::new()));
    assert_eq!(checkpoints.take("run").unwrap().tree, old.tree);
}
