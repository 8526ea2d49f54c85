//! Locks that tell whether a run is alive.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    thread,
};

use forge_core::storage::{StorageError, journal::StreamName};

/// How often a taken lock is read before its holder counts as unknown.
const LOOKS: u32 = 1_000;

/// Tells for each piece of work whether a run of it is alive.
pub trait Locks: fmt::Debug + Send + Sync + 'static {
    /// Tries to take the lock of `stream` for `holder`, without waiting. `holder` has to differ from run to
    /// run, as it is the name under which a death is proved.
    ///
    /// # Errors
    /// Storage that cannot be reached. Locks that do not exist there are no error but
    /// [`LockAttempt::Unsupported`].
    fn lock(&self, stream: &StreamName, holder: &str) -> Result<LockAttempt, StorageError>;
}

/// A lock held until this value is dropped or its process ends.
pub trait Lock: fmt::Debug + Send + Sync + 'static {
    /// Whether `holder` had this lock earlier and never released it, so that it cannot be running any more.
    /// `false` proves nothing: the holder may be on another machine, or may never have asked for a lock.
    fn has_died(&self, holder: &str) -> bool;

    /// Releases the lock at the end of the work. A lock that is only dropped is free as well, and leaves the
    /// proof that its holder died.
    fn release(self: Box<Self>);
}

/// The outcome of an attempt to lock.
///
/// Exhaustive on purpose: a run has to handle every outcome.
#[derive(Debug)]
pub enum LockAttempt {
    /// The lock is taken.
    Acquired(Box<dyn Lock>),
    /// Another run is alive.
    Held {
        /// Its holder, if known.
        holder: Option<String>,
    },
    /// Locks are not supported here.
    Unsupported,
}

/// Lock files in a folder, one for each piece of work. The kernel releases a lock when its process ends in any way, and
/// sees it from every PID namespace.
///
/// A file lists the holders since the last release, for messages and for [`Lock::has_died`]. Nothing else in it has a
/// meaning.
#[derive(Debug, Clone)]
pub struct LocalLocks {
    folder: PathBuf,
}

impl LocalLocks {
    /// Locks in `folder`, which is created when needed.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn path(&self, stream: &StreamName) -> PathBuf {
        self.folder.join(format!("{stream}.lock"))
    }
}

impl Locks for LocalLocks {
    fn lock(&self, stream: &StreamName, holder: &str) -> Result<LockAttempt, StorageError> {
        let path = self.path(stream);
        let failed = |error| StorageError::io(format!("lock {}", path.display()), error);
        make_folder(&self.folder).map_err(failed)?;
        let mut looks = 0;
        loop {
            let mut file = open(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => {
                    let lock = LocalLock::take(file, path.clone(), holder).map_err(failed)?;
                    return Ok(LockAttempt::Acquired(Box::new(lock)));
                }
                // The previous holder removed this file on release; the lock on it protects nothing any more.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = read(&mut file).unwrap_or_default().into_iter().next_back();
                    if holder.is_some() || looks == LOOKS {
                        return Ok(LockAttempt::Held { holder });
                    }
                    // A holder writes its name right after it has locked, so that the name appears soon.
                    looks += 1;
                    thread::yield_now();
                }
                // Some network file systems have no locks. There the lease protects, at the price of a wait.
                Err(TryLockError::Error(_)) => return Ok(LockAttempt::Unsupported),
            }
        }
    }
}

#[derive(Debug)]
struct LocalLock {
    file: File,
    path: PathBuf,
    earlier_holders: Vec<String>,
}

impl LocalLock {
    /// Appends `holder` to a locked file.
    fn take(mut file: File, path: PathBuf, holder: &str) -> io::Result<Self> {
        let earlier_holders = read(&mut file)?;
        // The leading line break ends a line that a dying holder has cut off.
        file.write_all(format!("\n{}\n", one_line(holder)).as_bytes())?;
        Ok(Self { file, path, earlier_holders })
    }
}

impl Lock for LocalLock {
    fn has_died(&self, holder: &str) -> bool {
        self.earlier_holders.contains(&one_line(holder))
    }

    fn release(self: Box<Self>) {
        // The file goes while its lock is held, so that nobody else can hold it. Where a removed file cannot be told
        // from the present one, it stays and is emptied.
        let _ = if cfg!(unix) { fs::remove_file(&self.path) } else { self.file.set_len(0) };
    }
}

/// A holder takes one line, so that a name with a line break cannot pass for two holders.
fn one_line(holder: &str) -> String {
    holder.replace(['\n', '\r'], " ")
}

/// The holders in the file, the latest last.
fn read(file: &mut File) -> io::Result<Vec<String>> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Whether the open file is still the one at `path`.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let id = |found: io::Result<fs::Metadata>| found.ok().map(|found| (found.dev(), found.ino()));
    id(file.metadata()) == id(fs::metadata(path))
}

/// Files are never removed here.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}
