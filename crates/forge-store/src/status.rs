//! The state of the store.

use std::{
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use serde::Serialize;

use crate::{error::StoreError, schema, spool, sync::lock};

/// The state of a [`Store`](crate::Store), counted since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreStatus {
    /// Where records go.
    pub state: StoreState,
    /// Records that wait to be written.
    pub queued: usize,
    /// Records that are new in the file, those from the spool included.
    pub written: u64,
    /// Records that went to the spool.
    pub spooled: u64,
    /// Records that could be written nowhere.
    pub dropped: u64,
    /// Lines of the spool that could not be read; they are kept in `quarantine.jsonl` there.
    pub quarantined: u64,
    /// What went wrong last, with its causes.
    pub last_error: Option<String>,
    /// Bytes of the database.
    pub database_bytes: u64,
    /// Bytes of the log beside it.
    pub log_bytes: u64,
    /// Bytes of the spool.
    pub spool_bytes: u64,
    /// The version of SQLite.
    pub sqlite_version: &'static str,
    /// The form of the file that this version writes.
    #[serde(rename = "form")]
    pub schema_version: i64,
}

/// Where records go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreState {
    /// Into the file.
    Writing,
    /// To the spool, until the file can be written again.
    Spooling,
    /// Nowhere: neither can be written.
    Off,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    // Relaxed everywhere: figures to look at, none of which guards anything.
    pub(crate) written: AtomicU64,
    spooled: AtomicU64,
    dropped: AtomicU64,
    pub(crate) quarantined: AtomicU64,
    down: AtomicBool,
    off: AtomicBool,
    told: AtomicBool,
    told_off: AtomicBool,
    last_error: Mutex<Option<String>>,
}

impl Counters {
    /// Notes that the file cannot be written, and tells the user once.
    pub(crate) fn spooling(&self, spool: &Path, error: &StoreError) {
        self.down.store(true, Relaxed);
        self.note(error);
        self.tell(&spool.display().to_string(), error);
    }

    /// Notes that the queue is full, and tells the user once.
    pub(crate) fn overflowing(&self, spool: &Path) {
        self.tell(&spool.display().to_string(), &"the queue is full");
    }

    /// Notes that a record is lost, and tells the user once.
    pub(crate) fn lost(&self, spool: &Path, error: &StoreError) {
        self.dropped.fetch_add(1, Relaxed);
        self.off.store(true, Relaxed);
        self.note(error);
        if !self.told_off.swap(true, Relaxed) {
            let spool = spool.display();
            tracing::warn!(why = causes(error), %spool, "metrics are off: neither file nor spool can be written");
        }
    }

    pub(crate) fn writing(&self) {
        self.down.store(false, Relaxed);
        self.off.store(false, Relaxed);
    }

    pub(crate) fn spooled(&self) {
        self.spooled.fetch_add(1, Relaxed);
        self.off.store(false, Relaxed);
    }

    pub(crate) fn note(&self, error: &StoreError) {
        *lock(&self.last_error) = Some(causes(error));
    }

    fn tell(&self, spool: &str, why: &dyn std::fmt::Display) {
        if !self.told.swap(true, Relaxed) {
            tracing::warn!(%why, spool, "usage records go to the spool and into the file later");
        }
    }

    pub(crate) fn status(&self, path: &Path, queued: usize) -> StoreStatus {
        let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
        let state = match (self.off.load(Relaxed), self.down.load(Relaxed)) {
            (true, _) => StoreState::Off,
            (_, true) => StoreState::Spooling,
            _ => StoreState::Writing,
        };
        StoreStatus {
            state,
            queued,
            written: self.written.load(Relaxed),
            spooled: self.spooled.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            quarantined: self.quarantined.load(Relaxed),
            last_error: lock(&self.last_error).clone(),
            database_bytes: size(path),
            log_bytes: size(&schema::beside(path, "-wal")),
            spool_bytes: spool::files(&spool::directory(path)).iter().map(|file| size(file)).sum(),
            sqlite_version: rusqlite::version(),
            schema_version: schema::VERSION,
        }
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
