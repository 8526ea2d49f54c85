//! The work on the files of a journal, which blocks.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use forge_core::{
    storage::{
        StorageError, StorageErrorKind,
        journal::{Batch, Entry, Fence, JournalError, StreamName},
    },
    time::Clock,
};

use super::line::{Info, Line};

/// How long another process may hold a claim file before it counts as locked.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Files {
    pub(super) folder: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) known: HashMap<StreamName, Known>,
    pub(super) patience: Duration,
    /// Bytes of streams that were read so far.
    pub(super) bytes_read: u64,
}

/// What is known of a stream's file, as long as it has this length and nobody else has claimed it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) fence: u64,
    pub(super) info: Info,
    /// Where each line begins, with the number of its first entry.
    lines: Vec<(u64, u64)>,
}

/// What stands in a part of a stream's file.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) lines: Vec<(u64, Line)>,
    pub(super) whole: u64,
    pub(super) torn: Vec<u8>,
}

impl Files {
    pub(super) fn new(folder: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { folder, clock, known: HashMap::new(), patience: PATIENCE, bytes_read: 0 }
    }

    pub(super) fn what(&self) -> String {
        format!("use the journal in {}", self.folder.display())
    }

    pub(super) fn failed(&self, error: io::Error) -> JournalError {
        StorageError::io(self.what(), error).into()
    }

    fn damaged(&self, stream: &StreamName, line: usize) -> JournalError {
        let text = format!(
            "{stream}.jsonl is damaged in line {line}, and intact lines follow; restore that line, or remove it and \
             all lines after it, whose calls are then made and paid for again"
        );
        StorageError::new(StorageErrorKind::Damaged, self.what(), text).into()
    }

    /// A file of the stream. A link is refused: it may lead out of the folder.
    pub(super) fn path(&self, stream: &StreamName, extension: &str) -> Result<PathBuf, JournalError> {
        let path = self.folder.join(format!("{stream}.{extension}"));
        if path.is_symlink() {
            return Err(self.failed(io::Error::other(format!("{} is a link", path.display()))));
        }
        Ok(path)
    }

    pub(super) fn open(
        &self,
        stream: &StreamName,
        extension: &str,
        options: &mut OpenOptions,
    ) -> Result<File, JournalError> {
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
        options.open(self.path(stream, extension)?).map_err(|error| self.failed(error))
    }

