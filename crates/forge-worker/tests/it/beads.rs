//! Lines of beads: kept byte for byte, changed by key, refused where they are half or merged.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    time::Duration,
};

use forge_worker::{
    BeadId, BeadKind, BeadStatus, DependencyKind,
    source::{BeadFile, BeadFileError, BeadFolder, FolderError, LARGEST_FILE, LineEdit, merge},
};

use crate::support::*;

fn id(name: &str) -> BeadId {
    name.parse().unwrap()
}

fn parse(text: &str) -> BeadFile {
    BeadFile::parse(text.as_bytes()).unwrap()
}

fn refused(bytes: &[u8]) -> BeadFileError {
    BeadFile::parse(bytes).unwrap_err()
}

#[test]
fn a_bead_is_read_with_all_that_decides() {
    let line = r#"{"id":"fg-1","title":"A","description":"D","acceptance_criteria":"- x","issue_type":"bug","status":"in_progress","priority":0,"assignee":"w","labels":["ui"],"dependencies":[{"issue_id":"fg-1","depends_on_id":"fg-2","type":"waits-for"},{"depends_on_id":"fg-3"},{"depends_on_id":7}],"created_at":"2026-11-20T13:00:00+01:00","defer_until":"2026-11-21T00:00:00Z","pinned":true,"ephemeral":true,"is_template":true,"unknown":{"a":1}}"#;
    let file = parse(line);
    let bead = file.bead(&id("fg-1")).unwrap();
    assert_eq!((&*bead.title, &*bead.description, &*bead.acceptance), ("A", "D", "- x"));
    assert_eq!((&bead.kind, &bead.status, bead.priority), (&BeadKind::Bug, &BeadStatus::InProgress, 0));
    assert_eq!((bead.assignee.as_deref(), &*bead.labels), (Some("w"), &["ui".to_owned()][..]));
    let found: Vec<_> = bead.dependencies.iter().map(|one| (one.on.as_str(), one.kind.clone())).collect();
    assert_eq!(found, [("fg-2", DependencyKind::WaitsFor), ("fg-3", DependencyKind::Blocks)]);
    assert_eq!(bead.created_at, Some(noon()));
    assert!(bead.defer_until.is_some() && bead.pinned && bead.ephemeral && bead.template);

    let plain = parse(r#"{"id":"a","priority":9,"issue_type":"spike","status":"hooked","labels":"none"}"#);
    let plain = plain.bead(&id("a")).unwrap();
    assert_eq!((plain.priority, plain.kind.as_str(), plain.status.as_str()), (4, "spike", "hooked"));
    assert_eq!((plain.created_at, plain.labels.len()), (None, 0));
    let bare = parse(r#"{"id":"a"}"#);
    let bare = bare.bead(&id("a")).unwrap();
    assert_eq!((bare.priority, bare.kind.as_str(), bare.status.as_str()), (2, "task", "open"));
}

#[test]
fn bytes_that_are_not_changed_come_out_as_they_went_in() {
    let texts = [
        "",
        "\n",
        "{\"id\":\"a\"}",
        "{\"id\":\"a\"}\n",
        "\u{feff}{\"id\":\"a\",\"x\":1.0}\r\n\r\n{\"_type\":\"memory\",\"key\":\"k\" }\r\n {\"id\":\"b\"}",
        "{\"id\":\"a\"}\n{\"id\":\"b\", \"title\":\"\\u00e4 \u{e4}\"}\r\n  \n{\"id\":\"a\"}\n",
    ];
    for text in texts {
        assert_eq!(parse(text).to_bytes(), text.as_bytes(), "{text:?}");
    }
    let mut file = parse(texts[4]);
    let line = LineEdit::claimed("w", noon()).apply(file.line(&id("b")).unwrap()).unwrap();
    file.put(&line).unwrap();
    file.put("{\"id\":\"c\"}").unwrap();
    let head = texts[4].strip_suffix(" {\"id\":\"b\"}").unwrap();
    let expected = format!(
        "{head} {{\"id\":\"b\",\"status\":\"in_progress\",\"assignee\":\"w\",\"updated_at\":\"2026-11-20T12:00:00Z\"}}\r\n{{\"id\":\"c\"}}\r\n"
    );
    assert_eq!(String::from_utf8(file.to_bytes()).unwrap(), expected);
}

#[test]
fn a_half_line_a_conflict_and_what_is_no_record_are_refused_with_their_line() {
    assert_eq!(refused(b"{\"id\":\"a\"}\n{\"id\":\"b"), BeadFileError::Half { line: 2 });
    assert!(matches!(refused(b"{\"id\":\"a\n{\"id\":\"b\"}\n"), BeadFileError::Line { line: 1, .. }));
    for mark in ["<<<<<<< HEAD", "=======", ">>>>>>> other", "||||||| base"] {
        let text = format!("{{\"id\":\"a\"}}\n{mark}\n");
        assert_eq!(refused(text.as_bytes()), BeadFileError::Conflict { line: 2 });
    }
    assert_eq!(refused(b"\n\xff\n"), BeadFileError::NotText { line: 2 });
    for text in ["[]", "{}", "{\"id\":7}", "{\"id\":\"\"}", "{\"id\":\"--help\"}", "x"] {
        assert!(matches!(refused(text.as_bytes()), BeadFileError::Line { line: 1, .. }), "{text}");
    }
}

#[test]
fn of_duplicate_ids_the_newest_counts_and_they_are_reported() {
    let time = |second: u8| format!("\"updated_at\":\"2026-11-20T12:00:0{second}Z\"");
    let text = format!(
        "{{\"id\":\"a\",\"n\":1,{}}}\n{{\"id\":\"b\"}}\n{{\"id\":\"a\",\"n\":2,{}}}\n{{\"id\":\"a\",\"n\":3,{}}}\n",
        time(2),
        time(2),
        time(1)
    );
    let file = parse(&text);
    assert!(file.line(&id("a")).unwrap().contains("\"n\":2"));
    let found: Vec<_> = file.duplicates().into_iter().map(|one| (one.id, one.lines)).collect();
    assert_eq!(found, [(id("a"), vec![1, 3, 4])]);
    assert_eq!(file.beads().map(|bead| bead.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
}

#[test]
fn an_export_is_sorted_and_its_import_gives_the_same_bytes() {
    let text =
        "\u{feff}{\"id\":\"b\" }\r\n{\"_type\":\"memory\",\"id\":\"m\"}\r\n\r\n{\"id\":\"a\",\"x\": 1e2}";
    let exported = parse(text).export();
    assert_eq!(exported, "{\"id\":\"a\",\"x\": 1e2}\n{\"id\":\"b\" }\n{\"_type\":\"memory\",\"id\":\"m\"}\n");
    let mut taken = BeadFile::default();
    let merged = merge(&mut taken, &parse(&exported)).unwrap();
    assert_eq!((merged.added.len(), merged.others, merged.same), (2, 1, 0));
    assert_eq!(taken.export(), exported);
    assert_eq!(taken.to_bytes(), exported.as_bytes());
    let again = merge(&mut taken, &parse(&exported)).unwrap();
    assert_eq!((again.added.len(), again.others, again.same), (0, 0, 3));
    assert_eq!(taken.export(), exported);
}

#[test]
fn on_import_only_a_strictly_newer_line_wins() {
    let line = |second: u8, n: u8| {
        format!("{{\"id\":\"a\",\"n\":{n},\"updated_at\":\"2026-11-20T12:00:0{second}Z\"}}\n")
    };
    let plain = "{\"id\":\"a\",\"n\":0}\n".to_owned();
    for (own, other, wins) in [
        (line(1, 1), line(2, 2), true),
        (line(2, 1), line(2, 2), false),
        (line(3, 1), line(2, 2), false),
        (plain.clone(), line(2, 2), true),
        (line(1, 1), plain.clone(), false),
    ] {
        let mut file = parse(&own);
        let merged = merge(&mut file, &parse(&other)).unwrap();
        assert_eq!((merged.updated.len(), merged.kept.len()), (usize::from(wins), usize::from(!wins)));
        assert_eq!(file.export(), if wins { other } else { own });
    }
}

#[test]
fn a_write_keeps_the_mode_and_follows_no_link() {
    let dir = Dir::with_beads("{\"id\":\"a\"}\n");
    for mode in [0o600, 0o640, 0o644] {
        fs::set_permissions(dir.file(), fs::Permissions::from_mode(mode)).unwrap();
        // What a killed process left behind stands in nobody's way, and a link there leads nowhere.
        symlink(dir.0.join("elsewhere"), dir.0.join(".beads/.issues.jsonl.forge")).unwrap();
        let folder = BeadFolder::open(&dir.0).unwrap();
        let locked = folder.lock().unwrap();
        let mut file = locked.read().unwrap();
        file.put(&format!("{{\"id\":\"a\",\"mode\":{mode}}}")).unwrap();
        locked.write(&file).unwrap();
        assert_eq!(fs::read_to_string(dir.file()).unwrap(), format!("{{\"id\":\"a\",\"mode\":{mode}}}\n"));
        assert_eq!(fs::metadata(dir.file()).unwrap().permissions().mode() & 0o7777, mode);
        assert!(!dir.0.join("elsewhere").exists());
    }
    assert_eq!(fs::read_dir(dir.0.join(".beads")).unwrap().count(), 1, "nothing is left beside the file");

    fs::rename(dir.file(), dir.0.join("real.jsonl")).unwrap();
    assert!(matches!(BeadFolder::open(&dir.0), Err(FolderError::Missing { .. })));
    symlink(dir.0.join("real.jsonl"), dir.file()).unwrap();
    let folder = BeadFolder::open(&dir.0).unwrap();
    assert!(matches!(folder.read(), Err(FolderError::Link { .. })));
    fs::rename(dir.0.join(".beads"), dir.0.join("beads")).unwrap();
    symlink(dir.0.join("beads"), dir.0.join(".beads")).unwrap();
    assert!(matches!(BeadFolder::open(&dir.0), Err(FolderError::Link { .. })));
}

#[test]
fn a_file_that_is_too_large_and_one_that_another_program_keeps_are_refused() {
    let dir = Dir::with_beads("{\"id\":\"a\"}\n");
    let folder = BeadFolder::open(&dir.0).unwrap();
    fs::write(dir.0.join(".beads/.exclusive-lock"), "{\"holder\":\"a tool\",\"pid\":1}").unwrap();
    match folder.lock() {
        Err(FolderError::Exclusive { holder, .. }) => assert_eq!(holder, "a tool"),
        other => panic!("{other:?}"),
    }
    fs::remove_file(dir.0.join(".beads/.exclusive-lock")).unwrap();
    folder.lock().unwrap();
    let file = fs::OpenOptions::new().write(true).open(dir.file()).unwrap();
    file.set_len(LARGEST_FILE + 1).unwrap();
    assert!(matches!(folder.read(), Err(FolderError::TooLarge { .. })));
}

#[test]
fn a_file_that_is_older_than_the_database_beside_it_is_told() {
    let dir = Dir::with_beads("{\"id\":\"a\"}\n");
    let folder = BeadFolder::open(&dir.0).unwrap();
    assert_eq!(folder.newer_database(), None);
    let written = fs::metadata(dir.file()).unwrap().modified().unwrap();
    for name in ["beads.db", "beads.db-wal"] {
        let path = dir.0.join(".beads").join(name);
        let database = fs::File::create(&path).unwrap();
        for (later, is_newer) in [(0, false), (59, false), (62, true)] {
            database.set_modified(written + Duration::from_secs(later)).unwrap();
            assert_eq!(folder.newer_database(), is_newer.then(|| path.clone()), "{name} {later}");
        }
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn two_who_write_wait_for_each_other() {
    let dir = Dir::with_beads("{\"id\":\"a\"}\n");
    let threads: Vec<_> = (0..8)
        .map(|at| {
            let path = dir.0.clone();
            std::thread::spawn(move || {
                let folder = BeadFolder::open(&path).unwrap();
                for turn in 0..10 {
                    let locked = folder.lock().unwrap();
                    let mut file = locked.read().unwrap();
                    file.put(&format!("{{\"id\":\"t-{at}-{turn}\"}}")).unwrap();
                    locked.write(&file).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let file = BeadFolder::open(&dir.0).unwrap().read().unwrap();
    assert_eq!(file.beads().count(), 81);
}
