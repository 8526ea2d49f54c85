//! Opening the file: permissions, checks, and the migration from an older form to the newest.

use std::{
    fs::{self},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::{
    error::StoreError,
    files::{Locked, make_private_dir, private, tighten},
    options::StoreOptions,
    views,
};

/// `Forg`, so that the file is known for what it is.
const APPLICATION_ID: i64 = 0x466f_7267;

/// The step from each version to the next. A released step is never changed.
const MIGRATIONS: [&str; 9] = [
    include_str!("v1.sql"),
    include_str!("v2.sql"),
    include_str!("v3.sql"),
    include_str!("v4.sql"),
    include_str!("v5.sql"),
    include_str!("v6.sql"),
    include_str!("v7.sql"),
    include_str!("v8.sql"),
    include_str!("v9.sql"),
];

/// The newest version of the file.
pub(crate) const VERSION: i64 = 9;

/// Pages of the log after which SQLite writes it back: 16 MiB.
const CHECKPOINT: i64 = 4_096;
/// Between two attempts to open a file that another process is opening.
const PAUSE: Duration = Duration::from_millis(5);
/// Bytes that the log keeps when it was written back.
const LOG: i64 = 64 << 20;

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The end of the process. The last ones before a power failure may be lost, whole.
    Process,
    /// A power failure too: the disk has it.
    Disk,
}

/// A connection that may write, and what tells other processes that this one is alive.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) conn: Connection,
    durability: Durability,
    _alive: Option<Locked>,
}

impl Database {
    /// Opens the file, makes it if need be, and brings it up to date.
    pub(crate) fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        patiently(options, || Self::try_open(options))
    }

    fn try_open(options: &StoreOptions) -> Result<Self, StoreError> {
        let path = &options.path;
        prepare(path)?;
        let (alive, alone) = alive(path);
        // No other process lives, and the log was not written back: the last one died, and all pages are checked.
        let unclean = alone && fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0);
        let failed = |source| StoreError::sqlite("open", path, source);

        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(path, flags).map_err(failed)?;
        conn.busy_timeout(options.busy_timeout).map_err(failed)?;
        conn.set_prepared_statement_cache_capacity(64);
        // A dump in SQL has lost its version, which has to be there before it is read.
        adopt(&conn).map_err(failed)?;
        let is_new = known(&conn, path)? == 0;
        conn.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        conn.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
        conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT).map_err(failed)?;
        conn.pragma_update(None, "journal_size_limit", LOG).map_err(failed)?;
        // A negative size counts in KiB. Rows are added at the end and sums are few, so that more pages would only be kept.
        conn.pragma_update(None, "cache_size", -4_000).map_err(failed)?;
        if unclean && !is_new {
            check(&conn, path)?;
        }
        migrate(&mut conn, path)?;
        if let Some(bytes) = options.max_bytes {
            let pages = bytes / page_size(&conn).map_err(failed)?;
            conn.pragma_update(None, "max_page_count", i64::try_from(pages.max(1)).unwrap_or(i64::MAX))
                .map_err(failed)?;
        }
        Ok(Self { conn, durability: Durability::Process, _alive: alive })
    }

    /// Has the commits that follow survive this much.
    pub(crate) fn keep(&mut self, durability: Durability) -> rusqlite::Result<()> {
        // A pragma costs as much as a small statement, and most commits are like the one before.
        if self.durability != durability {
            // In WAL mode NORMAL survives a crash of the process; only FULL waits until the disk has it.
            let value = if durability == Durability::Disk { "FULL" } else { "NORMAL" };
            self.conn.pragma_update(None, "synchronous", value)?;
            self.durability = durability;
        }
        Ok(())
    }

    /// Fails if the file is read-only.
    pub(crate) fn may_write(&self, path: &Path) -> Result<(), StoreError> {
        match self.conn.is_readonly("main") {
            Ok(true) => Err(StoreError::Denied { path: path.to_owned(), source: "it is read-only".into() }),
            _ => Ok(()),
        }
    }
}

/// SQLite does not wait by itself while another process turns the log on or clears it away.
fn patiently<T>(options: &StoreOptions, open: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let begun = Instant::now();
    loop {
        match open() {
            Err(StoreError::Locked { .. }) if begun.elapsed() < options.busy_timeout => {
                thread::park_timeout(PAUSE);
            }
            done => return done,
        }
    }
}

/// A connection that only reads. It never makes a file.
pub(crate) fn reader(options: &StoreOptions) -> Result<Connection, StoreError> {
    // In WAL mode a reader may have to make or repair the index of the log, which takes the right to write.
    patiently(options, || try_reader(options, OpenFlags::SQLITE_OPEN_READ_WRITE))
}

/// The same for statements that come from elsewhere: SQLite itself would write nothing.
pub(crate) fn read_only(options: &StoreOptions) -> Result<Connection, StoreError> {
    patiently(options, || try_reader(options, OpenFlags::SQLITE_OPEN_READ_ONLY))
}

