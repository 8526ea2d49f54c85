//! The index: what is known of every file, brought up to date before each answer.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Component, Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::{
    cache::{Cache, Entry, Hash},
    codec::hex,
    content::{self, Refusal},
    error::IndexError,
    extract::Extractor,
    facts::Blob,
    language::Language,
    options::Options,
    row::{Row, Status},
    stat::TICK,
    walk::{self, Candidate},
};

/// What is known of files that are gone, by content and language.
type Gone = HashMap<(Hash, u64), Result<Blob, Refusal>>;

/// The code below a root. Every answer looks first whether files have changed, and reads those again.
///
/// Answers are given by [`Index::map`], [`Index::find`], [`Index::refs`], [`Index::outline`] and [`Index::impact`].
#[derive(Debug)]
pub struct Index {
    root: PathBuf,
    pub(crate) options: Options,
    files: BTreeMap<String, Entry>,
    cache: Option<Cache>,
    extractor: Extractor,
    status: Status,
}

impl Index {
    /// The index of a folder. Nothing is read yet but what the cache knows.
    pub fn open(root: impl AsRef<Path>, options: Options) -> Result<Self, IndexError> {
        let root = root.as_ref();
        let failed = |why| IndexError::Root { path: root.to_owned(), why };
        let whole = root.canonicalize().map_err(failed)?;
        // Also tells a file from a folder.
        std::fs::read_dir(&whole).map_err(failed)?;
        let opened = options.cache.as_deref().map(|folder| Cache::open(folder, &whole));
        let (cache, known) = opened.unzip();
        Ok(Self {
            root: whole,
            options,
            files: known.unwrap_or_default().into_iter().collect(),
            cache,
            extractor: Extractor::default(),
            status: Status::default(),
        })
    }

    /// The folder, as a whole path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Why nothing is kept for the next process, if that is so.
    pub fn cache_failure(&self) -> Option<&str> {
        self.cache.as_ref()?.failure.as_deref()
    }

    /// Looks at every file below the root, and reads those that have changed. Every answer does so.
    pub fn refresh(&mut self) -> &Status {
        let (found, skipped) = walk::walk(&self.root, &self.options);
        let newest = found.iter().map(|one| one.stat.changed).max().unwrap_or(0);
        self.status = Status { skipped, ..Status::default() };
        let mut gone = self.forget(&found);
        for one in &found {
            self.update(one, newest, &mut gone);
        }
        let refused = self.files.values().filter_map(|entry| entry.content.as_ref().err());
        for refusal in refused {
            match refusal {
                Refusal::Binary => self.status.skipped.binary += 1,
                Refusal::Generated => self.status.skipped.generated += 1,
                Refusal::Unparsed => self.status.skipped.unparsed += 1,
            }
        }
        self.status.files = self.entries().count();
        self.status.revision = self.revision();
        if let Some(cache) = &mut self.cache {
            let sizes = self.files.iter().map(|(path, entry)| {
                path.len() as u64 + 100 + entry.content.as_ref().map_or(0, |blob| blob.0.len() as u64)
            });
            cache.set_live(sizes.sum());
            cache.commit(self.files.iter().map(|(path, entry)| (path.as_str(), entry)));
        }
        &self.status
    }

    /// Lets go of files that are gone; what is known of them may stand under another path by now.
    fn forget(&mut self, found: &[Candidate]) -> Gone {
        let is_there = |path: &str| found.binary_search_by(|one| one.path.as_str().cmp(path)).is_ok();
        let gone: Vec<String> = self.files.keys().filter(|path| !is_there(path)).cloned().collect();
        gone.iter()
            .filter_map(|path| self.remove(path))
            .map(|entry| ((entry.hash, entry.language.code()), entry.content))
            .collect()
    }

    fn remove(&mut self, path: &str) -> Option<Entry> {
        let entry = self.files.remove(path)?;
        if let Some(cache) = &mut self.cache {
            cache.note(path, None);
        }
        Some(entry)
    }

    fn update(&mut self, one: &Candidate, newest: u64, gone: &mut Gone) {
        let old = self.files.get(&one.path).filter(|old| old.language == one.language);
        if old.is_some_and(|old| old.stat == one.stat && !old.is_suspect) {
            return;
        }
        let Ok(bytes) = walk::read(&self.root, one, &self.options) else {
            self.status.skipped.unreadable += 1;
            self.remove(&one.path);
            return;
        };
        self.status.read += 1;
        let hash: Hash = Sha256::digest(&bytes).into();
        let same = old.filter(|old| old.hash == hash).map(|old| old.content.clone());
        let known = same.or_else(|| gone.remove(&(hash, one.language.code())));
        let content = known.unwrap_or_else(|| self.facts(one, &bytes));
        // The file system's clock may have stood still since: another change would not show.
        let is_suspect = newest.saturating_sub(one.stat.changed) <= TICK;
        let entry = Entry { stat: one.stat, is_suspect, language: one.language, hash, content };
        if self.files.get(&one.path) != Some(&entry) {
            if let Some(cache) = &mut self.cache {
                cache.note(&one.path, Some(&entry));
            }
            self.files.insert(one.path.clone(), entry);
        }
    }

    fn facts(&mut self, one: &Candidate, bytes: &[u8]) -> Result<Blob, Refusal> {
        let text = content::text(bytes, one.language)?;
        let facts = self.extractor.extract(one.language, &text).ok_or(Refusal::Unparsed)?;
        Ok(facts.encode())
    }

