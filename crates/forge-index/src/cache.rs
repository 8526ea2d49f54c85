//! What is known of files, kept for the next process: a log to which changes are appended. It holds nothing that cannot be made
//! again, so that whatever is wrong with it is mended by leaving it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::{
    codec::{Reader, Writer, hex},
    content::Refusal,
    facts::Blob,
    language::Language,
    stat::Stat,
};

/// The form of the log. What was written in another one, or with other queries, is not read.
const FORM: u32 = 1;

/// Bytes of one record; more is damage.
const LARGEST: u32 = 64 << 20;

/// Bytes that are gathered before they are written.
const BATCH: usize = 1 << 20;

/// A hash of a content.
pub(crate) type Hash = [u8; 32];

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) stat: Stat,
    /// The content may have changed once more without a change of `stat`.
    pub(crate) is_suspect: bool,
    pub(crate) language: Language,
    /// Of the content.
    pub(crate) hash: Hash,
    pub(crate) content: Result<Blob, Refusal>,
}

/// The log of one root.
#[derive(Debug)]
pub(crate) struct Cache {
    path: PathBuf,
    file: Option<File>,
    pending: Vec<u8>,
    has_changed: bool,
    /// Bytes of the log, and of those records in it that count.
    size: u64,
    live: u64,
    /// What the first failure was. Nothing is kept after it.
    pub(crate) failure: Option<String>,
}

impl Cache {
    /// The log of this root in `folder`, and what it knows.
    pub(crate) fn open(folder: &Path, root: &Path) -> (Self, Vec<(String, Entry)>) {
        let name = hex(&Sha256::digest(root.as_os_str().as_encoded_bytes())[..8]);
        let path = folder.join(format!("{name}.index"));
        let mut cache = Self {
            path,
            file: None,
            pending: Vec::new(),
            has_changed: false,
            size: 0,
            live: 0,
            failure: None,
        };
        let (entries, is_whole) = cache.load().unwrap_or_default();
        if !is_whole {
            // A log that ends in damage is written anew with the next change.
            cache.size = u64::MAX;
        }
        (cache, entries)
    }

    /// What the log says, the last record of a path first to last, and whether it could be read to its end.
    fn load(&mut self) -> io::Result<(Vec<(String, Entry)>, bool)> {
        let file = match File::open(&self.path) {
            // None yet: the first change makes it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), true)),
            file => file?,
        };
        let mut source = BufReader::with_capacity(1 << 18, file);
        let mut head = vec![0; header().len()];
        source.read_exact(&mut head)?;
        if head != header() {
            return Ok((Vec::new(), false));
        }
        let mut entries = std::collections::BTreeMap::new();
        self.size = head.len() as u64;
        let is_whole = loop {
            match record(&mut source) {
                Ok(Some(payload)) => {
                    self.size += payload.len() as u64 + 8;
                    match decode(&payload) {
                        Some((path, Some(entry))) => entries.insert(path, entry),
                        Some((path, None)) => entries.remove(&path),
                        None => break false,
                    };
                }
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        Ok((entries.into_iter().collect(), is_whole))
    }

    /// Notes what is known of a file now; `None` if it is gone.
    pub(crate) fn note(&mut self, path: &str, entry: Option<&Entry>) {
        self.has_changed = true;
        let payload = encode(path, entry);
        let Ok(length) = u32::try_from(payload.len()) else { return };
        self.pending.extend(length.to_le_bytes());
        self.pending.extend(crc32fast::hash(&payload).to_le_bytes());
        self.pending.extend(payload);
        if self.pending.len() >= BATCH {
            self.flush();
        }
    }

    /// Writes what was noted. `all` is everything that is known, in case that the log has to be written anew.
    pub(crate) fn commit<'e>(&mut self, all: impl Iterator<Item = (&'e str, &'e Entry)>) {
        let most = self.live.saturating_mul(2).saturating_add(BATCH as u64);
        if std::mem::take(&mut self.has_changed) && self.size > most {
            self.rewrite(all);
        }
        self.flush();
        self.has_changed = false;
    }

    /// How many bytes the records of everything that is known take, about.
    pub(crate) fn set_live(&mut self, bytes: u64) {
        self.live = bytes;
    }

    fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        if self.failure.is_some() || self.size == u64::MAX {
            // A damaged log gets no more records: nobody would read them.
            return;
        }
        let written = self.appended(&pending);
        self.size += pending.len() as u64;
        self.fail(written);
    }

