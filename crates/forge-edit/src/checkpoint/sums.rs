//! What every covered file was at a checkpoint, as it is on the disk: a tree of git cannot see what a filter hid.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use super::error::CheckpointError;

/// What a covered file was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sum {
    /// The kind and the permission bits: `0o100644`, `0o120000` for a link, `0o160000` for a repository inside.
    pub(super) mode: u32,
    /// SHA-256 of the bytes, or of the target of a link; of a repository, its commit.
    pub(super) hash: String,
}

/// The mode of a link.
pub(super) const LINK: u32 = 0o120_000;
/// The mode of a repository inside.
pub(super) const REPOSITORY: u32 = 0o160_000;

impl Sum {
    pub(super) fn is_repository(&self) -> bool {
        self.mode == REPOSITORY
    }
}

/// Every covered file by its path, and what was there and is not covered.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) files: BTreeMap<Vec<u8>, Sum>,
    pub(super) not_covered: Vec<Vec<u8>>,
}

impl Sums {
    /// Whether the path was there and not covered, by itself or in a folder.
    pub(super) fn leaves_out(&self, path: &[u8]) -> bool {
        self.not_covered.iter().any(|left| match left.strip_suffix(b"/") {
            Some(folder) => path.strip_prefix(folder).is_some_and(|rest| rest.starts_with(b"/")),
            None => left == path,
        })
    }

    /// Entries `mode hash path` and `- - path`, each with a zero byte at its end, and an empty one behind the last.
    pub(super) fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let mut text = Vec::new();
        for (path, sum) in &self.files {
            text.extend(format!("{:o} {} ", sum.mode, sum.hash).bytes());
            text.extend(path);
            text.push(0);
        }
        for path in &self.not_covered {
            text.extend(b"- - ");
            text.extend(path);
            text.push(0);
        }
        text.push(0);
        write_whole(path, &text)
    }

    pub(super) fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes =
            fs::read(path).map_err(|source| CheckpointError::State { path: path.to_owned(), source })?;
        let damaged = || CheckpointError::Damaged(path.to_owned());
        let whole = bytes.strip_suffix(b"\0").filter(|rest| rest.is_empty() || rest.ends_with(b"\0"));
        let mut sums = Self::default();
        for entry in whole.ok_or_else(damaged)?.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let mut words = entry.splitn(3, |byte| *byte == b' ');
            let mut word = || words.next().ok_or_else(damaged);
            let (mode, hash, path) = (word()?, word()?, word()?.to_vec());
            if mode == b"-" {
                sums.not_covered.push(path);
                continue;
            }
            let mode = std::str::from_utf8(mode).ok().and_then(|mode| u32::from_str_radix(mode, 8).ok());
            let hash = String::from_utf8(hash.to_vec()).map_err(|_| damaged())?;
            sums.files.insert(path, Sum { mode: mode.ok_or_else(damaged)?, hash });
        }
        Ok(sums)
    }
}

/// Puts a file in the place of another at once, on the disk.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    let beside = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|source| CheckpointError::State { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_as_written_and_a_cut_file_is_noticed() {
        let folder = std::env::temp_dir().join(format!("forge-edit-{}-sums", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.sums");
        let mut sums = Sums::default();
        sums.files.insert(b"a b\n\xff".to_vec(), Sum { mode: 0o100_640, hash: "00ff".into() });
        sums.not_covered.push(b"target/".to_vec());
        sums.write(&path).unwrap();
        let read = Sums::read(&path).unwrap();
        assert_eq!((&read.files, &read.not_covered), (&sums.files, &sums.not_covered));
        assert!(read.leaves_out(b"target/x") && !read.leaves_out(b"target") && !read.leaves_out(b"targets"));
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(matches!(Sums::read(&path), Err(CheckpointError::Damaged(_))));
        fs::remove_dir_all(&folder).unwrap();
    }
}
