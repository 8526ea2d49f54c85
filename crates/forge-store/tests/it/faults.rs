//! Files that are not what they should be.

use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use forge_core::storage::{
    StorageErrorKind,
    journal::{Batch, Claim, Journal as _, JournalError, StreamName},
};
use forge_store::{Filter, Store, StoreError, StoreOptions, StoreState};

use crate::support::*;

fn refused(dir: &Dir) -> StoreError {
    let error = Store::open(dir.options()).unwrap_err();
    assert!(error.to_string().contains("forge.db"), "the error names the file: {error}");
    error
}

/// A closed file with some records.
fn filled(dir: &Dir, count: u128) {
    put(&dir.open(), (0..count).map(record));
}

#[test]
fn the_bundled_sqlite_has_no_known_corruption_bug() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[test]
fn only_the_owner_may_read_any_of_it() {
    let dir = Dir::new();
    let options = StoreOptions::new(dir.0.join("made/for/it/forge.db"));
    let store = Store::open(StoreOptions { queue: 0, ..options.clone() }).unwrap();
    put(&store, []);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = options.path.parent().unwrap();
    forge_core::storage::accounts::UsageSink::record(&store, record(1));
    for entry in fs::read_dir(folder).unwrap().chain(fs::read_dir(store.spool_path()).unwrap()) {
        let entry = entry.unwrap();
        let expected = if entry.path().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&entry.path()), expected, "{entry:?}");
    }
    assert_eq!(mode(folder), 0o700);
    drop(store);
    fs::set_permissions(&options.path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(Store::open(options.clone()).unwrap());
    assert_eq!(mode(&options.path), 0o600);
}

#[test]
fn what_is_no_store_is_named_and_left_as_it_is() {
    let dir = Dir::new();
    fs::create_dir(dir.db()).unwrap();
    assert!(matches!(refused(&dir), StoreError::Directory { .. }));

    let dir = Dir::new();
    let text = "a text of some length, which is no database at all. ".repeat(40);
    fs::write(dir.db(), &text).unwrap();
    assert!(matches!(refused(&dir), StoreError::NotADatabase { .. }));
    assert_eq!(fs::read_to_string(dir.db()).unwrap(), text);

    let dir = Dir::new();
    sql(&dir.db()).execute_batch("CREATE TABLE bookmarks (url)").unwrap();
    assert!(matches!(refused(&dir), StoreError::Foreign { .. }));

    let dir = Dir::new();
    filled(&dir, 1);
    sql(&dir.db()).execute_batch("PRAGMA user_version = 99").unwrap();
    let newer = refused(&dir);
    assert!(matches!(newer, StoreError::Newer { found: 99, .. }));
    assert!(newer.to_string().contains("update Forge"), "{newer}");
}

#[test]
fn a_place_where_nothing_may_be_written_is_named() {
    let error = Store::open(StoreOptions::new("/proc/forge/forge.db")).unwrap_err();
    assert!(error.to_string().contains("/proc/forge"), "{error}");
    let error = Store::open(StoreOptions::new("/dev/null/forge.db")).unwrap_err();
    assert!(error.to_string().contains("/dev/null"), "{error}");
}

#[test]
fn a_truncated_file_is_refused_and_records_go_to_the_spool_until_it_is_moved_away() {
    let dir = Dir::new();
    filled(&dir, 500);
    let length = fs::metadata(dir.db()).unwrap().len();
    fs::File::options().write(true).open(dir.db()).unwrap().set_len(length / 2).unwrap();
    assert!(matches!(refused(&dir), StoreError::Damaged { .. }));

    let store = Store::open_or_spool(dir.options());
    put(&store, [record(1_000)]);
    assert_eq!((store.status().state, store.status().spooled), (StoreState::Spooling, 1));
    assert_eq!(warnings(&dir).len(), 1);
    let claim =
        wait(store.claim(&StreamName::new("s").unwrap(), &Claim::new("a", std::time::Duration::ZERO)));
    assert!(matches!(claim, Err(JournalError::Storage(_))), "journals fail loudly");
    assert!(store.summary(&Filter::default(), &[]).is_err());

    fs::rename(dir.db(), dir.0.join("damaged.db")).unwrap();
    put(&store, [record(1_001)]);
    assert_eq!(calls(&store), [1_000, 1_001]);
}

