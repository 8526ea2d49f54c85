//! Whether a run lives.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    thread,
};

use forge_core::{StorageError, StreamName};

/// How often a lock that is taken is looked at for the name of its holder.
const LOOKS: u32 = 1_000;

/// Says of each piece of work whether a run of it lives.
pub trait Locks: fmt::Debug + Send + Sync + 'static {
    /// Takes the lock of `stream` for `holder`, if nobody has it. Does not wait.
    fn lock(&self, stream: &StreamName, holder: &str) -> Result<LockAttempt, StorageError>;
}

/// A lock that is held as long as this value, and no longer than its process.
pub trait Lock: fmt::Debug + Send + Sync + 'static {
    /// Whether `holder` had this lock before and did not give it back: it can be at work no more.
    fn has_died(&self, holder: &str) -> bool;

    /// Gives the lock back at the end of the work.
    fn release(self: Box<Self>);
}

/// What came of a try to lock.
///
/// Exhaustive on purpose: a run has to decide on each.
#[derive(Debug)]
pub enum LockAttempt {
    /// It is ours.
    Acquired(Box<dyn Lock>),
    /// Another run lives.
    Held {
        /// Who it is, as far as known.
        holder: Option<String>,
    },
    /// There are no locks here.
    Unsupported,
}

/// Lock files in a folder, one for each piece of work. The kernel frees a lock with its process, whichever way that
/// ends, and knows of it in every PID namespace.
///
/// A file holds who has had the lock since it was last given back, for messages and for
/// [`Lock::has_died`]; nothing else of it means anything.
#[derive(Debug, Clone)]
pub struct LocalLocks {
    folder: PathBuf,
}

impl LocalLocks {
    /// Locks in `folder`, which is made when it is needed.
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
                // Whoever had it removed the file when the work was over.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = read(&mut file).unwrap_or_default().into_iter().next_back();
                    if holder.is_some() || looks == LOOKS {
                        return Ok(LockAttempt::Held { holder });
                    }
                    // It writes its name right after it has locked.
                    looks += 1;
                    thread::yield_now();
                }
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
    /// Enters `holder` into a file that is locked.
    fn take(mut file: File, path: PathBuf, holder: &str) -> io::Result<Self> {
        let earlier_holders = read(&mut file)?;
        // A line of its own, also behind one that was cut off.
        file.write_all(format!("\n{}\n", one_line(holder)).as_bytes())?;
        Ok(Self { file, path, earlier_holders })
    }
}

impl Lock for LocalLock {
    fn has_died(&self, holder: &str) -> bool {
        self.earlier_holders.contains(&one_line(holder))
    }

    fn release(self: Box<Self>) {
        // While the lock is held, so that nobody else can hold this file's. Without a way to tell that a file was
        // removed, it stays, emptied.
        let _ = if cfg!(unix) { fs::remove_file(&self.path) } else { self.file.set_len(0) };
    }
}

fn one_line(holder: &str) -> String {
    holder.replace(['\n', '\r'], " ")
}

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

/// Whether the open file is the one that stands at `path`.
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
