//! The folder `.beads` on the disk.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags},
    io::Errno,
};
use serde_json::Value;

use super::file::{BeadFile, BeadFileError};

/// The largest `issues.jsonl` that is read, in bytes.
pub const LARGEST_FILE: u64 = 64 << 20;

const FOLDER: &str = ".beads";
const FILE: &str = "issues.jsonl";
const EXCLUSIVE: &str = ".exclusive-lock";
/// Where the next state of the file is written. Whoever holds the lock is alone with it.
const NEXT: &str = ".issues.jsonl.forge";

/// Where `bd` keeps the same beads, and what was written to that last.
const DATABASES: [&str; 2] = ["beads.db", "beads.db-wal"];
/// Seconds that `bd` may be behind with the file, and write on in its database after it.
const SLACK: i64 = 60;

/// Why the folder of beads cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// There is none.
    #[error("there is no {}", path.display())]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// A link, which may lead anywhere.
    #[error("{} is a link, and no link is followed", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// More than anybody reads through.
    #[error("{} is larger than {} MiB", path.display(), LARGEST_FILE >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Another program keeps the folder for itself.
    #[error("{} says that {holder} keeps the beads for itself; wait for it, or ask whoever started it", path.display())]
    Exclusive {
        /// The file that says so.
        path: PathBuf,
        /// Who it is, as that file says.
        holder: String,
    },
    /// The lines cannot be used.
    #[error("{}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Which line, and why.
        source: BeadFileError,
    },
    /// The system refuses.
    #[error("{} cannot be {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was to be done, as a participle.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

/// The folder `.beads` of a workspace, with an `issues.jsonl` in it. Calls block.
#[derive(Debug)]
pub struct BeadFolder {
    folder: File,
    path: PathBuf,
}

/// The same while no other Forge writes there. Others wait until it is dropped.
#[derive(Debug)]
pub struct LockedFolder<'a> {
    folder: &'a BeadFolder,
    /// The lock is on the folder itself, so that no file is left behind that would go into a repository.
    lock: File,
}

impl BeadFolder {
    /// Opens the folder of this workspace.
    ///
    /// # Errors
    ///
    /// [`FolderError::Missing`] where there is no `.beads/issues.jsonl`; links are refused.
    pub fn open(workspace: &Path) -> Result<Self, FolderError> {
        let path = workspace.join(FOLDER);
        let missing = || FolderError::Missing { path: path.join(FILE) };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Err(missing()),
            // What of a link is refused differs by system; what stands there tells it apart from a file.
            Err(_) if path.is_symlink() => return Err(FolderError::Link { path }),
            Err(Errno::NOTDIR) => return Err(missing()),
            Err(why) => return Err(FolderError::Io { path, action: "opened", source: why.into() }),
        };
        let opened = Self { folder: folder.into(), path };
        match rustix::fs::statat(&opened.folder, FILE, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(opened),
            Err(Errno::NOENT) => Err(FolderError::Missing { path: opened.path.join(FILE) }),
            Err(why) => Err(opened.failed(FILE, "read", why)),
        }
    }

    /// The file of the beads.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.path.join(FILE)
    }

    /// What stands in the file.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, is larger than [`LARGEST_FILE`], or holds a line that is none.
    pub fn read(&self) -> Result<BeadFile, FolderError> {
        let (bytes, _) = self.bytes()?;
        BeadFile::parse(&bytes).map_err(|source| FolderError::Content { path: self.file(), source })
    }

    fn bytes(&self) -> Result<(Vec<u8>, Mode), FolderError> {
        let file: File = self.inner(FILE, OFlags::RDONLY, Mode::empty()).map_err(|why| match why {
            Errno::LOOP => FolderError::Link { path: self.file() },
            why => self.failed(FILE, "read", why),
        })?;
        let facts = rustix::fs::fstat(&file).map_err(|why| self.failed(FILE, "read", why))?;
        let mut bytes = Vec::new();
        // One byte more than is allowed shows that there is more.
        let read = file.take(LARGEST_FILE + 1).read_to_end(&mut bytes);
        read.map_err(|source| FolderError::Io { path: self.file(), action: "read", source })?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(FolderError::TooLarge { path: self.file() });
        }
        Ok((bytes, Mode::from_raw_mode(facts.st_mode)))
    }

    /// A database of another program beside the file that was written after it, so that the file may lack what stands there.
    #[must_use]
    pub fn newer_database(&self) -> Option<PathBuf> {
        let written = |name: &str| {
            let facts = rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW);
            facts.ok().map(|facts| facts.st_mtime)
        };
        let file = written(FILE)?;
        let is_newer = |name: &&&str| written(name).is_some_and(|at| at - file > SLACK);
        DATABASES.iter().find(is_newer).map(|name| self.path.join(name))
    }

    /// Waits until no other Forge writes there.
    ///
    /// # Errors
    ///
    /// [`FolderError::Exclusive`] while another program keeps the folder for itself.
    pub fn lock(&self) -> Result<LockedFolder<'_>, FolderError> {
        // Opened anew: a lock belongs to what was opened, so that two of this program exclude each other too.
        let failed = |source| FolderError::Io { path: self.path.clone(), action: "locked", source };
        let lock = File::open(&self.path).map_err(failed)?;
        lock.lock().map_err(failed)?;
        match self.inner(EXCLUSIVE, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()) {
            Err(Errno::NOENT) => Ok(LockedFolder { folder: self, lock }),
            found => {
                let path = self.path.join(EXCLUSIVE);
                Err(FolderError::Exclusive { path, holder: holder(found.ok()) })
            }
        }
    }

    fn inner(&self, name: &str, flags: OFlags, mode: Mode) -> Result<File, Errno> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.folder, name, flags, mode).map(File::from)
    }

    fn failed(&self, name: &str, action: &'static str, why: Errno) -> FolderError {
        FolderError::Io { path: self.path.join(name), action, source: why.into() }
    }
}

