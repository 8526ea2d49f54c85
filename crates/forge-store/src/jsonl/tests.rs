//! What the files hold, and what is made of files that are not as they should be.

use std::{
    fs::{self, File},
    path::PathBuf,
    time::Duration,
};

use forge_core::{
    storage::{
        StorageErrorKind,
        journal::{Batch, Claim, Fence, JournalError, StreamName},
    },
    time::SystemTimer,
};
use serde_json::json;

use super::files::Files;
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("forge-jsonl-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn files(&self) -> Files {
        Files::new(self.0.clone(), SystemTimer::shared())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn stream() -> StreamName {
    StreamName::new("s").unwrap()
}

fn claim() -> Claim {
    Claim::new("a", Duration::from_secs(60))
}

fn append(files: &mut Files, fence: Fence, at: u64) {
    let batch = Batch::new(at, vec![format!("entry {at}").into_bytes()]);
    let summary = Some(json!({ "at": at }).to_string());
    assert_eq!(files.append(&stream(), fence, batch, summary).unwrap(), at + 1);
}

fn kind<T: std::fmt::Debug>(outcome: Result<T, JournalError>) -> StorageErrorKind {
    match outcome {
        Err(JournalError::Storage(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_append_reads_nothing_of_what_is_there_and_a_list_reads_no_stream() {
    let folder = Folder::new("linear");
    let mut files = folder.files();
    let fence = files.claim(&stream(), &claim()).unwrap();
    for at in 0..2_000 {
        append(&mut files, fence, at);
    }
    assert_eq!(files.bytes_read, 0);
    assert_eq!(files.read(&stream(), 1_990).unwrap().len(), 10);
    assert!(files.bytes_read < 2_000, "{} bytes for the last ten entries", files.bytes_read);
    let mut others = folder.files();
    let listed = others.list().unwrap();
    assert_eq!((listed[0].entries, &listed[0].summary), (2_000, &Some(json!({"at": 1_999}))));
    assert_eq!(others.bytes_read, 0);
}

#[test]
fn a_list_does_not_believe_what_does_not_fit_the_file() {
    let folder = Folder::new("info");
    let mut files = folder.files();
    let fence = files.claim(&stream(), &claim()).unwrap();
    append(&mut files, fence, 0);
    let first = fs::read(folder.0.join("s.info")).unwrap();
    append(&mut files, fence, 1);
    for text in [&first[..], b"", b"nonsense"] {
        fs::write(folder.0.join("s.info"), text).unwrap();
        let listed = folder.files().list().unwrap();
        assert_eq!((listed[0].entries, &listed[0].summary), (2, &Some(json!({"at": 1}))));
    }
}

#[test]
fn files_of_the_first_version_are_read_and_go_on() {
    let folder = Folder::new("first-version");
    fs::create_dir_all(&folder.0).unwrap();
    let line = r#"{"v":1,"crc":2023088124,"entries":["one","two"]}"#;
    fs::write(folder.0.join("s.jsonl"), format!("{line}\n")).unwrap();
    fs::write(folder.0.join("s.claim"), r#"{"version":1,"fence":4,"holder":"old","until":null}"#).unwrap();
    let mut files = folder.files();
    let listed = files.list().unwrap();
    assert_eq!((listed[0].entries, listed[0].bytes, &listed[0].summary), (2, 6, &None));
    let fence = files.claim(&stream(), &claim()).unwrap();
    assert_eq!(fence, Fence(5));
    append(&mut files, fence, 2);
    assert_eq!(folder.files().read(&stream(), 1).unwrap().len(), 2);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_any_of_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("modes");
    let mut files = folder.files();
    let fence = files.claim(&stream(), &claim()).unwrap();
    append(&mut files, fence, 0);
    fs::write(folder.0.join("torn.jsonl"), "half a li").unwrap();
    files.claim(&StreamName::new("torn").unwrap(), &claim()).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for file in ["s.jsonl", "s.claim"] {
        fs::set_permissions(folder.0.join(file), fs::Permissions::from_mode(0o644)).unwrap();
    }
    files.claim(&stream(), &claim()).unwrap();
    assert_eq!(mode(&folder.0), 0o700);
    for file in ["s.jsonl", "s.claim", "s.info", "torn.torn"] {
        assert_eq!(mode(&folder.0.join(file)), 0o600, "{file}");
    }
}

#[test]
fn damage_a_newer_version_and_a_lock_are_told_apart() {
    let folder = Folder::new("kinds");
    let mut files = folder.files();
    let fence = files.claim(&stream(), &claim()).unwrap();
    (0..3).for_each(|at| append(&mut files, fence, at));
    let path = folder.0.join("s.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("entry 1", "entry 7")).unwrap();
    let error = files.read(&stream(), 0).unwrap_err();
    let source = std::error::Error::source(&error).and_then(std::error::Error::source).unwrap().to_string();
    assert!(source.contains("damaged in line 2"), "{source}");
    assert_eq!(kind(files.read(&stream(), 0)), StorageErrorKind::Damaged);
    fs::write(&path, text.replace("\"v\":1", "\"v\":9")).unwrap();
    assert_eq!(kind(files.read(&stream(), 0)), StorageErrorKind::Foreign);
    fs::write(&path, text).unwrap();
    let theirs = File::open(folder.0.join("s.claim")).unwrap();
    theirs.lock().unwrap();
    let mut hasty = Files { patience: Duration::ZERO, ..folder.files() };
    assert_eq!(kind(hasty.claim(&stream(), &claim())), StorageErrorKind::Busy);
    theirs.unlock().unwrap();
    hasty.claim(&stream(), &claim()).unwrap();
}

#[test]
fn a_journal_that_was_closed_says_so() {
    let folder = std::env::temp_dir().join(format!("forge-jsonl-closed-{}", std::process::id()));
    let journal = super::JsonlJournal::open(folder, SystemTimer::shared()).unwrap();
    crate::sync::lock(&journal.jobs).take();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    match runtime.block_on(forge_core::storage::journal::Journal::read(
        &journal,
        &StreamName::new("s").unwrap(),
        0,
    )) {
        Err(JournalError::Storage(error)) => assert_eq!(error.kind(), StorageErrorKind::Closed),
        other => panic!("{other:?}"),
    }
}
