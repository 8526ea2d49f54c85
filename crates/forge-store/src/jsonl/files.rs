//! The work on the files of a journal, which blocks.

use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use forge_core::{
    Batch, Claim, Clock, Entry, Fence, JournalError, StorageError, StorageErrorKind, StreamName,
    storage::journal::StreamInfo,
};

use super::line::{Claimed, Info, Line, VERSION, newer};
use crate::schema::{make_private_dir, tighten};

/// How long another process may hold a claim file before it counts as locked.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two attempts to lock a claim file.
const PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    known: HashMap<StreamName, Known>,
    patience: Duration,
    /// Bytes of streams that were read so far.
    bytes_read: u64,
}

/// What is known of a stream's file, as long as it has this length and nobody else has claimed it.
#[derive(Debug)]
struct Known {
    fence: u64,
    info: Info,
    /// Where each line begins, with the number of its first entry.
    lines: Vec<(u64, u64)>,
}

/// What stands in a part of a stream's file.
#[derive(Debug, Default)]
struct Content {
    lines: Vec<(u64, Line)>,
    whole: u64,
    torn: Vec<u8>,
}

impl Files {
    pub(super) fn new(folder: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { folder, clock, known: HashMap::new(), patience: PATIENCE, bytes_read: 0 }
    }

    fn what(&self) -> String {
        format!("use the journal in {}", self.folder.display())
    }

    pub(super) fn failed(&self, error: io::Error) -> JournalError {
        StorageError::io(self.what(), error).into()
    }

    fn damaged(&self, stream: &StreamName, line: usize) -> JournalError {
        let text = format!(
            "{stream}.jsonl is damaged in line {line}, and whole lines follow; bring that line back, or remove it \
             with all that follow and let their calls be made and paid for again"
        );
        StorageError::new(StorageErrorKind::Damaged, self.what(), text).into()
    }

    /// A file of the stream. A link is refused: it may lead out of the folder.
    fn path(&self, stream: &StreamName, extension: &str) -> Result<PathBuf, JournalError> {
        let path = self.folder.join(format!("{stream}.{extension}"));
        if path.is_symlink() {
            return Err(self.failed(io::Error::other(format!("{} is a link", path.display()))));
        }
        Ok(path)
    }

    fn open(
        &self,
        stream: &StreamName,
        extension: &str,
        options: &mut OpenOptions,
    ) -> Result<File, JournalError> {
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
        options.open(self.path(stream, extension)?).map_err(|error| self.failed(error))
    }

