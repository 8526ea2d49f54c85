//! A name in an open folder.

use std::{
    ffi::OsStr,
    fs::File,
    io::{Read as _, Write as _},
    os::{fd::OwnedFd, unix::ffi::OsStrExt as _},
    rc::Rc,
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat},
    io::Errno,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::WorkspaceError;

/// What a file is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fingerprint {
    /// SHA-256 of its bytes, or of the target of a link, in lower-case hex.
    pub sha256: String,
    /// Its permission bits; `None` where any are right, because the file is new.
    pub mode: Option<u32>,
}

impl Fingerprint {
    pub(crate) fn of(bytes: &[u8], mode: Option<u32>) -> Self {
        Self { sha256: hex(&Sha256::digest(bytes)), mode }
    }

    /// Whether a file that is there has these bytes, and the mode if one is given.
    pub(crate) fn is(&self, found: &Self) -> bool {
        self.sha256 == found.sha256 && (self.mode.is_none() || self.mode == found.mode)
    }
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Link,
    Folder,
    /// A pipe, a socket, a device.
    Other,
}

/// A name in an open folder.
#[derive(Debug)]
pub(crate) struct Place {
    folder: Rc<OwnedFd>,
    /// From the root of the workspace.
    path: Vec<u8>,
    /// Where the name begins, and where it ends.
    name: (usize, usize),
}

impl Place {
    /// The first part of a path below the root.
    pub(super) fn root(root: &OwnedFd, path: &[u8]) -> Result<Self, WorkspaceError> {
        let place = |folder| Self { folder: Rc::new(folder), path: path.to_owned(), name: (0, part(path)) };
        root.try_clone().map(place).map_err(|source| WorkspaceError::Io {
            path: String::from_utf8_lossy(path).into_owned(),
            action: "opened",
            source,
        })
    }

    /// Whether the name is the last part of the path.
    pub(super) fn is_last(&self) -> bool {
        self.name.1 == self.path.len()
    }

