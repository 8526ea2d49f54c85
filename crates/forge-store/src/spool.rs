//! Records that cannot go into the file now, as lines of JSON beside it.
//!
//! A line is `{"crc":"xxxxxxxx","record":{...}}`, where the checksum is the CRC-32 of the record's bytes as
//! they stand there. A file is locked for as long as someone writes or reads it.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
};

use forge_core::storage::accounts::UsageRecord;

use crate::{
    error::StoreError,
    files::{Locked, make_private_dir, private},
};

const QUARANTINE: &str = "quarantine.jsonl";
const HEAD: &[u8] = b"{\"crc\":\"";
const NECK: &[u8] = b"\",\"record\":";
/// A file that is larger is followed by another.
const LARGE: u64 = 64 << 20;
/// Records that are handed on together.
const BATCH: usize = 1_000;

/// Where a process puts its lines.
#[derive(Debug)]
pub(crate) struct Spool {
    directory: PathBuf,
    file: Option<(Locked, u64)>,
}

impl Spool {
    pub(crate) fn new(database: &Path) -> Self {
        Self { directory: directory(database), file: None }
    }

    pub(crate) fn append(&mut self, record: &UsageRecord) -> Result<(), StoreError> {
        let line = line(record).map_err(|error| self.failed(error.into()))?;
        let (file, size) = match self.file.take().filter(|(_, size)| *size < LARGE) {
            Some(open) => open,
            None => (self.create()?, 0),
        };
        let written = (&file.0).write_all(&line);
        // Nothing may follow half a line.
        if written.is_ok() || file.0.set_len(size).is_ok() {
            let more = if written.is_ok() { line.len() as u64 } else { 0 };
            self.file = Some((file, size + more));
        }
        written.map_err(|error| self.failed(error))
    }

    /// What makes the lines so far survive a power failure, without holding up the next ones.
    pub(crate) fn syncing(&self) -> impl FnOnce() -> Result<(), StoreError> + use<> {
        let file = self.file.as_ref().map(|(file, _)| file.0.try_clone());
        let path = self.directory.clone();
        move || {
            let synced = file.map_or(Ok(()), |file| file?.sync_data());
            synced.map_err(|source| StoreError::Io { what: "write to the spool", path, source })
        }
    }

    /// Ends the current file, so that it can be imported.
    pub(crate) fn close(&mut self) {
        self.file = None;
    }

    fn create(&self) -> Result<Locked, StoreError> {
        make_private_dir(&self.directory)?;
        let mut number = files(&self.directory).last().and_then(|file| number(file)).unwrap_or(0);
        loop {
            number += 1;
            let path = self.directory.join(format!("{number:04}.jsonl"));
            match private().create_new(true).open(&path) {
                Ok(file) => {
                    // Another process may have found the new file and locked it to import it; then the next number
                    // is taken.
                    if let Some(file) = Locked::new(file) {
                        return Ok(file);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::Io { what: "write to the spool", path: self.directory.clone(), source }
    }
}

/// `forge.db` -> `forge.spool`.
pub(crate) fn directory(database: &Path) -> PathBuf {
    database.with_extension("spool")
}

/// The files of a spool, the oldest first.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(|path| number(path).is_some()).collect();
    files.sort_by_key(|path| number(path));
    files
}

fn number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".jsonl")?.parse().ok()
}

/// What became of the files of a spool.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    /// Lines that could not be read.
    pub(crate) bad: u64,
    /// Whether a file was left because another process uses it.
    pub(crate) left: bool,
}

