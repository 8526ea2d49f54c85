//! A journal in plain files, for programs without a database.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use forge_core::{Clock, Entry, Fence, Journal, JournalError, StorageError, StreamName};
use serde::{Deserialize, Serialize};

/// The version of the files. A newer one is refused.
const VERSION: u32 = 1;

/// A [`Journal`] in one file of lines for each stream, `NAME.jsonl`, and a claim beside it, `NAME.claim`.
///
/// Each line has a checksum over its entries, and each append is one line, so that it is there as a whole or
/// not at all. Text after the last whole line, which a crash may leave, is moved to `NAME.torn` at the next
/// claim; a broken line before a whole one is no crash's doing, and such a file is refused. Every append is synced. Entries are UTF-8 text. Two processes keep each other out by the claim file,
/// which is locked while it is read and changed.
#[derive(Debug)]
pub struct JsonlJournal {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    /// One change at a time within this process; the lock of the claim file is for the others.
    turn: Mutex<()>,
}

#[derive(Debug, Serialize, Deserialize, Default)]
struct Claim {
    version: u32,
    fence: u64,
    holder: String,
    until: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    v: u32,
    crc: u32,
    entries: Vec<String>,
}

/// What stands in a stream's file: its entries, and how much of it is whole.
#[derive(Debug, Default)]
struct Content {
    entries: Vec<Vec<u8>>,
    whole: u64,
    torn: Vec<u8>,
}

impl JsonlJournal {
    /// A journal in `folder`, which the first claim creates. Claims lapse by the wall clock of `clock`.
    ///
    /// # Errors
    /// The path leads to something else than a folder.
    pub fn open(folder: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Result<Self, JournalError> {
        let journal = Self { folder: folder.into(), clock, turn: Mutex::default() };
        if journal.folder.exists() && !journal.folder.is_dir() {
            return Err(journal.failed(io::ErrorKind::NotADirectory.into()));
        }
        Ok(journal)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, error: io::Error) -> JournalError {
        StorageError::new(format!("use the journal in {}", self.folder.display()), error).into()
    }

    fn damaged(&self, stream: &StreamName, before: &[u8]) -> JournalError {
        let line = before.split(|byte| *byte == b'\n').count();
        let text = format!(
            "{stream}.jsonl is damaged in line {line}, and whole lines follow; bring that line back, or remove it \
             with all that follow and let their calls be made and paid for again"
        );
        self.failed(io::Error::new(io::ErrorKind::InvalidData, text))
    }

    /// A file of the stream. A link is refused: it may lead out of the folder.
    fn path(&self, stream: &StreamName, extension: &str) -> Result<PathBuf, JournalError> {
        let path = self.folder.join(format!("{stream}.{extension}"));
        if path.is_symlink() {
            return Err(self.failed(io::Error::other(format!("{} is a link", path.display()))));
        }
        Ok(path)
    }

    /// The claim, locked until the file is dropped.
    fn claimed(&self, stream: &StreamName) -> Result<(File, Claim), JournalError> {
        fs::create_dir_all(&self.folder).map_err(|error| self.failed(error))?;
        let path = self.path(stream, "claim")?;
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = options.map_err(|error| self.failed(error))?;
        file.lock().map_err(|error| self.failed(error))?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|error| self.failed(error))?;
        // A claim that was cut off while it was written is nobody's. The time is a larger fence than any before.
        let fence =
            if text.is_empty() { 0 } else { u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0) };
        let claim: Claim =
            serde_json::from_str(&text).unwrap_or_else(|_| Claim { fence, ..Claim::default() });
        if claim.version > VERSION {
            return Err(newer(claim.version));
        }
        Ok((file, claim))
    }

    fn content(&self, stream: &StreamName) -> Result<Content, JournalError> {
        let bytes = match fs::read(self.path(stream, "jsonl")?) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::default()),
            Err(error) => return Err(self.failed(error)),
        };
        let mut content = Content::default();
        let mut rest = &bytes[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let Some(entries) = read_line(&rest[..end])? else {
                for line in rest[end + 1..].split(|byte| *byte == b'\n') {
                    if read_line(line)?.is_some() {
                        return Err(self.damaged(stream, &bytes[..bytes.len() - rest.len()]));
                    }
                }
                break;
            };
            content.entries.extend(entries.into_iter().map(String::into_bytes));
            content.whole += end as u64 + 1;
            rest = &rest[end + 1..];
        }
        content.torn = rest.to_vec();
        Ok(content)
    }

    /// Puts aside what a crash has left after the last whole line.
    fn mend(&self, stream: &StreamName) -> Result<(), JournalError> {
        let content = self.content(stream)?;
        if content.torn.is_empty() {
            return Ok(());
        }
        let torn = OpenOptions::new().create(true).append(true).open(self.path(stream, "torn")?);
        torn.and_then(|mut file| file.write_all(&content.torn)).map_err(|error| self.failed(error))?;
        let file = OpenOptions::new()
            .write(true)
            .open(self.path(stream, "jsonl")?)
            .map_err(|error| self.failed(error))?;
        file.set_len(content.whole).and_then(|()| file.sync_all()).map_err(|error| self.failed(error))
    }
}