    /// The next part of the path, in the folder that this name is; `None` if nothing is there.
    pub(super) fn enter(&self) -> Result<Option<Self>, WorkspaceError> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&*self.folder, self.name(), flags, Mode::empty()) {
            Ok(folder) => {
                let start = self.name.1 + 1;
                let name = (start, start + part(&self.path[start..]));
                Ok(Some(Self { folder: Rc::new(folder), path: self.path.clone(), name }))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) if self.kind()? == Some(Kind::Link) => Err(self.link_error()),
            Err(Errno::NOTDIR) => Err(self.wrong("folder")),
            Err(why) => Err(self.refused("opened", why)),
        }
    }

    /// Another name in the same folder.
    pub(crate) fn sibling(&self, name: &str) -> Self {
        let path = [&self.path[..self.name.0], name.as_bytes()].concat();
        let name = (self.name.0, path.len());
        Self { folder: Rc::clone(&self.folder), path, name }
    }

    fn name(&self) -> &OsStr {
        OsStr::from_bytes(&self.path[self.name.0..self.name.1])
    }

    /// The path up to the name, for reports.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.path[..self.name.1]).into_owned()
    }

    pub(crate) fn kind(&self) -> Result<Option<Kind>, WorkspaceError> {
        Ok(self.stat()?.map(|stat| match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Symlink => Kind::Link,
            FileType::Directory => Kind::Folder,
            _ => Kind::Other,
        }))
    }

    pub(crate) fn stat(&self) -> Result<Option<Stat>, WorkspaceError> {
        match rustix::fs::statat(&*self.folder, self.name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(why) => Err(self.refused("looked at", why)),
        }
    }

    /// The bytes of the file; `None` if nothing is there.
    pub(crate) fn read(&self) -> Result<Option<Vec<u8>>, WorkspaceError> {
        match self.kind()? {
            None => return Ok(None),
            Some(Kind::File) => {}
            Some(Kind::Link) => return Err(self.link_error()),
            Some(_) => return Err(self.wrong("file")),
        }
        // What becomes a pipe in between is not waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match rustix::fs::openat(&*self.folder, self.name(), flags, Mode::empty()) {
            Ok(file) => {
                let mut bytes = Vec::new();
                File::from(file).read_to_end(&mut bytes).map_err(|source| self.io("read", source))?;
                Ok(Some(bytes))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::LOOP) => Err(self.link_error()),
            Err(why) => Err(self.refused("read", why)),
        }
    }

    /// The target of the link.
    pub(crate) fn read_link(&self) -> Result<Vec<u8>, WorkspaceError> {
        let target = rustix::fs::readlinkat(&*self.folder, self.name(), Vec::new());
        target.map(std::ffi::CString::into_bytes).map_err(|why| self.refused("read", why))
    }

    /// What the file is known by; `None` if nothing is there.
    pub(crate) fn fingerprint(&self) -> Result<Option<Fingerprint>, WorkspaceError> {
        let Some(bytes) = self.read()? else { return Ok(None) };
        Ok(self.stat()?.map(|stat| Fingerprint::of(&bytes, Some(permissions(&stat)))))
    }

    /// Writes a file that is not there yet, onto the disk. It gets the permissions and, where that is allowed, the owner of the
    /// other file; without one, what is usual.
    pub(crate) fn write_new(&self, bytes: &[u8], like: Option<&Stat>) -> Result<(), WorkspaceError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let first = if like.is_some() { 0o600 } else { 0o666 };
        let file = rustix::fs::openat(&*self.folder, self.name(), flags, Mode::from_raw_mode(first))
            .map_err(|why| self.refused("made", why))?;
        let mut file = File::from(file);
        file.write_all(bytes).map_err(|source| self.io("written", source))?;
        if let Some(stat) = like {
            let (uid, gid) = (rustix::fs::Uid::from_raw(stat.st_uid), rustix::fs::Gid::from_raw(stat.st_gid));
            // Only root may give files away; for everybody else the owner is the same one anyway.
            let _ = rustix::fs::fchown(&file, Some(uid), Some(gid));
            let mode = Mode::from_raw_mode(permissions(stat));
            rustix::fs::fchmod(&file, mode).map_err(|why| self.refused("given its mode", why))?;
        }
        file.sync_all().map_err(|source| self.io("brought to the disk", source))
    }

    pub(crate) fn write_link(&self, target: &[u8]) -> Result<(), WorkspaceError> {
        rustix::fs::symlinkat(OsStr::from_bytes(target), &*self.folder, self.name())
            .map_err(|why| self.refused("made", why))
    }

    pub(crate) fn set_mode(&self, mode: u32) -> Result<(), WorkspaceError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::openat(&*self.folder, self.name(), flags, Mode::empty())
            .and_then(|file| rustix::fs::fchmod(&file, Mode::from_raw_mode(mode)))
            .map_err(|why| self.refused("given its mode", why))
    }

    /// Gives the file another name in the folder, in the place of what has that name.
    pub(crate) fn rename(&self, to: &Self) -> Result<(), WorkspaceError> {
        rustix::fs::renameat(&*self.folder, self.name(), &*to.folder, to.name())
            .map_err(|why| to.refused("replaced", why))
    }

    /// Gives the file a second name, which nothing may have; false where the file system has no such names.
    pub(crate) fn link(&self, to: &Self) -> Result<bool, WorkspaceError> {
        match rustix::fs::linkat(&*self.folder, self.name(), &*to.folder, to.name(), AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => Ok(false),
            Err(why) => Err(to.refused("made", why)),
        }
    }

    /// Takes the name away; one that is not there is no error.
    pub(crate) fn remove(&self) -> Result<(), WorkspaceError> {
        match rustix::fs::unlinkat(&*self.folder, self.name(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(why) => Err(self.refused("removed", why)),
        }
    }

    /// Makes a folder of this name if there is none; true if it is new.
    pub(crate) fn make_folder(&self) -> Result<bool, WorkspaceError> {
        match rustix::fs::mkdirat(&*self.folder, self.name(), Mode::from_raw_mode(0o777)) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(why) => Err(self.refused("made", why)),
        }
    }

    /// Takes the folder away if it is empty; true if it is gone.
    pub(crate) fn remove_folder(&self) -> Result<bool, WorkspaceError> {
        match rustix::fs::unlinkat(&*self.folder, self.name(), AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(true),
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Ok(false),
            Err(why) => Err(self.refused("removed", why)),
        }
    }

    /// Brings the names in the folder to the disk.
    pub(crate) fn sync_folder(&self) -> Result<(), WorkspaceError> {
        match rustix::fs::fsync(&*self.folder) {
            // Some file systems cannot do it for folders.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(why) => Err(self.refused("brought to the disk", why)),
        }
    }

    /// The name in the folder that differs from this one only by case.
    pub(super) fn other_case(&self) -> Result<Option<String>, WorkspaceError> {
        let name = String::from_utf8_lossy(self.name().as_bytes()).into_owned();
        let folded = name.to_lowercase();
        let entries = Dir::read_from(&*self.folder).map_err(|why| self.refused("looked for", why))?;
        for entry in entries {
            let entry = entry.map_err(|why| self.refused("looked for", why))?;
            let other = String::from_utf8_lossy(entry.file_name().to_bytes());
            if other != name && other.to_lowercase() == folded {
                return Ok(Some(other.into_owned()));
            }
        }
        Ok(None)
    }

    fn link_error(&self) -> WorkspaceError {
        WorkspaceError::Link { path: self.shown() }
    }

    pub(crate) fn wrong(&self, expected: &'static str) -> WorkspaceError {
        WorkspaceError::Kind { path: self.shown(), expected }
    }

    fn refused(&self, action: &'static str, why: Errno) -> WorkspaceError {
        self.io(action, why.into())
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> WorkspaceError {
        WorkspaceError::Io { path: self.shown(), action, source }
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The permission bits of a file.
pub(crate) fn permissions(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}

/// The length of the first part of a path.
fn part(path: &[u8]) -> usize {
    path.iter().position(|byte| *byte == b'/').unwrap_or(path.len())
}