    /// The claim, locked until the file is dropped.
    fn claimed(&self, stream: &StreamName) -> Result<(File, Claimed), JournalError> {
        if !self.folder.is_dir() {
            make_private_dir(&self.folder).map_err(StorageError::from)?;
        }
        let mut options = OpenOptions::new();
        let mut file =
            self.open(stream, "claim", options.read(true).write(true).create(true).truncate(false))?;
        self.lock(stream, &file)?;
        for extension in ["claim", "jsonl"] {
            // Older versions let everybody read them. A file of another user is that user's to decide.
            let _ = tighten(&self.path(stream, extension)?);
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|error| self.failed(error))?;
        // A claim that was cut off while it was written is nobody's. The time is a larger fence than any before.
        let fence =
            if text.is_empty() { 0 } else { u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0) };
        let claim: Claimed =
            serde_json::from_str(&text).unwrap_or_else(|_| Claimed { fence, ..Claimed::default() });
        if claim.version > VERSION {
            return Err(newer(claim.version));
        }
        Ok((file, claim))
    }

    fn lock(&self, stream: &StreamName, file: &File) -> Result<(), JournalError> {
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(fs::TryLockError::Error(error)) => return Err(self.failed(error)),
                Err(fs::TryLockError::WouldBlock) if begun.elapsed() < self.patience => {
                    thread::park_timeout(PAUSE)
                }
                Err(fs::TryLockError::WouldBlock) => {
                    let text = format!("{stream}.claim is locked by another process");
                    return Err(StorageError::new(StorageErrorKind::Busy, self.what(), text).into());
                }
            }
        }
    }

    fn length(&self, stream: &StreamName) -> Result<Option<u64>, JournalError> {
        match fs::metadata(self.path(stream, "jsonl")?) {
            Ok(file) => Ok(Some(file.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The lines from the byte `offset` on, which is the beginning of one.
    fn content(&mut self, stream: &StreamName, offset: u64, line: usize) -> Result<Content, JournalError> {
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
    fn take_known(&mut self, stream: &StreamName, fence: u64) -> Result<Known, JournalError> {
        let length = self.length(stream)?.unwrap_or(0);
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

    /// Puts aside what a crash has left after the last whole line.
    fn mend(&mut self, stream: &StreamName) -> Result<(), JournalError> {
        let content = self.content(stream, 0, 0)?;
        if content.torn.is_empty() {
            return Ok(());
        }
        let mut torn = self.open(stream, "torn", OpenOptions::new().create(true).append(true))?;
        torn.write_all(&content.torn).map_err(|error| self.failed(error))?;
        let file = self.open(stream, "jsonl", OpenOptions::new().write(true))?;
        file.set_len(content.whole).and_then(|()| file.sync_all()).map_err(|error| self.failed(error))
    }

    pub(super) fn claim(&mut self, stream: &StreamName, claim: &Claim) -> Result<Fence, JournalError> {
        let (mut file, mut claimed) = self.claimed(stream)?;
        let now = self.clock.now();
        match claimed.until.filter(|until| *until > now) {
            Some(_) if claimed.holder == *claim.holder => {}
            Some(until) if claim.replaces != Some(Fence(claimed.fence)) => {
                let (holder, fence) = (claimed.holder.into(), Fence(claimed.fence));
                return Err(JournalError::Held { stream: stream.clone(), holder, fence, until });
            }
            _ => {
                self.mend(stream)?;
                claimed.fence += 1;
            }
        }
        let lease = chrono::Duration::from_std(claim.lease).unwrap_or(chrono::Duration::days(365));
        claimed.until = now.checked_add_signed(lease).or(Some(DateTime::<Utc>::MAX_UTC));
        (claimed.version, claimed.holder) = (VERSION, claim.holder.to_string());
        write_claim(&mut file, &claimed).map_err(|error| self.failed(error))?;
        Ok(Fence(claimed.fence))
    }

    pub(super) fn release(&mut self, stream: &StreamName, fence: Fence) -> Result<(), JournalError> {
        let (mut file, mut claimed) = self.claimed(stream)?;
        if claimed.fence == fence.0 {
            claimed.until = None;
            write_claim(&mut file, &claimed).map_err(|error| self.failed(error))?;
        }
        Ok(())
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
            // From here on nothing is known of the file until all of it is written. What a failed append has left is not part of the stream.
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

    pub(super) fn list(&mut self) -> Result<Vec<StreamInfo>, JournalError> {
        let found = match fs::read_dir(&self.folder) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(error)),
        };
        let mut names = BTreeSet::new();
        for file in found {
            let path = file.map_err(|error| self.failed(error))?.path();
            let is_ours = path.extension().is_some_and(|end| end == "jsonl" || end == "claim");
            let stem = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_ours);
            names.extend(stem.and_then(|stem| StreamName::new(stem).ok()));
        }
        let mut streams = Vec::new();
        for name in names {
            let info = self.info(&name)?;
            let held = self.holder(&name);
            // A stream that was deleted leaves its claim, so that its last writer stays fenced off.
            if info.length > 0 || held.is_some() {
                let summary = info.summary.as_ref().and_then(|text| serde_json::from_str(text).ok());
                let stream = StreamInfo::new(name, info.created_at);
                let stream = stream.with_content(info.entries, info.bytes, info.updated_at);
                streams.push(stream.with_holder(held).with_summary(summary));
            }
        }
        streams.sort_by(|one, other| other.updated_at.cmp(&one.updated_at).then(other.name.cmp(&one.name)));
        Ok(streams)
    }

    /// What a list says of a stream. Its file is read only where `NAME.info` does not fit it.
    fn info(&mut self, stream: &StreamName) -> Result<Info, JournalError> {
        let length = self.length(stream)?.unwrap_or(0);
        let written = fs::read(self.path(stream, "info")?).ok();
        let written = written.and_then(|text| serde_json::from_slice::<Info>(&text).ok());
        match written.filter(|info| info.length == length && length > 0) {
            Some(info) => Ok(info),
            None => {
                let fence = self.known.get(stream).map_or(0, |known| known.fence);
                let known = self.take_known(stream, fence)?;
                let info = known.info.clone();
                self.known.insert(stream.clone(), known);
                Ok(info)
            }
        }
    }

    fn holder(&self, stream: &StreamName) -> Option<Arc<str>> {
        let text = fs::read(self.path(stream, "claim").ok()?).ok()?;
        let claimed: Claimed = serde_json::from_slice(&text).ok()?;
        claimed.until.filter(|until| *until > self.clock.now()).map(|_| claimed.holder.into())
    }

    pub(super) fn delete(&mut self, stream: &StreamName) -> Result<bool, JournalError> {
        if self.length(stream)?.is_none() && !self.path(stream, "claim")?.exists() {
            return Ok(false);
        }
        let (mut file, mut claimed) = self.claimed(stream)?;
        if let Some(until) = claimed.until.filter(|until| *until > self.clock.now()) {
            let (holder, fence) = (claimed.holder.into(), Fence(claimed.fence));
            return Err(JournalError::Held { stream: stream.clone(), holder, fence, until });
        }
        self.known.remove(stream);
        // The claim stays, so that a writer of the deleted stream stays fenced off from one of the same name.
        claimed.fence += 1;
        write_claim(&mut file, &claimed).map_err(|error| self.failed(error))?;
        let mut found = false;
        for extension in ["jsonl", "info", "torn"] {
            match fs::remove_file(self.path(stream, extension)?) {
                Ok(()) => found |= extension == "jsonl",
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(found)
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

fn write_claim(file: &mut File, claim: &Claimed) -> io::Result<()> {
    let text = serde_json::to_vec(claim)?;
    file.seek(SeekFrom::Start(0))?;
    file.set_len(0)?;
    file.write_all(&text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use forge_core::SystemClock;
    use serde_json::json;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("forge-jsonl-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }

        fn files(&self) -> Files {
            Files::new(self.0.clone(), SystemClock::shared())
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
        fs::write(folder.0.join("s.claim"), r#"{"version":1,"fence":4,"holder":"old","until":null}"#)
            .unwrap();
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
        let source =
            std::error::Error::source(&error).and_then(std::error::Error::source).unwrap().to_string();
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
}
