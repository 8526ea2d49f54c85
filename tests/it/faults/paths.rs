use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use forge::storage::journal::StreamName;

use crate::{place::Place, run};

/// Names of sessions that lead, or might lead, out of the folder of sessions.
const NAMES: [&str; 60] = [
    "..",
    ".",
    "../outside",
    "../../outside",
    "../outside.jsonl",
    "..\\outside",
    "..//outside",
    "./../outside",
    "a/../../outside",
    "a/..",
    "sessions/../outside",
    "/etc/passwd",
    "/tmp/outside",
    "//tmp/outside",
    "\\tmp\\outside",
    "\\\\server\\share",
    "C:\\outside",
    "C:outside",
    "C:/outside",
    "~/outside",
    "~root",
    "$HOME/outside",
    "${HOME}",
    "`id`",
    "$(id)",
    "%2e%2e%2foutside",
    "..%2foutside",
    "%252e%252e%252foutside",
    "..%c0%afoutside",
    "..%5coutside",
    "..;/outside",
    "....//outside",
    "....\\\\outside",
    "．．／outside",
    "‥/outside",
    "..∕outside",
    "..⁄outside",
    "a\\u002e\\u002e",
    "outside\0",
    "../outside\0.jsonl",
    "a\n../outside",
    "a\r\n",
    "\u{202e}edistuo",
    "\u{feff}a",
    "a ",
    " a",
    "a.",
    "a.jsonl",
    "a.claim",
    "a:stream",
    "a*",
    "a?",
    "a|id",
    "a>outside",
    "a;id",
    "A",
    "é",
    "NUL.txt",
    "",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// Every file below `folder` with what is in it.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(tree(&entry.path()));
        } else {
            found.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
    found
}

#[test]
fn no_name_of_a_session_leads_out_of_its_folder() {
    let place = Place::new("paths");
    let sessions = place.path("sessions");
    fs::write(place.path("outside"), "outside").unwrap();
    fs::write(place.path("outside.jsonl"), "outside").unwrap();
    // The accounts come into being with the first command.
    assert_eq!(place.run(&["run", "x", "--offline", "--journal", &sessions]).code, Some(0));
    let outside = || {
        let mut files = tree(Path::new(&place.path("")));
        // The accounts are written to by every command.
        files.retain(|path, _| !path.to_string_lossy().contains("offline"));
        files
    };
    let before = outside();
    assert!(before.len() >= 4, "{:?}", before.keys());
    for name in NAMES {
        assert!(StreamName::new(name).is_err(), "{name:?}");
        if name.contains('\0') {
            continue;
        }
        for arguments in [
            &["resume", "--offline", "--journal", &sessions, "--", name][..],
            &["sessions", "show", "--offline", "--", name],
            &["sessions", "export", "--offline", "--", name],
            &["sessions", "delete", "--offline", "--", name],
        ] {
            let said = run(&mut place.command(arguments));
            assert_eq!(said.code, Some(2), "{arguments:?}: {said:?}");
        }
    }
    assert!(outside() == before, "{:?} and before {:?}", outside().keys(), before.keys());
}