    fn appended(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            let is_new = self.size == 0;
            let mut file = private(OpenOptions::new().append(true), &self.path)?;
            if is_new {
                file.write_all(&header())?;
                self.size = header().len() as u64;
            }
            self.file = Some(file);
        }
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(bytes))
    }

    /// A log of what is known, in the place of one that is mostly past.
    fn rewrite<'e>(&mut self, all: impl Iterator<Item = (&'e str, &'e Entry)>) {
        (self.file, self.size) = (None, 0);
        self.pending.clear();
        let target = self.path.clone();
        // Other processes may do the same.
        self.path = target.with_extension(format!("{}.part", std::process::id()));
        let _ = fs::remove_file(&self.path);
        // A head without records is what an empty tree has.
        let begun = self.appended(&[]);
        self.fail(begun);
        for (path, entry) in all {
            self.note(path, Some(entry));
        }
        self.flush();
        let part = std::mem::replace(&mut self.path, target);
        let renamed = if self.failure.is_none() { fs::rename(&part, &self.path) } else { Ok(()) };
        self.fail(renamed);
        let _ = fs::remove_file(&part);
    }

    fn fail(&mut self, result: io::Result<()>) {
        if let (Err(error), None) = (result, &self.failure) {
            self.failure = Some(format!("{}: {error}", self.path.display()));
        }
    }
}

/// A file that only the user can read: it says what the code is about. Its folder is made.
fn private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
    options.create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

/// What a log begins with. It changes with the form and with the queries, because facts do.
fn header() -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(env!("CARGO_PKG_VERSION"));
    for language in Language::ALL {
        digest.update(language.query());
        digest.update(language.grammar().map_or(0, |grammar| grammar.abi_version()).to_le_bytes());
    }
    let mut header = format!("forge-index {FORM}\n").into_bytes();
    header.extend(&digest.finalize()[..8]);
    header
}

/// The next record; `None` at the end.
fn record(source: &mut impl io::Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; 8];
    match source.read(&mut head)? {
        0 => return Ok(None),
        read => source.read_exact(&mut head[read..])?,
    }
    let [a, b, c, d, checksum @ ..] = head;
    let length = u32::from_le_bytes([a, b, c, d]);
    if length > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut payload = Vec::new();
    // Read as far as there is something: a length that is damage does not take memory.
    source.take(length.into()).read_to_end(&mut payload)?;
    let is_sound = payload.len() as u64 == u64::from(length)
        && crc32fast::hash(&payload) == u32::from_le_bytes(checksum);
    if is_sound { Ok(Some(payload)) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn encode(path: &str, entry: Option<&Entry>) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.text(path);
    if let Some(entry) = entry {
        writer.number(entry.language.code() + 1);
        entry.stat.encode(&mut writer);
        writer.number(u64::from(entry.is_suspect));
        writer.bytes(&entry.hash);
        let code = entry.content.as_ref().err().map(|refusal| *refusal as u64);
        writer.number(code.map_or(0, |code| code + 1));
        if let Ok(blob) = &entry.content {
            writer.bytes(&blob.0);
        }
    } else {
        writer.number(0);
    }
    writer.into_bytes()
}