    /// A name of the contents of all files.
    fn revision(&self) -> String {
        let mut digest = Sha256::new();
        for (path, entry) in &self.files {
            digest.update((path.len() as u64).to_le_bytes());
            digest.update(path);
            digest.update(entry.hash);
        }
        hex(&digest.finalize()[..6])
    }

    /// Every file that is known, by path.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Entry, &Blob)> {
        self.files
            .iter()
            .filter_map(|(path, entry)| Some((path.as_str(), entry, entry.content.as_ref().ok()?)))
    }

    /// The path from the root, of one from the root or a whole one.
    pub(crate) fn relative(&self, path: &str) -> Result<String, IndexError> {
        let inner = Path::new(path).strip_prefix(&self.root).unwrap_or(Path::new(path));
        let outside =
            || IndexError::Path { path: path.to_owned(), why: "it is outside of the root".to_owned() };
        let mut parts: Vec<&str> = Vec::new();
        for part in inner.components() {
            match part {
                Component::Normal(part) => parts.push(part.to_str().ok_or_else(outside)?),
                Component::CurDir => {}
                Component::ParentDir => {
                    parts.pop().ok_or_else(outside)?;
                }
                Component::RootDir | Component::Prefix(_) => return Err(outside()),
            }
        }
        Ok(parts.join("/"))
    }

    /// Why nothing is known of a path.
    pub(crate) fn unknown(&self, path: &str) -> IndexError {
        let refusal = self.files.get(path).and_then(|entry| entry.content.as_ref().err());
        // Of the path itself, not of where a link leads.
        let there = std::fs::symlink_metadata(self.root.join(path));
        let why = match (refusal, there) {
            (Some(Refusal::Binary), _) => "it is binary",
            (Some(Refusal::Generated), _) => "a program wrote it",
            (Some(Refusal::Unparsed), _) => "it takes too long to parse",
            (None, Err(_)) => "there is nothing",
            (None, Ok(there)) if there.is_symlink() => "it is a link, and links are not followed",
            (None, Ok(there)) if there.is_dir() => "it is a folder without code in a language that is read",
            (None, Ok(there)) if there.len() > self.options.max_file_bytes => "it is too large",
            (None, Ok(_)) if Language::of(path).is_none() => "its language is not read",
            (None, Ok(_)) => "it is left out by an ignore rule, or stands in a folder of code from elsewhere",
        };
        IndexError::Path { path: path.to_owned(), why: why.to_owned() }
    }

    /// What the last refresh found.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Marks the rows whose files have changed since they were read.
    pub(crate) fn mark_stale(&self, rows: &mut [Row]) {
        let mut stale: HashMap<String, bool> = HashMap::new();
        for row in rows {
            let is_stale = match stale.get(&row.path) {
                Some(is_stale) => *is_stale,
                None => {
                    let known = self.files.get(&row.path).map(|entry| entry.stat);
                    let is_stale = known != walk::stat(&self.root, &row.path);
                    stale.insert(row.path.clone(), is_stale);
                    is_stale
                }
            };
            row.stale = is_stale;
        }
    }

    /// The lines of a file as it is now, for showing uses; empty if it cannot be read.
    pub(crate) fn lines(&self, path: &str) -> Vec<String> {
        let Some(entry) = self.files.get(path) else { return Vec::new() };
        let candidate = Candidate { path: path.to_owned(), language: entry.language, stat: entry.stat };
        let bytes = walk::read(&self.root, &candidate, &self.options).unwrap_or_default();
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_a_file_that_has_changed_since_is_stale() {
        let root = std::env::temp_dir().join(format!("forge-index-stale-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join("a.rs"), "fn a() {}\n").unwrap();
        std::fs::write(root.join("b.rs"), "fn b() {}\n").unwrap();
        let mut index = Index::open(&root, Options::default()).unwrap();
        let mut rows = index.find_pattern("", None).unwrap().rows;
        assert!(rows.iter().all(|row| !row.stale));
        // Between the look at the files and the end of an answer.
        std::fs::write(root.join("a.rs"), "fn a() {}\nfn c() {}\n").unwrap();
        index.mark_stale(&mut rows);
        assert_eq!(rows.iter().map(|row| row.stale).collect::<Vec<_>>(), [true, false]);
        std::fs::remove_file(root.join("b.rs")).unwrap();
        index.mark_stale(&mut rows);
        assert!(rows.iter().all(|row| row.stale));
        std::fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_change_that_the_clock_of_the_file_system_does_not_show_is_seen() {
        let root = std::env::temp_dir().join(format!("forge-index-clock-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join("a.rs"), "fn before() {}\n").unwrap();
        let mut index = Index::open(&root, Options::default()).unwrap();
        assert_eq!(index.find("before", None).unwrap().rows.len(), 1);
        std::fs::write(root.join("a.rs"), "fn behind() {}\n").unwrap();
        // As if both had been written in one step of the clock.
        index.files.get_mut("a.rs").unwrap().stat = walk::stat(&root, "a.rs").unwrap();
        assert_eq!(index.find("behind", None).unwrap().rows.len(), 1);
        // A change elsewhere shows that the clock has gone on: the file is looked into once more, and then trusted.
        index.files.get_mut("a.rs").unwrap().stat.changed -= 2 * TICK;
        let entry = index.files["a.rs"].clone();
        let one = Candidate { path: "a.rs".to_owned(), language: Language::Rust, stat: entry.stat };
        index.update(&one, one.stat.changed + 2 * TICK, &mut Gone::new());
        assert!(!index.files["a.rs"].is_suspect);
        std::fs::remove_dir_all(&root).unwrap();
    }
}
