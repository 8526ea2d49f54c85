//! What a worker has shown, in files that do not grow without end.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use crate::{home::WorkerPlace, private, status};

/// The size at which a file makes way for the next.
pub const OUTPUT_SIZE: u64 = 16 * 1024 * 1024;

/// How many files there are at most.
const FILES: u32 = 3;

/// Copies `input` to its end into the file, which at `size` bytes becomes `NAME.1`, that one `NAME.2`.
///
/// # Errors
///
/// Where the input cannot be read. A full disk loses output and stops nothing.
pub fn keep_output(mut input: impl Read, path: &Path, size: u64) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut open: Option<(File, u64)> = None;
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        if open.as_ref().is_some_and(|(_, length)| *length >= size) {
            open = None;
            rotate(path);
        }
        if open.is_none() {
            open = append(path).ok();
        }
        if let Some((file, length)) = &mut open {
            // A pane is not held up by a full disk.
            match file.write_all(&buffer[..read]) {
                Ok(()) => *length += read as u64,
                Err(_) => open = None,
            }
        }
    }
}

fn append(path: &Path) -> io::Result<(File, u64)> {
    let file = private::open(path, OpenOptions::new().append(true).create(true), OFlags::empty())?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

fn rotate(path: &Path) {
    for number in (1..FILES).rev() {
        let from = if number == 1 { path.to_owned() } else { numbered(path, number - 1) };
        let _ = fs::rename(from, numbered(path, number));
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// The last bytes that a worker has shown, at most `most`; none where it has shown nothing.
#[must_use]
pub fn last_output(place: &WorkerPlace, most: u64) -> Vec<u8> {
    status::tail(&place.output(), most).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_makes_way_and_the_oldest_goes() {
        let folder = std::env::temp_dir().join(format!("forge-output-{}", std::process::id()));
        private::folder(&folder).unwrap();
        let path = folder.join("out.log");
        let mut input = Chunks(vec!["a", "b", "c", "d"]);
        keep_output(&mut input, &path, 1).unwrap();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(
            (read("out.log"), read("out.log.1"), read("out.log.2")),
            ("d".into(), "c".into(), "b".into())
        );
        assert!(!folder.join("out.log.3").exists());
        fs::remove_dir_all(&folder).unwrap();
    }

    struct Chunks(Vec<&'static str>);

    impl Read for Chunks {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(text) = (!self.0.is_empty()).then(|| self.0.remove(0)) else { return Ok(0) };
            buffer[..text.len()].copy_from_slice(text.as_bytes());
            Ok(text.len())
        }
    }
}
