//! Copies, and the way back.

use std::{fs, io, path::PathBuf};

use forge_store::{Filter, Store, StoreError, StoreOptions, restore};

use crate::support::*;

fn calls(store: &Store) -> u64 {
    store.summary(&Filter::default(), &[]).unwrap()[0].figures.calls
}

fn beside(dir: &Dir, name: &str) -> PathBuf {
    dir.db().with_file_name(name)
}

#[test]
fn a_copy_is_one_state_of_a_file_that_is_written_to_and_nobody_else_reads_it() {
    let dir = Dir::new();
    let store = dir.open();
    put(&store, (1..=500).map(record));
    let copy = beside(&dir, "copy.db");
    let size = store.backup(&copy).unwrap();
    put(&store, (501..=600).map(record));
    assert_eq!(size, fs::metadata(&copy).unwrap().len());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // A good file is never written over.
    assert!(
        matches!(store.backup(&copy), Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists)
    );
    assert_eq!((calls(&store), fs::metadata(&copy).unwrap().len()), (600, size));

    // While somebody uses the file, it stays.
    assert!(matches!(restore(&copy, &dir.db(), true), Err(StoreError::Locked { .. })));
    drop(store);
    assert!(restore(&copy, &dir.db(), false).is_err());
    let before = restore(&copy, &dir.db(), true).unwrap().unwrap();
    assert_eq!(calls(&dir.open()), 500);
    assert_eq!(calls(&Store::open(StoreOptions::new(before)).unwrap()), 600);
    restore(&copy, &dir.db(), true).unwrap();
    let elsewhere = beside(&dir, "new/forge.db");
    assert_eq!(restore(&copy, &elsewhere, false).unwrap(), None);
    assert_eq!(calls(&Store::open(StoreOptions::new(elsewhere)).unwrap()), 500);
}

#[test]
fn what_is_no_copy_replaces_nothing() {
    let dir = Dir::new();
    put(&dir.open(), [record(1)]);
    let wrong = beside(&dir, "wrong.db");
    let refused = || {
        let error = restore(&wrong, &dir.db(), true).unwrap_err();
        assert_eq!(calls(&dir.open()), 1, "{error}");
        assert!(
            !fs::read_dir(dir.db().parent().unwrap())
                .unwrap()
                .any(|one| { one.unwrap().file_name().to_string_lossy().contains("restoring") })
        );
        error
    };
    assert!(refused().to_string().contains("wrong.db"));
    fs::write(&wrong, "no database at all, but long enough to be looked at. ".repeat(40)).unwrap();
    assert!(matches!(refused(), StoreError::NotADatabase { .. }));
    fs::remove_file(&wrong).unwrap();
    sql(&wrong).execute_batch("CREATE TABLE bookmarks (url)").unwrap();
    assert!(matches!(refused(), StoreError::Foreign { .. }));
    fs::remove_file(&wrong).unwrap();
    fs::write(&wrong, "").unwrap();
    refused();
    let store = dir.open();
    put(&store, (2..=500).map(record));
    fs::remove_file(&wrong).unwrap();
    store.backup(&wrong).unwrap();
    drop(store);
    let half = fs::metadata(&wrong).unwrap().len() / 2;
    fs::File::options().write(true).open(&wrong).unwrap().set_len(half).unwrap();
    let error = restore(&wrong, &dir.db(), true).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert_eq!(calls(&dir.open()), 500);
}

#[test]
fn a_file_made_from_a_dump_is_known_by_its_tables() {
    let dir = Dir::new();
    put(&dir.open(), [record(1)]);
    // What a dump in SQL does not hold.
    sql(&dir.db()).execute_batch("PRAGMA application_id = 0; PRAGMA user_version = 0;").unwrap();
    let dump = beside(&dir, "dump.db");
    fs::copy(dir.db(), &dump).unwrap();
    assert_eq!(calls(&dir.open()), 1);
    assert_eq!(restore(&dump, &beside(&dir, "other.db"), false).unwrap(), None);
    assert_eq!(calls(&Store::open(StoreOptions::new(beside(&dir, "other.db"))).unwrap()), 1);

    // Also of an earlier form.
    let dir = Dir::new();
    sql(&dir.db()).execute_batch(include_str!("../../src/v1.sql")).unwrap();
    put(&dir.open(), [record(1)]);
    assert_eq!(calls(&dir.open()), 1);
}