fn newer(found: u32) -> JournalError {
    let text = format!("the journal has version {found}; this program reads up to {VERSION}");
    StorageError::new("read the journal", text).into()
}

/// The entries of a line; `None` if it is not whole.
fn read_line(line: &[u8]) -> Result<Option<Vec<String>>, JournalError> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    if let Ok(Version { v }) = serde_json::from_slice(line)
        && v > VERSION
    {
        return Err(newer(v));
    }
    let line: Option<Line> = serde_json::from_slice(line).ok();
    Ok(line.filter(|line| line.crc == checksum(&line.entries)).map(|line| line.entries))
}

fn checksum(entries: &[String]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for entry in entries {
        hasher.update(&(entry.len() as u64).to_le_bytes());
        hasher.update(entry.as_bytes());
    }
    hasher.finalize()
}

fn write_claim(file: &mut File, claim: &Claim) -> io::Result<()> {
    let text = serde_json::to_vec(claim)?;
    file.seek(SeekFrom::Start(0))?;
    file.set_len(0)?;
    file.write_all(&text)?;
    file.sync_all()
}

#[async_trait]
impl Journal for JsonlJournal {
    async fn claim(&self, stream: &StreamName, holder: &str, lease: Duration) -> Result<Fence, JournalError> {
        let _turn = self.turn();
        let (mut file, mut claim) = self.claimed(stream)?;
        let now = self.clock.now();
        let live = claim.until.is_some_and(|until| until > now);
        if live && claim.holder != holder {
            return Err(JournalError::Held { stream: stream.clone(), holder: claim.holder });
        }
        if !live {
            self.mend(stream)?;
            claim.fence += 1;
        }
        let lease = chrono::Duration::from_std(lease).unwrap_or(chrono::Duration::days(365));
        claim.until = now.checked_add_signed(lease).or(Some(DateTime::<Utc>::MAX_UTC));
        (claim.version, claim.holder) = (VERSION, holder.to_owned());
        write_claim(&mut file, &claim).map_err(|error| self.failed(error))?;
        Ok(Fence(claim.fence))
    }

    async fn release(&self, stream: &StreamName, fence: Fence) -> Result<(), JournalError> {
        let _turn = self.turn();
        let (mut file, mut claim) = self.claimed(stream)?;
        if claim.fence == fence.0 {
            claim.until = None;
            write_claim(&mut file, &claim).map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    async fn append(
        &self,
        stream: &StreamName,
        fence: Fence,
        expected: u64,
        payloads: Vec<Vec<u8>>,
    ) -> Result<u64, JournalError> {
        let _turn = self.turn();
        let (_locked, claim) = self.claimed(stream)?;
        if claim.fence != fence.0 {
            return Err(JournalError::Fenced { stream: stream.clone() });
        }
        let content = self.content(stream)?;
        let actual = content.entries.len() as u64;
        if actual != expected {
            return Err(JournalError::Conflict { stream: stream.clone(), expected, actual });
        }
        let text = |bytes| String::from_utf8(bytes).map_err(|error| self.failed(io::Error::other(error)));
        let entries = payloads.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let count = actual + entries.len() as u64;
        let line = Line { v: VERSION, crc: checksum(&entries), entries };
        let mut bytes = serde_json::to_vec(&line).map_err(|error| self.failed(error.into()))?;
        bytes.push(b'\n');
        let file = OpenOptions::new().create(true).append(true).open(self.path(stream, "jsonl")?);
        let written = file.and_then(|mut file| {
            // What a failed append has left is not part of the stream.
            file.set_len(content.whole)?;
            file.write_all(&bytes)?;
            file.sync_all()
        });
        written.map_err(|error| self.failed(error))?;
        Ok(count)
    }

    async fn read(&self, stream: &StreamName, sequence: u64) -> Result<Vec<Entry>, JournalError> {
        let entries = self.content(stream)?.entries.into_iter().zip(0..);
        let entries = entries.map(|(payload, sequence)| Entry { sequence, payload });
        Ok(entries.filter(|entry| entry.sequence >= sequence).collect())
    }
}
