//! Whatever happened to the files since, a checkpoint brings them back byte for byte, and nothing of the user's is touched.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use fastrand::Rng;
use forge_edit::{Checkpoints, UserChanges};

use crate::support::{Folder, files, git, git_will_do, scale, seed, set_mode, write};

type Files = BTreeMap<PathBuf, (u32, Vec<u8>)>;

const NAMES: [&str; 12] = [
    "a.txt",
    "b.txt",
    "c.dat",
    "d.dat",
    "sub/e.txt",
    "sub/deep/f ü.rs",
    "sub/g",
    "h/i.txt",
    "quote\"d.txt",
    "\"first.txt",
    "line\nfeed.txt",
    "run.sh",
];

/// Files to which something happens.
const CHANGED: [&str; 13] = [
    "a.txt",
    "b.txt",
    "c.dat",
    "sub/e.txt",
    "sub/deep/f ü.rs",
    "sub/g",
    "\"first.txt",
    "line\nfeed.txt",
    "link",
    "untracked.txt",
    "new/file",
    "staged.txt",
    "tracked.log",
];

/// Attributes that change contents on their way into git, or on their way out.
const ATTRIBUTES: [&str; 5] =
    ["* text=auto\n", "*.txt text eol=crlf\n", "*.dat filter=upper\n", "* text=auto eol=crlf ident\n", ""];

struct History {
    folder: Folder,
    rng: Rng,
    is_repository: bool,
}

impl History {
    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// A folder with files of all kinds; mostly a repository with a dirty index, a stash and settings that change contents.
    fn new(number: usize, mut rng: Rng) -> Self {
        let folder = Folder::new(&format!("rollback-{number}"));
        let is_repository = rng.u8(..5) > 0;
        let mut history = Self { folder, rng: rng.fork(), is_repository };
        let root = history.root();
        fs::create_dir_all(&root).unwrap();
        let rng = &mut history.rng;
        for name in NAMES {
            if rng.u8(..4) > 0 {
                write(&root, name, content(rng));
            }
        }
        symlink("a.txt", root.join("link")).unwrap();
        write(&root, ".gitignore", "ignored/\n*.log\n");
        if rng.bool() {
            set_mode(&root, ".gitignore", 0o600);
        }
        if is_repository {
            history.lay_repository(&root);
        }
        write(&root, "ignored/x", "kept by nobody");
        write(&root, "y.log", "kept by nobody");
        write(&root, "untracked.txt", content(&mut history.rng));
        history
    }

    fn lay_repository(&mut self, root: &Path) {
        git(root, &["init", "-q"]);
        let mut settings =
            "[user]\n name = n\n email = e\n[filter \"upper\"]\n clean = tr a-z A-Z\n smudge = tr A-Z a-z\n[core]\n fsync = none\n"
                .to_owned();
        let autocrlf = *self
            .rng
            .choice(
                ["", "[core]\n autocrlf = true\n", "[core]\n autocrlf = input\n safecrlf = false\n"].iter(),
            )
            .unwrap();
        settings += autocrlf;
        settings += if self.rng.bool() { "[core]\n fileMode = false\n" } else { "" };
        let config = root.join(".git/config");
        let config_text = fs::read_to_string(&config).unwrap();
        fs::write(config, config_text + &settings).unwrap();
        let attributes = *self.rng.choice(ATTRIBUTES.iter()).unwrap();
        let place = if self.rng.u8(..3) == 0 { ".git/info/attributes" } else { ".gitattributes" };
        write(root, place, attributes);
        write(root, "tracked.log", "tracked although ignored");
        git(root, &["add", "-A"]);
        git(root, &["add", "-f", "tracked.log"]);
        git(root, &["commit", "-q", "-m", "one"]);
        if self.rng.bool() {
            write(root, "tracked.log", "stashed");
            git(root, &["stash", "-q"]);
        }
        // An index that is neither the commit nor the disk.
        for name in ["staged.txt", "run.sh"] {
            write(root, name, content(&mut self.rng));
            git(root, &["add", name]);
            write(root, name, content(&mut self.rng));
        }
        let flag = *self.rng.choice(["--skip-worktree", "--assume-unchanged"].iter()).unwrap();
        git(root, &["update-index", flag, "tracked.log"]);
        write(root, "tracked.log", "different and hidden from git");
    }

    /// What is the user's and must stay: index, references, stash, reflogs.
    fn of_the_user(&self) -> Files {
        if !self.is_repository {
            return Files::new();
        }
        let all = files(&self.root().join(".git"));
        let is_ours = |path: &Path| path.starts_with("objects") || path.starts_with("refs/forge");
        all.into_iter().filter(|(path, _)| !is_ours(path)).collect()
    }