#[test]
fn whatever_bit_flips_no_record_is_lost_and_nothing_panics() {
    let original = Dir::new();
    filled(&original, 300);
    let bytes = fs::read(original.db()).unwrap();
    let mut dice = fastrand::Rng::with_seed(7);
    for _ in 0..60 {
        let dir = Dir::new();
        let mut damaged = bytes.clone();
        for _ in 0..dice.usize(1..40) {
            let end = if dice.bool() { damaged.len() } else { 4_096 };
            let at = dice.usize(..end);
            damaged[at] ^= 1 << dice.u8(..8);
        }
        fs::write(dir.db(), &damaged).unwrap();
        let store = Store::open_or_spool(dir.options());
        put(&store, (1_000..1_300).map(record));
        let status = store.status();
        let _ = store.summary(&Filter::default(), &[forge_store::GroupBy::Model]);
        let _ = store.export(&Filter::default(), |_| Ok(()));
        assert!(status.written + status.spooled >= 300 && status.dropped == 0, "{status:?}");
    }
}

#[test]
fn a_file_that_was_not_closed_is_checked() {
    let dir = Dir::new();
    let store = dir.open();
    put(&store, (0..500).map(record));
    // What a process leaves behind that is killed.
    let copy = Dir::new();
    for suffix in ["", "-wal"] {
        let name = format!("forge.db{suffix}");
        fs::copy(dir.0.join(&name), copy.0.join(&name)).unwrap();
    }
    drop(store);
    let twin = Dir::new();
    for suffix in ["", "-wal"] {
        let name = format!("forge.db{suffix}");
        fs::copy(copy.0.join(&name), twin.0.join(&name)).unwrap();
    }
    assert_eq!(calls(&twin.open()).len(), 500);

    // Half of a page of the attempts is overwritten, with the checksums made right by SQLite itself. They stand in the last
    // pages; those before hold the form, which is read whenever the file is opened.
    {
        let whole = sql(&copy.db());
        whole.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        whole.execute_batch("PRAGMA wal_autocheckpoint = 0").unwrap();
    }
    let mut file = fs::File::options().write(true).open(copy.db()).unwrap();
    let length = file.metadata().unwrap().len();
    file.seek(SeekFrom::Start(length - 4 * 4_096)).unwrap();
    file.write_all(&[0xa5; 2_048]).unwrap();
    assert!(Store::open(copy.options()).is_ok(), "a file that was closed is trusted");
    fs::write(copy.0.join("forge.db-wal"), [0; 64]).unwrap();
    let theirs = fs::File::open(copy.0.join("forge.db.lock")).unwrap();
    theirs.lock_shared().unwrap();
    assert!(Store::open(copy.options()).is_ok(), "so is one that another process has open");
    theirs.unlock().unwrap();
    fs::write(copy.0.join("forge.db-wal"), [0; 64]).unwrap();
    assert!(matches!(refused(&copy), StoreError::Damaged { .. }));
}

#[test]
fn a_read_only_file_can_be_asked_but_records_go_to_the_spool() {
    let dir = Dir::new();
    filled(&dir, 3);
    // A file format that SQLite may read, but not write.
    let mut file = fs::File::options().write(true).open(dir.db()).unwrap();
    file.seek(SeekFrom::Start(18)).unwrap();
    file.write_all(&[3]).unwrap();
    drop(file);
    let store = Store::open_or_spool(dir.options());
    assert_eq!(store.status().state, StoreState::Spooling, "known before anything is written");
    put(&store, [record(10)]);
    let status = store.status();
    assert_eq!((status.state, status.spooled, status.dropped), (StoreState::Spooling, 1, 0));
    assert_eq!(calls(&store), [0, 1, 2]);
    drop(store);

    let mut file = fs::File::options().write(true).open(dir.db()).unwrap();
    file.seek(SeekFrom::Start(18)).unwrap();
    file.write_all(&[2]).unwrap();
    drop(file);
    let store = dir.open();
    put(&store, []);
    assert_eq!(calls(&store), [0, 1, 2, 10]);
}

