//! A process that is ended at any step leaves files that lead on or back.

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, ExitStatus},
};

use forge_edit::{ApplyStep, EditFormat, Intent, Recovered, Workspace};

use crate::support::{Folder, files, resolved, set_mode, variable, write};

/// The folder, what is to be done in it, and after how many steps the process is ended.
const FOLDER: &str = "FORGE_EDIT_TEST_FOLDER";
const WORK: &str = "FORGE_EDIT_TEST_WORK";
const STEPS: &str = "FORGE_EDIT_TEST_STEPS";

const PATCH: &str = "*** Begin Patch\n*** Update File: a.txt\n-1\n+2\n*** Add File: new/deep/b.txt\n+b\n*** Delete File: c.txt\n\
                     *** Update File: d.txt\n*** Move to: moved/e.txt\n-d\n+e\n*** Update File: f.txt\n-f\n+g\n*** End Patch\n";

fn lay(root: &Path) {
    for (name, text) in [("a.txt", "1\n"), ("c.txt", "c\n"), ("d.txt", "d\n"), ("f.txt", "f\n")] {
        write(root, name, text);
    }
    set_mode(root, "a.txt", 0o750);
}

/// What the process that is ended does; in any other, nothing.
#[test]
fn the_process_that_is_ended() {
    let (Some(folder), Some(work), Some(mut steps)) =
        (variable::<String>(FOLDER), variable::<String>(WORK), variable::<usize>(STEPS))
    else {
        return;
    };
    let root = Path::new(&folder);
    let workspace = Workspace::open(root.join("files")).unwrap();
    let mut watch = |_: ApplyStep| {
        if steps == 0 {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
        }
        steps -= 1;
    };
    let kept = root.join("intent.json");
    if work == "apply" {
        let resolved = resolved(&workspace, PATCH, EditFormat::ApplyPatch);
        let intent = workspace.intent("one", &resolved).unwrap();
        fs::write(kept, serde_json::to_vec(&intent).unwrap()).unwrap();
        workspace.apply_watched(&intent, &resolved, &mut watch).unwrap();
    } else {
        let intent: Intent = serde_json::from_slice(&fs::read(kept).unwrap()).unwrap();
        workspace.recover_watched(&intent, &mut watch).unwrap();
    }
}

/// Runs the work in a process that is ended after so many steps.
fn run(folder: &Folder, work: &str, steps: usize) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::the_process_that_is_ended"])
        .env(FOLDER, folder.path())
        .env(WORK, work)
        .env(STEPS, steps.to_string())
        .output()
        .unwrap()
        .status
}

fn was_killed(status: ExitStatus) -> bool {
    assert!(status.success() || status.signal() == Some(9), "{status}");
    !status.success()
}

#[test]
fn files_are_all_old_or_all_new_wherever_the_process_is_ended() {
    let before = {
        let folder = Folder::new("kills-before");
        lay(&folder.path().join("files"));
        files(&folder.path().join("files"))
    };
    let after = {
        let folder = Folder::new("kills-after");
        lay(&folder.path().join("files"));
        assert!(!was_killed(run(&folder, "apply", usize::MAX)));
        files(&folder.path().join("files"))
    };
    let mut seen = [false; 2];
    for steps in 0.. {
        let folder = Folder::new(&format!("kills-{steps}"));
        let root = folder.path().join("files");
        lay(&root);
        if !was_killed(run(&folder, "apply", steps)) {
            assert!(steps > 20, "{steps}");
            break;
        }
        // The recovery is ended, too, after each of its steps.
        for again in 0.. {
            if !was_killed(run(&folder, "recover", again)) {
                break;
            }
        }
        let intent: Intent =
            serde_json::from_slice(&fs::read(folder.path().join("intent.json")).unwrap()).unwrap();
        let recovered = Workspace::open(&root).unwrap().recover(&intent).unwrap();
        let expected = if recovered == Recovered::Finished { &after } else { &before };
        assert_eq!(&files(&root), expected, "after {steps} steps");
        seen[usize::from(recovered == Recovered::Finished)] = true;
    }
    assert_eq!(seen, [true, true]);
}

#[test]
fn a_file_that_somebody_else_changed_stops_the_recovery_and_stays() {
    let folder = Folder::new("kills-changed");
    let root = folder.path().join("files");
    lay(&root);
    assert!(was_killed(run(&folder, "apply", 13)));
    write(&root, "f.txt", "mine\n");
    let intent: Intent =
        serde_json::from_slice(&fs::read(folder.path().join("intent.json")).unwrap()).unwrap();
    let workspace = Workspace::open(&root).unwrap();
    let said = workspace.recover(&intent).unwrap_err().to_string();
    assert_eq!(said, "changed in the meantime: f.txt");
    assert_eq!(fs::read(root.join("f.txt")).unwrap(), b"mine\n");
}