impl LockedFolder<'_> {
    /// What stands in the file.
    ///
    /// # Errors
    ///
    /// See [`BeadFolder::read`].
    pub fn read(&self) -> Result<BeadFile, FolderError> {
        self.folder.read()
    }

    /// Writes the file beside the old one and puts it in its place, so that readers see one or the other. Its mode stays.
    ///
    /// # Errors
    ///
    /// Where the system refuses; then the old file is there as it was.
    pub fn write(&self, file: &BeadFile) -> Result<(), FolderError> {
        let folder = self.folder;
        let (_, mode) = folder.bytes()?;
        match rustix::fs::unlinkat(&folder.folder, NEXT, AtFlags::empty()) {
            // One that a killed process left behind.
            Ok(()) | Err(Errno::NOENT) => {}
            Err(why) => return Err(folder.failed(NEXT, "replaced", why)),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let next = folder.inner(NEXT, flags, Mode::RUSR | Mode::WUSR);
        let mut next = next.map_err(|why| folder.failed(NEXT, "written", why))?;
        rustix::fs::fchmod(&next, mode).map_err(|why| folder.failed(NEXT, "written", why))?;
        let written = next.write_all(&file.to_bytes()).and_then(|()| next.sync_all());
        written.map_err(|source| FolderError::Io {
            path: folder.path.join(NEXT),
            action: "written",
            source,
        })?;
        rustix::fs::renameat(&folder.folder, NEXT, &folder.folder, FILE)
            .map_err(|why| folder.failed(FILE, "replaced", why))?;
        // The new name is on the disk as well; where that cannot be waited for, it comes a little later.
        let _ = self.lock.sync_all();
        Ok(())
    }
}

/// Who holds an exclusive lock, as its file says.
fn holder(file: Option<File>) -> String {
    let mut text = String::new();
    let read = file.and_then(|file| file.take(4_096).read_to_string(&mut text).ok());
    let value = read.and_then(|_| serde_json::from_str::<Value>(&text).ok());
    let name = value.as_ref().and_then(|value| value.get("holder")).and_then(Value::as_str);
    name.map_or_else(|| "another program".to_owned(), |name| name.escape_debug().take(100).collect())
}
