//! A folder of its own for a test.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use forge_index::{Index, Options, Row};

/// The folder. It is removed with the value.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("forge-index-{name}-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("code")).unwrap();
        Self(folder)
    }

    /// One with a copy of the fixtures of a language.
    pub(crate) fn of(language: &str) -> Self {
        let place = Self::new(language);
        copy(&fixtures(language), &place.root());
        place
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.0.join("code")
    }

    /// Where the index keeps what it knows.
    pub(crate) fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn index(&self) -> Index {
        Index::open(self.root(), Options::default()).unwrap()
    }

    /// One that keeps what it knows.
    pub(crate) fn kept(&self) -> Index {
        Index::open(self.root(), Options::default().with_cache(self.cache())).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn fixtures(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(language)
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// Rows in short, in the order of the places: `path:line kind confidence`.
pub(crate) fn short(rows: &[Row]) -> Vec<String> {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_key(|row| (&row.path, row.line));
    rows.iter().map(|row| format!("{}:{} {} {}", row.path, row.line, row.kind, row.confidence)).collect()
}

/// How much longer than usual tests are to take.
pub(crate) fn scale() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a test is set by the environment")]
    let scale = std::env::var("FORGE_TEST_SCALE");
    scale.ok().and_then(|scale| scale.parse().ok()).unwrap_or(1)
}
