//! Backups of the file, and restoring them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use crate::{
    error::StoreError,
    files::{make_private_dir, private},
    options::StoreOptions,
    schema::{self, beside},
    store::Store,
};

impl Store {
    /// Writes one state of the file to `to`, which must not exist yet, while others go on writing. Only its owner can
    /// read the copy. Reads every page of it, and returns its size in bytes. Blocks.
    ///
    /// # Errors
    /// The file cannot be read, or the copy not written.
    pub fn backup(&self, to: &Path) -> Result<u64, StoreError> {
        let conn = schema::reader(&self.shared.options)?;
        // It forbids writing another file as well.
        let free = conn.pragma_update(None, "query_only", false);
        free.map_err(|source| StoreError::sqlite("copy", self.path(), source))?;
        copy(&conn, self.path(), to)
    }
}

/// Replaces the file at `to` by the copy at `from`. What was there stays beside it under the name that is returned.
/// Blocks.
///
/// # Errors
/// The copy is not one of this program's files, or is damaged; another process uses the file; or, without `replace`, there
/// is one.
pub fn restore(from: &Path, to: &Path, replace: bool) -> Result<Option<PathBuf>, StoreError> {
    let failed = |what: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| StoreError::Io { what, path, source }
    };
    if to.exists() && !replace {
        return Err(failed("restore into", to)(io::ErrorKind::AlreadyExists.into()));
    }
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_private_dir(folder)?;
    }
    // Every process that uses the file holds this lock shared; an exclusive one proves that nobody does.
    let lock = private().create(true).open(beside(to, ".lock")).map_err(failed("lock", to))?;
    if lock.try_lock().is_err() {
        return Err(StoreError::Locked { path: to.to_owned() });
    }
    // In the same directory, so that the last step is one rename.
    let fresh = beside(to, &format!(".restoring-{}", std::process::id()));
    let copied = open(from).and_then(|conn| copy(&conn, from, &fresh));
    let moved = copied.and_then(|_| {
        let mut kept = (1..).map(|number: u32| beside(to, &format!(".before-restore-{number}")));
        let before = if to.exists() { kept.find(|kept| !kept.exists()) } else { None };
        if let Some(before) = &before {
            // Opening it writes its log back: what stands there belongs to it.
            drop(schema::Database::open(&StoreOptions::new(to)));
            fs::rename(to, before).map_err(failed("move away", to))?;
        }
        // SQLite would take the log of the old file for that of the copy.
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(beside(to, suffix));
        }
        fs::rename(&fresh, to).map_err(failed("write", to))?;
        Ok(before)
    });
    if moved.is_err() {
        // Gone already if it has been moved.
        let _ = fs::remove_file(&fresh);
    }
    moved
}

/// A copy that is only read, which may be of an earlier version.
fn open(path: &Path) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::sqlite("open", path, source);
    if !path.is_file() {
        let source = if path.exists() { io::ErrorKind::InvalidInput } else { io::ErrorKind::NotFound };
        return Err(StoreError::Io { what: "read the backup", path: path.to_owned(), source: source.into() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(failed)?;
    if schema::known(&conn, path)? == 0 && !schema::is_own(&conn).map_err(failed)? {
        return Err(StoreError::NotADatabase { path: path.to_owned() });
    }
    Ok(conn)
}

/// Copies what `conn` reads into a new file and checks it.
fn copy(conn: &Connection, from: &Path, to: &Path) -> Result<u64, StoreError> {
    let failed = |source| StoreError::Io { what: "write the backup", path: to.to_owned(), source };
    // An empty file that nobody else can read is taken for the copy.
    private().create_new(true).open(to).map_err(failed)?;
    let target = to.to_str().ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
    let copied = conn
        .execute("VACUUM INTO ?1", [target])
        .map_err(|source| StoreError::sqlite("copy", from, source))
        .and_then(|_| {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let copy = Connection::open_with_flags(to, flags);
            schema::check(&copy.map_err(|source| StoreError::sqlite("check", to, source))?, to)
        })
        .and_then(|()| fs::File::open(to).and_then(|file| file.sync_all()).map_err(failed))
        .and_then(|()| fs::metadata(to).map_err(failed));
    copied.map(|facts| facts.len()).inspect_err(|_| {
        // Half a copy must not be taken for a whole one.
        let _ = fs::remove_file(to);
    })
}
