//! A folder whose files may be edited. Nothing outside of it is reached, and nothing through a link.

mod place;

use std::{
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};

use crate::path::EditPath;

pub use self::place::Fingerprint;
pub(crate) use self::place::{Kind, Place, permissions};

/// A folder whose files may be edited.
///
/// Each folder on the way to a file is opened by itself, from the one above and never through a link, so that no exchange of a
/// folder for a link leads elsewhere, on any Unix. Calls block; programs with a runtime make them on a thread for that.
#[derive(Debug)]
pub struct Workspace {
    root: OwnedFd,
    path: PathBuf,
    closed: Vec<EditPath>,
}

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkspaceError {
    /// The root is no folder, or cannot be opened.
    #[error("{} cannot be opened as a workspace: {source}", path.display())]
    Root {
        /// The root.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A part of the path is a link.
    #[error("{path} is a link, or stands behind one; edits follow no links")]
    Link {
        /// The path up to the link.
        path: String,
    },
    /// What stands there is no file, or what stands above it is no folder.
    #[error("{path} is no {expected}")]
    Kind {
        /// The path.
        path: String,
        /// What it would have to be.
        expected: &'static str,
    },
    /// The file belongs to another repository.
    #[error("{path} belongs to a repository of its own, at {folder}; edit it in a workspace there")]
    Nested {
        /// The path.
        path: String,
        /// The folder of that repository.
        folder: String,
    },
    /// Another name is the same where upper and lower case are.
    #[error("there is {other}, which differs from {path} only by upper and lower case")]
    Case {
        /// The path.
        path: String,
        /// The name that is there.
        other: String,
    },
    /// The system refuses.
    #[error("{path} cannot be {action}: {source}")]
    Io {
        /// The path.
        path: String,
        /// What was to be done, as a participle.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl Workspace {
    /// Opens the folder. Links in the path of the root itself are followed.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, WorkspaceError> {
        let path = root.as_ref().to_owned();
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(root) => Ok(Self { root, path, closed: Vec::new() }),
            Err(why) => Err(WorkspaceError::Root { path, source: why.into() }),
        }
    }

    /// Folders that belong to other repositories although nothing in them says so, such as submodules that are not checked out.
    pub fn with_closed(mut self, folders: impl IntoIterator<Item = EditPath>) -> Self {
        self.closed.extend(folders);
        self
    }

    /// The folder, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of a file; `None` if it is not there. A name that differs only by case from one that is there is an error.
    pub fn read(&self, path: &EditPath) -> Result<Option<Vec<u8>>, WorkspaceError> {
        let Some(place) = self.place(path)? else { return Ok(None) };
        let bytes = place.read()?;
        if bytes.is_none() {
            look_for_case(path, &place)?;
        }
        Ok(bytes)
    }

    /// Where a file is; `None` if its folder is not there. Only files of this workspace have a place.
    pub(crate) fn place(&self, path: &EditPath) -> Result<Option<Place>, WorkspaceError> {
        let nested =
            |folder: &str| WorkspaceError::Nested { path: path.to_string(), folder: folder.to_owned() };
        let mut place = Place::root(&self.root, path.as_str().as_bytes())?;
        for folder in path.folders() {
            if self.closed.iter().any(|closed| closed.as_str() == folder) {
                return Err(nested(folder));
            }
            let Some(inner) = place.enter()? else {
                look_for_case(path, &place)?;
                return Ok(None);
            };
            place = inner;
            if place.sibling(".git").kind()?.is_some() {
                return Err(nested(folder));
            }
        }
        Ok(Some(place))
    }

    /// Where a file of a repository is, by any bytes; its folders are made if that is wanted.
    pub(crate) fn place_of(&self, path: &[u8], make: bool) -> Result<Option<Place>, WorkspaceError> {
        let mut place = Place::root(&self.root, path)?;
        while !place.is_last() {
            if make {
                place.make_folder()?;
            }
            let Some(inner) = place.enter()? else { return Ok(None) };
            place = inner;
        }
        Ok(Some(place))
    }
}

fn look_for_case(path: &EditPath, place: &Place) -> Result<(), WorkspaceError> {
    match place.other_case()? {
        Some(other) => Err(WorkspaceError::Case { path: path.to_string(), other }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
