//! Journals in plain files as a crash may leave them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use forge_core::storage::journal::{Claim, Journal as _};
use forge_session::{Session, SessionError, SessionResult};

use crate::files::Files;
use crate::stage::{Play, Theatre, critique, name, plan};

/// A folder that is gone at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        // Thousands of synced writes: in memory, where the system has a place for that.
        let memory = Path::new("/dev/shm");
        let within = if memory.is_dir() { memory } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
        let path = within.join(format!("forge-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn journal(&self, theatre: &Theatre) -> Arc<Files> {
        Arc::new(Files::open(&self.0, theatre))
    }

    /// Leaves these bytes as the session's journal, and nothing else.
    fn leave(&self, bytes: &[u8]) {
        for ending in ["claim", "torn"] {
            let _ = std::fs::remove_file(self.0.join(format!("s-1.{ending}")));
        }
        std::fs::write(self.0.join("s-1.jsonl"), bytes).unwrap();
    }

    /// What a claim finds and what it puts aside, with these bytes as the journal.
    fn claimed(&self, bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<u8>) {
        self.leave(bytes);
        let theatre = Theatre::new();
        let journal = self.journal(&theatre);
        let entries = theatre.run(async {
            journal.claim(&name(), &Claim::new("test", Duration::from_secs(60))).await.unwrap();
            journal.read(&name(), 0).await.unwrap()
        });
        let torn = std::fs::read(self.0.join("s-1.torn")).unwrap_or_default();
        (entries.into_iter().map(|entry| entry.payload).collect(), torn)
    }

    /// Resumes the session whose journal holds these bytes.
    fn resumed(&self, bytes: &[u8]) -> (Theatre, Result<SessionResult, SessionError>) {
        self.leave(bytes);
        let theatre = played();
        let mut deps = theatre.deps();
        deps.journal = self.journal(&theatre);
        let result = theatre.run(async { Session::resume(deps, name()).await?.run().await });
        (theatre, result)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One critic has something to say.
fn played() -> Theatre {
    let theatre = Theatre::new();
    for critic in ["beta-1", "gamma-1"] {
        theatre.always(critic, Play::Say(critique(&[])));
    }
    theatre
}

/// The bytes of a whole session's journal, and its result.
fn whole(folder: &Folder) -> (Vec<u8>, SessionResult) {
    let theatre = played();
    let mut deps = theatre.deps();
    deps.journal = folder.journal(&theatre);
    let mut plan = plan();
    plan.settings.cycles = 1;
    let result = theatre.session_of(deps, plan);
    (std::fs::read(folder.0.join("s-1.jsonl")).unwrap(), result)
}

/// Where each line begins, and the end.
fn borders(bytes: &[u8]) -> Vec<usize> {
    let ends = bytes.iter().zip(1..).filter(|(byte, _)| **byte == b'\n').map(|(_, at)| at);
    std::iter::once(0).chain(ends).collect()
}

/// The entries of each line.
fn lines(bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let read = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let text = std::str::from_utf8(bytes).unwrap();
    let entries = |line: serde_json::Value| {
        let entries = line["entries"].as_array().unwrap().iter();
        entries.map(|entry| entry.as_str().unwrap().as_bytes().to_vec()).collect()
    };
    text.lines().map(read).map(entries).collect()
}

#[test]
fn a_journal_cut_at_any_byte_of_its_last_three_records_keeps_every_whole_one_and_puts_the_rest_aside() {
    let folder = Folder::new("every-byte");
    let (bytes, _) = whole(&folder);
    // One record before them is enough to go on from.
    let begins = borders(&bytes);
    let bytes = &bytes[begins[begins.len() - 5]..];
    let (borders, lines) = (borders(bytes), lines(bytes));
    let from = borders[1];
    for cut in from..=bytes.len() {
        let kept = borders.iter().filter(|border| **border <= cut).count() - 1;
        let (entries, torn) = folder.claimed(&bytes[..cut]);
        assert_eq!(entries, lines[..kept].concat(), "cut at {cut}");
        assert_eq!(torn, bytes[borders[kept]..cut], "cut at {cut}");
        let left = std::fs::read(folder.0.join("s-1.jsonl")).unwrap();
        assert_eq!(left, bytes[..borders[kept]], "cut at {cut}");
    }
    println!("{} cuts", bytes.len() - from + 1);
}

#[test]
fn a_session_whose_journal_was_cut_goes_on_from_the_last_whole_record() {
    let folder = Folder::new("cut-and-resumed");
    let (bytes, expected) = whole(&folder);
    let borders = borders(&bytes);
    for pair in borders[1..].windows(2) {
        for cut in [pair[0], pair[0] + 1, usize::midpoint(pair[0], pair[1]), pair[1] - 1] {
            let (theatre, result) = folder.resumed(&bytes[..cut]);
            let result = result.unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
            assert_eq!(
                (&result.document, &result.findings),
                (&expected.document, &expected.findings),
                "{cut}"
            );
            let finished = lines(&bytes[..pair[0]]).concat();
            let finished =
                finished.iter().filter(|entry| entry.windows(15).any(|part| part == b"\"call_finished\""));
            assert_eq!(theatre.sent.lock().unwrap().len() + finished.count(), 6, "cut at {cut}");
        }
    }
}

#[test]
fn a_changed_byte_anywhere_in_the_last_record_is_found() {
    let folder = Folder::new("flipped");
    let (mut bytes, _) = whole(&folder);
    let (borders, lines) = (borders(&bytes), lines(&bytes));
    let last = borders[borders.len() - 2];
    for at in last..bytes.len() - 1 {
        let before = std::mem::replace(&mut bytes[at], b'#');
        if before != b'#' {
            let (entries, torn) = folder.claimed(&bytes);
            assert_eq!(entries, lines[..lines.len() - 1].concat(), "changed at {at}");
            assert_eq!(torn, bytes[last..], "changed at {at}");
        }
        bytes[at] = before;
    }
}

#[test]
fn a_damaged_record_before_whole_ones_is_refused_and_nothing_is_paid_for_again() {
    let folder = Folder::new("damaged-within");
    let (mut bytes, _) = whole(&folder);
    let borders = borders(&bytes);
    bytes[usize::midpoint(borders[1], borders[2])] = 0;
    let (theatre, result) = folder.resumed(&bytes);
    let error = result.unwrap_err();
    assert!(matches!(error, SessionError::Journal(_)), "{error}");
    let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let said = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    assert!(said.contains("damaged in line 2"), "{said}");
    assert_eq!(theatre.sent.lock().unwrap().len(), 0);
    assert_eq!(std::fs::read(folder.0.join("s-1.jsonl")).unwrap(), bytes);
}

#[test]
fn a_journal_without_a_whole_record_is_no_session_and_stays_as_it_is() {
    let folder = Folder::new("nothing-whole");
    let (bytes, _) = whole(&folder);
    let first = borders(&bytes)[1];
    for cut in [0, 1, first / 2, first - 1] {
        let (theatre, result) = folder.resumed(&bytes[..cut]);
        assert!(matches!(result, Err(SessionError::Unknown(_))), "cut at {cut}: {result:?}");
        assert_eq!(theatre.sent.lock().unwrap().len(), 0);
        let torn = std::fs::read(folder.0.join("s-1.torn")).unwrap_or_default();
        assert_eq!(torn, bytes[..cut]);
    }
}

#[test]
fn a_journal_from_a_newer_version_is_refused_and_not_touched() {
    let folder = Folder::new("newer");
    let (bytes, _) = whole(&folder);
    let text = String::from_utf8(bytes).unwrap();
    let last = text.trim_end().rfind('\n').unwrap();
    for (what, newer) in [
        ("every line", text.replace("{\"v\":1", "{\"v\":2")),
        ("the last line", format!("{}{}", &text[..last], text[last..].replace("{\"v\":1", "{\"v\":2"))),
    ] {
        let (theatre, result) = folder.resumed(newer.as_bytes());
        let error = result.unwrap_err();
        let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |one| one.source());
        let said = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        assert!(said.contains("version 2") && said.contains("up to 1"), "{what}: {said}");
        assert_eq!(theatre.sent.lock().unwrap().len(), 0, "{what}");
        assert_eq!(std::fs::read_to_string(folder.0.join("s-1.jsonl")).unwrap(), newer, "{what}");
    }
}