    pub(super) fn length(&self, stream: &StreamName) -> Result<Option<u64>, JournalError> {
        match fs::metadata(self.path(stream, "jsonl")?) {
            Ok(file) => Ok(Some(file.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The lines from the byte `offset` on, which is the beginning of one.
    pub(super) fn content(
        &mut self,
        stream: &StreamName,
        offset: u64,
        line: usize,
    ) -> Result<Content, JournalError> {
        let mut bytes = Vec::new();
        let read = File::open(self.path(stream, "jsonl")?).and_then(|mut file| {
            file.seek(SeekFrom::Start(offset))?;
            file.read_to_end(&mut bytes)
        });
        match read {
            Ok(count) => self.bytes_read += count as u64,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::default()),
            Err(error) => return Err(self.failed(error)),
        }
        let mut content = Content { whole: offset, ..Content::default() };
        let mut rest = &bytes[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let Some(found) = Line::read(&rest[..end])? else {
                // A torn line at the end is what a crash leaves. With whole lines behind it, it is damage: to skip
                // it would lose work that was paid for.
                for later in rest[end + 1..].split(|byte| *byte == b'\n') {
                    if Line::read(later)?.is_some() {
                        return Err(self.damaged(stream, line + content.lines.len() + 1));
                    }
                }
                break;
            };
            content.lines.push((content.whole, found));
            content.whole += end as u64 + 1;
            rest = &rest[end + 1..];
        }
        content.torn = rest.to_vec();
        Ok(content)
    }

    /// Takes what is known of the stream, whose file is read only if it has changed since.
    pub(super) fn take_known(&mut self, stream: &StreamName, fence: u64) -> Result<Known, JournalError> {
        let length = self.length(stream)?.unwrap_or(0);
        // The same fence and length: nobody has written since, and the file need not be read.
        let kept = self.known.remove(stream).filter(|one| one.fence == fence && one.info.length == length);
        if let Some(known) = kept {
            return Ok(known);
        }
        let content = self.content(stream, 0, 0)?;
        let mut known = Known { fence, info: self.empty(stream), lines: Vec::new() };
        for (offset, line) in &content.lines {
            known.add(*offset, line);
        }
        known.info.length = content.whole;
        Ok(known)
    }

    /// An empty stream, from the time when its file was made, or now.
    fn empty(&self, stream: &StreamName) -> Info {
        let times = |of: fn(&fs::Metadata) -> io::Result<std::time::SystemTime>| {
            let file = fs::metadata(self.folder.join(format!("{stream}.jsonl"))).ok()?;
            of(&file).ok().map(DateTime::<Utc>::from)
        };
        let now = self.clock.now();
        let updated_at = times(fs::Metadata::modified).unwrap_or(now);
        let created_at = times(fs::Metadata::created).unwrap_or(updated_at).min(updated_at);
        Info { length: 0, entries: 0, bytes: 0, created_at, updated_at, summary: None }
    }

    pub(super) fn append(
        &mut self,
        stream: &StreamName,
        fence: Fence,
        batch: Batch,
        summary: Option<String>,
    ) -> Result<u64, JournalError> {
        let (_locked, claimed) = self.claimed(stream)?;
        if claimed.fence != fence.0 {
            return Err(JournalError::Fenced { stream: stream.clone() });
        }
        let mut known = self.take_known(stream, fence.0)?;
        let (expected, actual) = (batch.expected, known.info.entries);
        if actual != expected {
            self.known.insert(stream.clone(), known);
            return Err(JournalError::Conflict { stream: stream.clone(), expected, actual });
        }
        let text = |bytes| String::from_utf8(bytes).map_err(|error| self.failed(io::Error::other(error)));
        let entries = batch.payloads.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let line = Line::new(entries, summary);
        let mut bytes = serde_json::to_vec(&line).map_err(|error| self.failed(error.into()))?;
        bytes.push(b'\n');
        let mut file = self.open(stream, "jsonl", OpenOptions::new().create(true).append(true))?;
        let offset = known.info.length;
        let mut write = || {
            // From here on nothing is known of the file until all of it is written. What a failed append has left
            // is not part of the stream.
            file.set_len(offset)?;
            file.write_all(&bytes)?;
            file.sync_all()
        };
        write().map_err(|error| self.failed(error))?;
        known.add(offset, &line);
        known.info.length = offset + bytes.len() as u64;
        known.info.updated_at = self.clock.now();
        if offset == 0 {
            known.info.created_at = known.info.updated_at;
        }
        self.write_info(stream, &known.info);
        let count = known.info.entries;
        self.known.insert(stream.clone(), known);
        Ok(count)
    }

    /// A list that cannot be kept is made from the streams themselves.
    fn write_info(&self, stream: &StreamName, info: &Info) {
        let mut options = OpenOptions::new();
        if let Ok(mut file) = self.open(stream, "info", options.write(true).create(true).truncate(true)) {
            let _ = serde_json::to_vec(info).map(|text| file.write_all(&text));
        }
    }

    pub(super) fn read(&mut self, stream: &StreamName, sequence: u64) -> Result<Vec<Entry>, JournalError> {
        let length = self.length(stream)?;
        let known = self.known.get(stream).filter(|known| Some(known.info.length) == length);
        // The line that the first of the entries stands in.
        let (first, offset, line) = match known {
            Some(known) if sequence >= known.info.entries => return Ok(Vec::new()),
            Some(known) => {
                let at = known.lines.partition_point(|(first, _)| *first <= sequence).saturating_sub(1);
                known.lines.get(at).map_or((0, 0, 0), |(first, offset)| (*first, *offset, at))
            }
            None => (0, 0, 0),
        };
        let lines = self.content(stream, offset, line)?.lines;
        let entries = lines.into_iter().flat_map(|(_, line)| line.entries).zip(first..);
        let entries = entries.map(|(payload, sequence)| Entry { sequence, payload: payload.into_bytes() });
        Ok(entries.filter(|entry| entry.sequence >= sequence).collect())
    }
}

impl Known {
    fn add(&mut self, offset: u64, line: &Line) {
        self.lines.push((self.info.entries, offset));
        self.info.entries += line.entries.len() as u64;
        self.info.bytes += line.entries.iter().map(|entry| entry.len() as u64).sum::<u64>();
        if line.summary.is_some() {
            self.info.summary.clone_from(&line.summary);
        }
    }
}