/// A path and what is known of it; `None` inside if it is gone.
fn decode(payload: &[u8]) -> Option<(String, Option<Entry>)> {
    let mut reader = Reader(payload);
    let path = reader.text()?.to_owned();
    let Some(language) = reader.number()?.checked_sub(1) else { return Some((path, None)) };
    let language = Language::from_code(language)?;
    let stat = Stat::decode(&mut reader)?;
    let is_suspect = reader.number()? == 1;
    let hash = reader.bytes()?.try_into().ok()?;
    let content = match reader.number()?.checked_sub(1) {
        None => Ok(Blob(reader.bytes()?.into())),
        Some(code) => Err(*Refusal::ALL.get(usize::try_from(code).ok()?)?),
    };
    Some((path, Some(Entry { stat, is_suspect, language, hash, content })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(size: u8) -> Entry {
        let mut stat = Stat::default();
        stat.changed = size.into();
        Entry {
            stat,
            is_suspect: size % 2 == 1,
            language: Language::Rust,
            hash: [size; 32],
            content: if size == 9 { Err(Refusal::Generated) } else { Ok(Blob(vec![size; 40].into())) },
        }
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("forge-index-cache-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    fn commit(cache: &mut Cache, all: &[(String, Entry)]) {
        cache.commit(all.iter().map(|(path, entry)| (path.as_str(), entry)));
        assert_eq!(cache.failure, None);
    }

    #[test]
    fn what_is_kept_comes_back_the_last_word_counts_and_damage_ends_it() {
        let folder = folder("kept");
        let (mut cache, known) = Cache::open(&folder, Path::new("/root"));
        assert!(known.is_empty());
        for (path, size) in [("a.rs", 1), ("b.rs", 2), ("c.rs", 9), ("a.rs", 3)] {
            cache.note(path, Some(&entry(size)));
        }
        cache.note("b.rs", None);
        commit(&mut cache, &[]);
        let expected = vec![("a.rs".to_owned(), entry(3)), ("c.rs".to_owned(), entry(9))];
        let (cache, known) = Cache::open(&folder, Path::new("/root"));
        assert_eq!(known, expected);
        assert!(Cache::open(&folder, Path::new("/other")).1.is_empty());
        let whole = fs::read(&cache.path).unwrap();
        for length in 0..whole.len() {
            fs::write(&cache.path, &whole[..length]).unwrap();
            assert!(Cache::open(&folder, Path::new("/root")).1.len() <= 3);
        }
        let mut turned = whole.clone();
        *turned.last_mut().unwrap() ^= 1;
        fs::write(&cache.path, turned).unwrap();
        let (mut cache, known) = Cache::open(&folder, Path::new("/root"));
        assert_eq!(known.len(), 3, "everything before the damage, in which b.rs is still there");
        // The next change mends the log.
        cache.note("a.rs", Some(&entry(4)));
        commit(&mut cache, &[("a.rs".to_owned(), entry(4))]);
        assert_eq!(Cache::open(&folder, Path::new("/root")).1, [("a.rs".to_owned(), entry(4))]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_log_that_is_mostly_past_is_written_anew() {
        let folder = folder("past");
        let (mut cache, _) = Cache::open(&folder, Path::new("/root"));
        let large = Entry { content: Ok(Blob(vec![7; 100_000].into())), ..entry(1) };
        let all = [("a.rs".to_owned(), large.clone())];
        for _ in 0..60 {
            cache.set_live(100_000);
            cache.note("a.rs", Some(&large));
            commit(&mut cache, &all);
        }
        assert!(fs::metadata(&cache.path).unwrap().len() < 2_500_000);
        assert_eq!(Cache::open(&folder, Path::new("/root")).1, all);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_written_is_told_and_is_no_failure() {
        let (mut cache, known) = Cache::open(Path::new("/proc/nowhere"), Path::new("/root"));
        cache.note("a.rs", Some(&entry(1)));
        cache.commit(std::iter::empty());
        assert!(known.is_empty() && cache.failure.is_some_and(|failure| failure.contains("/proc/nowhere")));
    }
}