#[test]
fn a_full_file_sends_records_to_the_spool_until_there_is_room() {
    let dir = Dir::new();
    let store = Store::open(StoreOptions { max_bytes: Some(150_000), ..dir.options() }).unwrap();
    for part in 0..20 {
        put(&store, (part * 100..part * 100 + 100).map(record));
    }
    let status = store.status();
    assert!(status.spooled > 0 && status.dropped == 0 && status.database_bytes <= 150_000, "{status:?}");
    assert!(status.last_error.unwrap().contains("no room left"));
    drop(store);
    let store = dir.open();
    put(&store, []);
    assert_eq!(calls(&store), (0..2_000).collect::<Vec<_>>());
    assert_eq!(integrity(&dir.db()), "ok");
}

#[test]
fn names_that_came_with_an_undone_batch_are_written_again() {
    let dir = Dir::new();
    let store = Store::open(StoreOptions { max_bytes: Some(360_000), ..dir.options() }).unwrap();
    let session = |call: u128| format!("session-{call}");
    for part in 0..20_u128 {
        let with = |call| {
            let mut record = record(call);
            record.tags = record.tags.with_session(session(call));
            record
        };
        put(&store, (part * 100..part * 100 + 100).map(with));
    }
    assert!(store.status().spooled > 0);
    sql(&dir.db()).execute_batch("DELETE FROM attempts").unwrap();
    put(&store, []);
    let rest = all(&store);
    assert!(!rest.is_empty());
    for attempt in rest {
        let record = attempt.record;
        assert_eq!(record.tags.session(), Some(session(record.call_id.as_u128()).as_str()));
    }
}

/// The kind of the failure of an append of so many bytes.
fn kind(store: &Store, bytes: usize) -> Option<StorageErrorKind> {
    let stream = StreamName::new("s").unwrap();
    let claim = wait(store.claim(&stream, &Claim::new("a", std::time::Duration::from_secs(9))));
    let done =
        claim.and_then(|fence| wait(store.append(&stream, fence, Batch::new(0, vec![vec![0; bytes]]))));
    match done {
        Ok(_) => None,
        Err(JournalError::Storage(error)) => Some(error.kind()),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_full_a_locked_a_damaged_and_a_foreign_file_are_told_apart() {
    let dir = Dir::new();
    let full = Store::open(StoreOptions { max_bytes: Some(200_000), ..dir.options() }).unwrap();
    assert_eq!(kind(&full, 1_000_000), Some(StorageErrorKind::Full));
    assert_eq!(kind(&full, 10), None, "a smaller one still fits");

    let dir = Dir::new();
    let locked =
        Store::open(StoreOptions { busy_timeout: std::time::Duration::ZERO, ..dir.options() }).unwrap();
    let theirs = sql(&dir.db());
    theirs.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(kind(&locked, 10), Some(StorageErrorKind::Busy));
    theirs.execute_batch("ROLLBACK").unwrap();
    assert_eq!(kind(&locked, 10), None);

    let dir = Dir::new();
    sql(&dir.db()).execute_batch("CREATE TABLE bookmarks (url)").unwrap();
    assert_eq!(refused(&dir).kind(), StorageErrorKind::Foreign);
    assert_eq!(kind(&Store::open_or_spool(dir.options()), 10), Some(StorageErrorKind::Foreign));
    let nowhere = Store::open_or_spool(StoreOptions::new("/proc/forge/forge.db"));
    assert_eq!(kind(&nowhere, 10), Some(StorageErrorKind::Io));
}

#[test]
fn three_hundred_pages_of_noise_in_the_middle_are_found_by_a_check() {
    let dir = Dir::new();
    for part in 0..20 {
        put(&dir.open(), (part * 500..part * 500 + 500).map(record));
    }
    dir.open().check().unwrap();
    let mut noise = fastrand::Rng::with_seed(7);
    let bytes: Vec<u8> = std::iter::repeat_with(|| noise.u8(..)).take(300 * 4_096).collect();
    let mut file = fs::File::options().write(true).open(dir.db()).unwrap();
    let pages = file.metadata().unwrap().len() / 4_096;
    assert!(pages > 400, "{pages} pages");
    file.seek(SeekFrom::Start((pages / 2 - 150) * 4_096)).unwrap();
    file.write_all(&bytes).unwrap();
    let fault = dir.open().check().unwrap_err();
    assert_eq!(fault.kind(), StorageErrorKind::Damaged, "{fault}");
    assert!(fault.to_string().contains("is damaged") && !fault.to_string().contains('\n'), "{fault}");
}
