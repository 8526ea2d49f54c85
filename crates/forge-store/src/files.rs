//! Files and directories that are their owner's alone, and locks on them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    path::Path,
};

use crate::error::StoreError;

/// For a directory that only its owner may enter.
pub(crate) fn make_private_dir(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let failed = |source| StoreError::Io { what: "make the directory", path: path.to_owned(), source };
    builder.create(path).map_err(failed)
}

/// For appending to a file that only its owner may read, if it is made.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Takes from others what the file allows them.
pub(crate) fn tighten(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path)?.permissions().mode();
        if mode & 0o077 != 0 {
            // Fails for a file of another user, which is that user's to decide.
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700));
        }
    }
    Ok(())
}

/// A file that is locked for as long as this lives.
#[derive(Debug)]
pub(crate) struct Locked(pub(crate) File);

impl Locked {
    pub(crate) fn new(file: File) -> Option<Self> {
        file.try_lock().is_ok().then_some(Self(file))
    }

    pub(crate) fn shared(file: File) -> Option<Self> {
        file.try_lock_shared().is_ok().then_some(Self(file))
    }
}

/// Closing is not enough: a process that is being started holds a copy of the file for a moment.
impl Drop for Locked {
    fn drop(&mut self) {
        // Closing follows, which unlocks as well once nobody holds a copy.
        let _ = self.0.unlock();
    }
}