fn try_reader(options: &StoreOptions, flags: OpenFlags) -> Result<Connection, StoreError> {
    let path = &options.path;
    let failed = |source| StoreError::sqlite("open", path, source);
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(failed)?;
    conn.busy_timeout(options.busy_timeout).map_err(failed)?;
    conn.pragma_update(None, "query_only", true).map_err(failed)?;
    if known(&conn, path)? == 0 {
        return Err(StoreError::NotADatabase { path: path.clone() });
    }
    Ok(conn)
}

/// `forge.db` -> `forge.db-wal` and the like.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// SQLite gives its files beside the database the same mode.
fn prepare(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Err(StoreError::Directory { path: path.to_owned() });
    }
    let denied = |source: io::Error| StoreError::Denied { path: path.to_owned(), source: source.into() };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.exists()) {
        make_private_dir(parent)?;
    }
    // A file that is there is never opened here: closing it would drop the locks that SQLite holds on it.
    match private().create_new(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => tighten(path).map_err(denied),
        Err(error) => Err(denied(error)),
    }
}

/// Holds a lock for as long as the process lives, and tells whether no other process does. Without one,
/// nothing is known.
fn alive(path: &Path) -> (Option<Locked>, bool) {
    let Ok(file) = private().create(true).open(beside(path, ".lock")) else { return (None, false) };
    let alone = file.try_lock().is_ok();
    (Locked::shared(file), alone)
}

/// The version of the file; 0 for one without content.
pub(crate) fn known(conn: &Connection, path: &Path) -> Result<i64, StoreError> {
    let failed = |source| StoreError::sqlite("open", path, source);
    let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    // One state of the file, while another process may be making it.
    let _state = conn.is_autocommit().then(|| conn.unchecked_transaction()).transpose().map_err(failed)?;
    let version = number("PRAGMA user_version")?;
    let application = number("PRAGMA application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (application, version, tables) {
        (0, 0, 0) => Ok(0),
        (0, 0, _) if is_own(conn).map_err(failed)? => Ok(0),
        (APPLICATION_ID, found, _) if found > VERSION => {
            Err(StoreError::Newer { path: path.to_owned(), found, known: VERSION })
        }
        (APPLICATION_ID, found, _) => Ok(found.max(0)),
        _ => Err(StoreError::Foreign { path: path.to_owned() }),
    }
}

/// What each version added first.
const MARKS: [(&str, &str); 9] = [
    ("attempts", "call_id"),
    ("budgets", "reserved_money"),
    ("cooldowns", "until"),
    ("task_log", "state"),
    ("audit", "hash"),
    ("seal_secrets", "secret"),
    ("responses", "under_way_until"),
    ("prompt_versions", "hash"),
    ("queue_leases", "generation"),
];

/// Whether the tables are this program's, whatever the file says of itself: a dump in SQL does not hold that.
pub(crate) fn is_own(conn: &Connection) -> rusqlite::Result<bool> {
    Ok(version_by_tables(conn)? > 0)
}

fn version_by_tables(conn: &Connection) -> rusqlite::Result<i64> {
    let mut has = conn.prepare("SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2")?;
    let mut version = 0;
    for mark in MARKS {
        if has.query_row(mark, |row| row.get::<_, i64>(0))? == 0 {
            break;
        }
        version += 1;
    }
    Ok(version)
}

/// Marks a file that was made from a dump of this program's tables as what it is.
fn adopt(conn: &Connection) -> rusqlite::Result<()> {
    let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
    let is_unmarked = || -> rusqlite::Result<bool> {
        Ok((number("PRAGMA application_id")?, number("PRAGMA user_version")?) == (0, 0))
    };
    if !is_unmarked()? || version_by_tables(conn)? == 0 {
        return Ok(());
    }
    // Another process may be making the file: what it has come to meanwhile is not to be marked as less.
    let transaction = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
    if is_unmarked()? {
        conn.pragma_update(None, "user_version", version_by_tables(conn)?)?;
        conn.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    transaction.commit()
}

fn migrate(conn: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::sqlite("update", path, source);
    for (version, step) in (0..).zip(MIGRATIONS) {
        if known(conn, path)? > version {
            continue;
        }
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        // Another process may have been faster.
        if known(&transaction, path)? == version {
            views::drop_all(&transaction).map_err(failed)?;
            transaction.execute_batch(step).map_err(failed)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
            transaction.pragma_update(None, "user_version", version + 1).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
    }
    match views::refresh(conn) {
        // Its tables can be asked all the same.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ReadOnly) => Ok(()),
        made => made.map_err(failed),
    }
}

/// Reads every page and reports the first fault.
pub(crate) fn check(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let found: String = conn
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|source| StoreError::sqlite("check", path, source))?;
    match found.as_str() {
        "ok" => Ok(()),
        _ => Err(StoreError::Damaged { path: path.to_owned(), detail: found.replace('\n', " ") }),
    }
}

fn page_size(conn: &Connection) -> rusqlite::Result<u64> {
    conn.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0)).map(|size| size.unsigned_abs().max(1))
}