    /// Something happens to the files. Ignored ones are left alone.
    fn change(&mut self, name: &str) {
        let root = self.root();
        let path = root.join(name);
        if name == "tracked.log" {
            // Only as long as it is a file of a repository, it is tracked although it is ignored.
            if self.is_repository && self.rng.bool() {
                write(&root, name, content(&mut self.rng));
            } else if self.is_repository {
                let _ = fs::remove_file(path);
            }
            return;
        }
        let gone = |path: &Path| match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).unwrap(),
            Ok(_) => fs::remove_file(path).unwrap(),
            Err(_) => {}
        };
        let is_file = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file());
        match self.rng.u8(..10) {
            0 => gone(&path),
            1 if is_file => set_mode(&root, name, *self.rng.choice([0o755, 0o600, 0o644].iter()).unwrap()),
            2 if is_file => {
                let to = root.join(format!("renamed-{}.txt", self.rng.u8(..)));
                gone(&to);
                fs::rename(&path, to).unwrap();
            }
            3 => {
                gone(&path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                symlink(self.rng.choice(["a.txt", "/nowhere"].iter()).unwrap(), &path).unwrap();
            }
            4 => {
                gone(&path);
                write(&root, &format!("{name}/inner"), content(&mut self.rng));
            }
            5 if is_file => {
                // The same but for its line ends, which filters hide.
                let text = fs::read(&path).unwrap();
                let other: Vec<u8> = if text.contains(&b'\r') {
                    text.into_iter().filter(|byte| *byte != b'\r').collect()
                } else {
                    text.into_iter()
                        .flat_map(|byte| if byte == b'\n' { vec![b'\r', b'\n'] } else { vec![byte] })
                        .collect()
                };
                fs::write(&path, other).unwrap();
            }
            6 if is_file => {
                let text = fs::read(&path).unwrap();
                fs::write(&path, text.to_ascii_uppercase()).unwrap();
            }
            _ => {
                gone(&path);
                if path.parent().unwrap().is_dir() || !path.parent().unwrap().exists() {
                    write(&root, name, content(&mut self.rng));
                }
            }
        }
    }
}

fn content(rng: &mut Rng) -> Vec<u8> {
    let line = *rng.choice(["\n", "\r\n", "\r", ""].iter()).unwrap();
    let word = *rng.choice(["one", "TWO", "$Id$", "\u{feff}three", "caf\u{e9}"].iter()).unwrap();
    let mut bytes: Vec<u8> =
        (0..rng.u8(..6)).flat_map(|number| format!("{word}{number}{line}").into_bytes()).collect();
    if rng.u8(..6) == 0 {
        bytes.extend([0, 0xff, b'\r', b'\n']);
    }
    bytes
}

fn only_files(root: &Path) -> Files {
    files(root).into_iter().filter(|(_, (mode, _))| *mode != 0).collect()
}

fn checkpoints(history: &History) -> Checkpoints {
    #[expect(clippy::disallowed_methods, reason = "as a program does that uses the crate")]
    let variable = |name: &str| std::env::var_os(name);
    Checkpoints::open(history.root(), history.folder.path().join("state"), variable).unwrap()
}

fn run(number: usize, rng: Rng) {
    let mut history = History::new(number, rng);
    let root = history.root();
    let checkpoints = checkpoints(&history);
    assert_eq!(checkpoints.is_shadow(), !history.is_repository);
    let users = history.of_the_user();
    let before = only_files(&root);
    let old = checkpoints.take("run").unwrap();

    for _ in 0..history.rng.u8(1..8) {
        let name = *history.rng.choice(CHANGED.iter()).unwrap();
        history.change(name);
    }
    if history.rng.u8(..4) == 0 {
        // What was ignored is not any more, and was not kept: it must not be taken for new.
        write(&root, ".gitignore", "");
    }
    let last = checkpoints.take("run").unwrap();
    let by_run = only_files(&root);

    if history.rng.bool() {
        let of_user = *history.rng.choice(["mine.txt", "a.txt", "sub/g"].iter()).unwrap();
        let is_free = root.join(of_user).parent().unwrap().is_dir() && !root.join(of_user).is_dir();
        if is_free && !root.join(of_user).is_symlink() {
            write(&root, of_user, "changed by the user\n");
            let was_changed = before.get(Path::new(of_user)) != by_run.get(Path::new(of_user));
            let restored = checkpoints.restore(&old, &last, UserChanges::Keep).unwrap();
            assert_eq!(fs::read(root.join(of_user)).unwrap(), b"changed by the user\n");
            let list = if was_changed { &restored.conflicts } else { &restored.kept };
            assert!(list.contains(&PathBuf::from(of_user)), "{restored:?}");
        }
        checkpoints.restore(&old, &last, UserChanges::Discard).unwrap();
    } else {
        let restored = checkpoints.restore(&old, &last, UserChanges::Keep).unwrap();
        assert!(restored.conflicts.is_empty(), "{restored:?}");
        if history.rng.bool() {
            // Back to where the run was, and back again.
            checkpoints.restore(&restored.before, &old, UserChanges::Discard).unwrap();
            assert_eq!(only_files(&root), by_run);
            checkpoints.restore(&old, &last, UserChanges::Discard).unwrap();
        }
    }
    assert_eq!(only_files(&root), before);
    assert_eq!(checkpoints.take("run").unwrap().tree, old.tree);
    assert_eq!(history.of_the_user(), users);
}

#[test]
fn a_checkpoint_brings_everything_back_and_leaves_what_is_the_users() {
    if !git_will_do() {
        return;
    }
    let seed = seed();
    let histories = (100 * scale()).min(2_000);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= histories {
                        break;
                    }
                    let seed = seed.wrapping_add(number as u64);
                    let outcome = std::panic::catch_unwind(|| run(number, Rng::with_seed(seed)));
                    assert!(outcome.is_ok(), "FORGE_TEST_SEED={seed} shows it first");
                }
            });
        }
    });
}