/// Hands the records of every file that nobody writes to `take`, and removes each file that was taken
/// whole. Lines that cannot be read are added to the quarantine.
pub(crate) fn import<E: From<StoreError>>(
    directory: &Path,
    mut take: impl FnMut(&[UsageRecord]) -> Result<(), E>,
) -> Result<Imported, E> {
    let mut imported = Imported::default();
    for path in files(directory) {
        let failed = |source| StoreError::Io { what: "import", path: path.clone(), source };
        let file = match File::open(&path) {
            Ok(file) => file,
            // Somebody was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error).into()),
        };
        let Some(file) = Locked::new(file) else {
            imported.left = true;
            continue;
        };
        let mut lines = BufReader::new(&file.0);
        let (mut records, mut torn, mut line) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line).map_err(failed)? == 0 {
                break;
            }
            match parse(line.trim_ascii_end()) {
                Some(record) => records.push(record),
                None => torn.push(line.clone()),
            }
            if records.len() >= BATCH {
                take(&records)?;
                records.clear();
            }
        }
        take(&records)?;
        if !torn.is_empty() {
            quarantine(directory, &torn).map_err(failed)?;
            imported.bad += torn.len() as u64;
        }
        // Last: after a crash before this its records come again, and those in the database are skipped.
        fs::remove_file(&path).map_err(failed)?;
    }
    Ok(imported)
}

fn quarantine(directory: &Path, lines: &[Vec<u8>]) -> io::Result<()> {
    let path = directory.join(QUARANTINE);
    let mut file = private().create(true).open(path)?;
    for line in lines {
        file.write_all(line.trim_ascii_end())?;
        file.write_all(b"\n")?;
    }
    file.sync_data()
}

fn line(record: &UsageRecord) -> Result<Vec<u8>, serde_json::Error> {
    let record = serde_json::to_vec(record)?;
    let crc = format!("{:08x}", crc32fast::hash(&record));
    Ok([HEAD, crc.as_bytes(), NECK, &record, b"}\n"].concat())
}

fn parse(line: &[u8]) -> Option<UsageRecord> {
    let (crc, rest) = line.strip_prefix(HEAD)?.split_at_checked(8)?;
    let record = rest.strip_prefix(NECK)?.strip_suffix(b"}")?;
    let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?, 16).ok()?;
    (crc32fast::hash(record) == crc).then(|| serde_json::from_slice(record).ok())?
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use forge_core::{ParticipantRole, TokenCount, call::CallId, storage::accounts::CallStatus, tags::Tags};

    use super::*;

    fn record(call: u128) -> UsageRecord {
        UsageRecord {
            call_id: CallId::from_u128(call),
            attempt: 1,
            started_at: chrono::DateTime::UNIX_EPOCH,
            provider: "claude".into(),
            vendor: forge_core::ModelProvider::Anthropic,
            model_asked: "large".into(),
            model_served: None,
            role: ParticipantRole::Critic,
            tags: Tags::default(),
            status: CallStatus::Success,
            error: None,
            latency: Duration::from_nanos(1_234_567_891),
            first_token: None,
            tokens: TokenCount::default(),
            cost: None,
            estimated: false,
            request_id: Some("a \"quoted\"\nid".into()),
            served: None,
        }
    }

    #[test]
    fn a_spool_cut_at_any_byte_of_its_last_lines_loses_only_what_is_cut() {
        let directory = std::env::temp_dir().join(format!("forge-spool-{}", std::process::id()));
        make_private_dir(&directory).unwrap();
        let records: Vec<_> = (0..6).map(record).collect();
        let lines: Vec<_> = records.iter().map(|record| line(record).unwrap()).collect();
        let whole = lines.concat();
        let ends: Vec<_> = lines
            .iter()
            .scan(0, |end, line| {
                *end += line.len();
                Some(*end - 1)
            })
            .collect();
        for cut in ends[2]..=whole.len() {
            fs::write(directory.join("0001.jsonl"), &whole[..cut]).unwrap();
            let mut taken = Vec::new();
            let torn = import(&directory, |records| {
                taken.extend_from_slice(records);
                Ok::<_, StoreError>(())
            })
            .unwrap()
            .bad;
            let kept = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(taken, records[..kept], "cut at {cut}");
            let is_torn = !ends.contains(&cut) && !ends.contains(&(cut - 1));
            assert_eq!(torn, u64::from(is_torn), "cut at {cut}");
            assert!(files(&directory).is_empty());
        }
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_line_with_any_bit_flipped_is_not_taken_for_whole() {
        let whole = line(&record(1)).unwrap();
        let whole = whole.trim_ascii_end();
        assert_eq!(parse(whole), Some(record(1)));
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // A checksum in capitals is the same number.
            assert!(parse(&damaged).is_none_or(|found| found == record(1)), "bit {bit}");
        }
    }
}
