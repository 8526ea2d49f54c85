//! Files that belong to one user: 0600 in folders of 0700, and never reached through a link.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::{fs::OFlags, process::geteuid};

/// Makes the folder and those above it. The last one is a folder of this user afterwards, closed to everybody else.
pub(crate) fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let found = fs::symlink_metadata(path)?;
    if !found.is_dir() || found.uid() != geteuid().as_raw() {
        let why = format!("{} is a link, or belongs to another user", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// What is in a file of at most `most` bytes; `None` where there is none.
///
/// # Errors
///
/// Where it is a link, no regular file or larger.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    // Not blocking, so that a pipe under this name does not hold the reader up.
    let file = match open(path, OpenOptions::new().read(true), OFlags::NONBLOCK) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let found = file.metadata()?;
    if !found.is_file() || found.len() > most {
        let why = format!("{} is no regular file of at most {most} bytes", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let mut bytes = Vec::new();
    // The size may have grown since.
    file.take(most).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Puts a file with these bytes in the place of what is there: a reader sees the one or the other, whole.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.{}", std::process::id()));
    // What an earlier process of this number has left behind.
    let _ = fs::remove_file(&part);
    let written = open(&part, OpenOptions::new().write(true).create_new(true), OFlags::empty())
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&part, path));
    written.inspect_err(|_| {
        let _ = fs::remove_file(&part);
    })
}

/// Adds a line in one write, which lines of other processes do not come between.
pub(crate) fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = open(path, OpenOptions::new().append(true).create(true), OFlags::empty())?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// Opens a file of mode 0600 where it is made; a link in its place is refused.
pub(crate) fn open(path: &Path, options: &mut OpenOptions, further: OFlags) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | further;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    options.mode(0o600).custom_flags(flags).open(path)
}

/// Removes a file; that there is none is fine.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
