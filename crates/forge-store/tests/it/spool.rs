//! Records that the file cannot take now.

use std::{fs, path::PathBuf};

use forge_core::storage::accounts::UsageSink as _;
use forge_store::{Store, StoreOptions, StoreState};

use crate::support::*;

/// Files of records in the spool, and the lines in them.
fn spooled(dir: &Dir) -> (Vec<PathBuf>, Vec<u8>) {
    let entries = fs::read_dir(dir.0.join("forge.spool")).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.file_stem().unwrap() != "quarantine");
    files.sort();
    let lines = files.iter().flat_map(|path| fs::read(path).unwrap()).collect();
    (files, lines)
}

/// What the spool holds after `count` records that could not be written.
fn lines(count: u128) -> Vec<u8> {
    let dir = Dir::new();
    fs::create_dir(dir.db()).unwrap();
    let store = Store::open_or_spool(dir.options());
    put(&store, (0..count).map(record));
    drop(store);
    spooled(&dir).1
}

fn put_spool(dir: &Dir, name: &str, bytes: &[u8]) {
    let spool = dir.0.join("forge.spool");
    fs::create_dir_all(&spool).unwrap();
    fs::write(spool.join(name), bytes).unwrap();
}

#[test]
fn a_locked_file_sends_records_to_the_spool_and_gets_them_when_it_is_free() {
    let dir = Dir::new();
    let store =
        Store::open(StoreOptions { busy_timeout: std::time::Duration::ZERO, ..dir.options() }).unwrap();
    put(&store, [record(0)]);
    let other = sql(&dir.db());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    put(&store, (1..=300).map(record));
    let status = store.status();
    assert_eq!((status.state, status.spooled, status.written), (StoreState::Spooling, 300, 1));
    assert!(status.last_error.unwrap().contains("locked by another process"));
    assert!(status.spool_bytes > 0);
    assert_eq!(calls(&store), [0], "what is there can still be read");

    other.execute_batch("ROLLBACK").unwrap();
    put(&store, [record(301)]);
    assert_eq!(calls(&store), (0..=301).collect::<Vec<_>>());
    let status = store.status();
    assert_eq!((status.state, status.dropped, status.spool_bytes), (StoreState::Writing, 0, 0));
    assert_eq!(warnings(&dir).len(), 1, "the user is told once");
}

#[test]
fn a_full_queue_sends_records_to_the_spool_at_once() {
    let dir = Dir::new();
    let store = Store::open(StoreOptions { queue: 0, ..dir.options() }).unwrap();
    store.record(record(1));
    store.record(record(2));
    assert_eq!(store.status().spooled, 2);
    put(&store, []);
    assert_eq!(calls(&store), [1, 2]);
    assert!(spooled(&dir).0.is_empty());
}

#[test]
fn a_spool_from_an_earlier_process_is_imported_once() {
    let dir = Dir::new();
    let lines = lines(3);
    put_spool(&dir, "0001.jsonl", &lines);
    put_spool(&dir, "0007.jsonl", &lines);
    let store = dir.open();
    put(&store, [record(2), record(3)]);
    assert_eq!(calls(&store), [0, 1, 2, 3]);
    assert_eq!((store.status().written, store.status().quarantined), (4, 0));
    assert!(spooled(&dir).0.is_empty());
}

#[test]
fn a_file_that_another_process_writes_is_left_alone_until_it_ends() {
    let dir = Dir::new();
    put_spool(&dir, "0001.jsonl", &lines(1));
    let theirs = fs::File::open(dir.0.join("forge.spool/0001.jsonl")).unwrap();
    theirs.lock().unwrap();
    let store = dir.open();
    put(&store, []);
    assert!(calls(&store).is_empty());
    theirs.unlock().unwrap();
    put(&store, []);
    assert_eq!(calls(&store), [0]);
}

#[test]
fn torn_lines_are_kept_aside_and_whole_ones_taken() {
    let whole = lines(6);
    let ends: Vec<usize> =
        whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    for cut in [ends[2] + 1, ends[2] + 2, ends[3], ends[4] - 1, ends[5]] {
        let dir = Dir::new();
        put_spool(&dir, "0001.jsonl", &whole[..cut]);
        let store = dir.open();
        put(&store, []);
        let expected = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(calls(&store).len(), expected, "{cut}");
        let rest = ends.iter().rfind(|end| **end < cut).map_or(&whole[..], |end| &whole[end + 1..cut]);
        let is_torn = !rest.is_empty() && !ends.contains(&cut);
        assert_eq!(store.status().quarantined, u64::from(is_torn), "{cut}");
        let quarantine = fs::read(dir.0.join("forge.spool/quarantine.jsonl")).unwrap_or_default();
        assert_eq!(quarantine, if is_torn { [rest, b"\n"].concat() } else { Vec::new() });
    }
}

#[test]
fn without_file_and_spool_metrics_are_off_and_said_so_once() {
    let dir = Dir::new();
    fs::create_dir(dir.db()).unwrap();
    fs::write(dir.0.join("forge.spool"), b"in the way").unwrap();
    let store = Store::open_or_spool(dir.options());
    put(&store, (0..3).map(record));
    put(&store, (3..6).map(record));
    let status = store.status();
    assert_eq!((status.state, status.dropped), (StoreState::Off, 6));
    let off = warnings(&dir).into_iter().filter(|text| text.contains("metrics are off")).count();
    assert_eq!(off, 1);

    fs::remove_dir(dir.db()).unwrap();
    put(&store, [record(6)]);
    assert_eq!((calls(&store), store.status().state), (vec![6], StoreState::Writing));
}

#[test]
fn records_are_taken_while_the_writer_waits_for_the_file() {
    let dir = Dir::new();
    let hour = std::time::Duration::from_secs(3_600);
    let store = Store::open(StoreOptions { busy_timeout: hour, queue: 10, ..dir.options() }).unwrap();
    let other = sql(&dir.db());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    (0..300).map(record).for_each(|record| store.record(record));
    assert!(store.status().spooled >= 280, "{:?}", store.status());
    other.execute_batch("ROLLBACK").unwrap();
    put(&store, []);
    assert_eq!(calls(&store), (0..300).collect::<Vec<_>>());
}
