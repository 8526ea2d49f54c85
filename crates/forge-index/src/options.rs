//! What an index may take, and where it is kept.

use std::path::PathBuf;

/// What an index may take, and where it is kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The folder for what is known of unchanged files; with `None` they are read anew by the next process.
    pub cache: Option<PathBuf>,
    /// The largest file that is read, in bytes. Larger ones are counted.
    pub max_file_bytes: u64,
    /// The most files; those behind them, by path, are counted.
    pub max_files: usize,
    /// The most rows of an answer; how many more there are is counted.
    pub max_rows: usize,
}

impl Default for Options {
    /// No cache, 1 MiB a file, 50,000 files, 200 rows.
    fn default() -> Self {
        Self { cache: None, max_file_bytes: 1 << 20, max_files: 50_000, max_rows: 200 }
    }
}

impl Options {
    /// Keeps what is known of unchanged files in this folder, in one file for each root.
    pub fn with_cache(self, folder: impl Into<PathBuf>) -> Self {
        Self { cache: Some(folder.into()), ..self }
    }

    /// Reads no file that is larger.
    pub fn with_max_file_bytes(self, bytes: u64) -> Self {
        Self { max_file_bytes: bytes, ..self }
    }

    /// Reads no more files.
    pub fn with_max_files(self, files: usize) -> Self {
        Self { max_files: files, ..self }
    }

    /// Gives no more rows.
    pub fn with_max_rows(self, rows: usize) -> Self {
        Self { max_rows: rows, ..self }
    }
}
