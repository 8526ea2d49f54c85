//! Edits are applied all together or not at all.

use std::fs;

use forge_edit::{ApplyError, ApplyStep, EditFormat, Intent, Recovered, Workspace};

use crate::support::{Folder, files, resolved, set_mode, write};

const PATCH: &str = "*** Begin Patch\n*** Update File: run.sh\n-echo 1\n+echo 2\n*** Add File: new/deep/a.txt\n+a\n\
                     *** Delete File: old.txt\n*** Update File: from.txt\n*** Move to: moved/to.txt\n-f\n+t\n*** End Patch\n";

fn place(name: &str) -> (Folder, Workspace) {
    let folder = Folder::new(name);
    write(folder.path(), "run.sh", "#!/bin/sh\r\necho 1\r\n");
    set_mode(folder.path(), "run.sh", 0o751);
    write(folder.path(), "old.txt", "old\n");
    write(folder.path(), "from.txt", "f\n");
    set_mode(folder.path(), "from.txt", 0o640);
    let workspace = Workspace::open(folder.path()).unwrap();
    (folder, workspace)
}

#[test]
fn all_files_change_and_keep_their_mode_and_line_ends() {
    let (folder, workspace) = place("all");
    let resolved = resolved(&workspace, PATCH, EditFormat::ApplyPatch);
    let intent = workspace.intent("one", &resolved).unwrap();
    let kept = serde_json::to_string(&intent).unwrap();
    workspace.apply(&intent, &resolved).unwrap();
    let after = files(folder.path());
    let names: Vec<&str> = after.keys().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(names, ["moved", "moved/to.txt", "new", "new/deep", "new/deep/a.txt", "run.sh"]);
    let file = |name: &str| &after[std::path::Path::new(name)];
    assert_eq!(file("run.sh"), &(0o100_751, b"#!/bin/sh\r\necho 2\r\n".to_vec()));
    assert_eq!(file("moved/to.txt"), &(0o100_640, b"t\n".to_vec()));
    // The record is plain data, and what it tells of is done.
    let intent: Intent = serde_json::from_str(&kept).unwrap();
    assert_eq!(workspace.recover(&intent).unwrap(), Recovered::Finished);
    assert_eq!(files(folder.path()), after);
}

#[test]
fn a_file_that_changes_meanwhile_stops_everything() {
    let (folder, workspace) = place("meanwhile");
    let resolved = resolved(&workspace, PATCH, EditFormat::ApplyPatch);
    let intent = workspace.intent("one", &resolved).unwrap();
    let mut steps = 0;
    let applied = workspace.apply_watched(&intent, &resolved, &mut |step| {
        steps += usize::from(step == ApplyStep::Kept);
        if steps == 1 && step == ApplyStep::Kept {
            fs::remove_file(folder.path().join("old.txt")).unwrap();
            write(folder.path(), "old.txt", "mine\n");
        }
    });
    assert!(matches!(&applied, Err(ApplyError::Changed(paths)) if paths == &["old.txt"]), "{applied:?}");
    let (other, _) = place("meanwhile-other");
    write(other.path(), "old.txt", "mine\n");
    assert_eq!(files(folder.path()), files(other.path()));
    assert!(matches!(workspace.intent("two", &resolved), Err(ApplyError::Changed(_))));
}

#[test]
fn a_new_file_takes_the_place_of_no_other_and_a_failure_goes_back() {
    let (folder, workspace) = place("late");
    let resolved = resolved(&workspace, PATCH, EditFormat::ApplyPatch);
    let intent = workspace.intent("one", &resolved).unwrap();
    let mut replaced = 0;
    // The second file comes after all was looked at, when the first one is replaced already.
    let applied = workspace.apply_watched(&intent, &resolved, &mut |step| {
        replaced += usize::from(step == ApplyStep::Replaced);
        if replaced == 1 && step == ApplyStep::Replaced {
            write(folder.path(), "new/deep/a.txt", "mine\n");
        }
    });
    assert!(applied.is_err());
    let (other, _) = place("late-other");
    write(other.path(), "new/deep/a.txt", "mine\n");
    assert_eq!(files(folder.path()), files(other.path()));
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_written() {
    let (folder, workspace) = place("refused");
    let before = files(folder.path());
    let patch = |body: &str| {
        let text = format!("*** Begin Patch\n{body}*** End Patch\n");
        let resolved = resolved(&workspace, &text, EditFormat::ApplyPatch);
        workspace.intent("one", &resolved).map(|_| ()).unwrap_err().to_string()
    };
    assert!(patch("*** Add File: a\n+1\n*** Add File: a/b\n+1\n").contains("a file and a folder"));
    assert!(patch("*** Add File: New/a\n+1\n*** Add File: new/b\n+1\n").contains("upper and lower case"));
    let resolved = resolved(&workspace, PATCH, EditFormat::ApplyPatch);
    assert!(matches!(workspace.intent("a/b", &resolved), Err(ApplyError::Name(_))));
    let intent = workspace.intent("one", &resolved).unwrap();
    write(folder.path(), ".forge-edit-one-0.old", "of another");
    assert!(matches!(workspace.apply(&intent, &resolved), Err(ApplyError::InUse(_))));
    fs::remove_file(folder.path().join(".forge-edit-one-0.old")).unwrap();
    let mut other = intent.clone();
    other.files.pop();
    assert!(matches!(workspace.apply(&other, &resolved), Err(ApplyError::Other(_))));
    assert_eq!(files(folder.path()), before);
    assert_eq!(workspace.recover(&intent).unwrap(), Recovered::Undone);
    assert_eq!(files(folder.path()), before);
}
