//! The files of a batch.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::error::BatchError;

/// The most bytes of a line: as much as a request of its own may have.
const MAX_LINE: u64 = 100 * 1024 * 1024;

/// The bytes of input after which a segment takes no further line, so that memory holds little of an input of long lines.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// The input, by its segments.
#[derive(Debug)]
pub(super) struct Input {
    path: PathBuf,
    pub(super) sha256: String,
    segments: Vec<Place>,
}

/// Where a segment is in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    offset: u64,
    bytes: u64,
    /// The lines before it.
    first: u64,
    lines: u64,
}

impl Input {
    /// Reads all of the input once. Blank lines are no lines. Equal files give equal segments.
    pub(super) fn scan(path: &Path, segment_lines: u64) -> Result<Self, BatchError> {
        let mut reader = Lines::open(path)?;
        let (mut segments, mut place, mut sha256) = (Vec::new(), Place::default(), Sha256::new());
        while let Some(line) = reader.next()? {
            sha256.update(line);
            place.bytes += line.len() as u64;
            place.lines += u64::from(!line.trim_ascii().is_empty());
            if place.lines >= segment_lines || place.bytes >= SEGMENT_BYTES {
                let (offset, first) = (place.offset + place.bytes, place.first + place.lines);
                segments.push(place);
                place = Place { offset, first, ..Place::default() };
            }
        }
        segments.push(place);
        segments.retain(|place| place.lines > 0);
        if segments.is_empty() {
            return Err(BatchError::Empty(path.to_owned()));
        }
        let sha256 = hex(&sha256.finalize());
        Ok(Self { path: path.to_owned(), sha256, segments })
    }

    pub(super) fn lines(&self) -> u64 {
        self.segments.iter().map(|place| place.lines).sum()
    }

    /// How many segments it has.
    pub(super) fn segments(&self) -> usize {
        self.segments.len()
    }

    /// The number of the first line of a segment, from 1, and its lines.
    pub(super) fn read(&self, segment: usize) -> Result<(u64, Vec<Vec<u8>>), BatchError> {
        let place = self.segments.get(segment).copied().unwrap_or_default();
        let mut reader = Lines::open(&self.path)?;
        reader.seek(place.offset)?;
        let (mut lines, mut left) = (Vec::new(), place.bytes);
        while left > 0
            && let Some(line) = reader.next()?
        {
            left = left.saturating_sub(line.len() as u64);
            let line = line.trim_ascii();
            if !line.is_empty() {
                lines.push(line.to_owned());
            }
        }
        if lines.len() as u64 != place.lines {
            return Err(BatchError::Changed(self.path.clone()));
        }
        Ok((place.first + 1, lines))
    }
}

/// Reads a file line by line, each with its end.
struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, BatchError> {
        let file = File::open(path).map_err(|error| failed(path, "read", error))?;
        Ok(Self { path: path.to_owned(), reader: BufReader::new(file), line: Vec::new(), number: 0 })
    }

    fn seek(&mut self, offset: u64) -> Result<(), BatchError> {
        self.reader.seek(SeekFrom::Start(offset)).map_err(|error| failed(&self.path, "read", error))?;
        Ok(())
    }

    fn next(&mut self) -> Result<Option<&[u8]>, BatchError> {
        self.line.clear();
        let mut bounded = (&mut self.reader).take(MAX_LINE + 1);
        let read = bounded.read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| failed(&self.path, "read", error))? as u64;
        self.number += 1;
        if read > MAX_LINE {
            return Err(BatchError::Long { path: self.path.clone(), line: self.number, most: MAX_LINE });
        }
        Ok((read > 0).then_some(&*self.line))
    }
}

/// The output: `PATH.part` while it grows, and its own name when it is complete.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) path: PathBuf,
    pub(super) part: PathBuf,
}

impl Output {
    /// The output at this path, in a folder that is there.
    pub(super) fn at(path: &Path) -> Result<Self, BatchError> {
        let missing = || io::Error::new(io::ErrorKind::InvalidInput, "the path names no file");
        let name = path.file_name().ok_or_else(|| failed(path, "written", missing()))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        let folder = folder.canonicalize().map_err(|error| failed(path, "written", error))?;
        let mut part = name.to_owned();
        part.push(".part");
        Ok(Self { path: folder.join(name), part: folder.join(part) })
    }

    /// The name of the batch with this output: the same for every spelling of its path.
    pub(super) fn name(&self) -> String {
        let digest = Sha256::digest(self.path.as_os_str().as_encoded_bytes());
        format!("batch-{}", hex(&digest[..8]))
    }

    pub(super) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Whether what was written is still there.
    pub(super) fn check(&self, expected: u64) -> Result<(), BatchError> {
        // It may have its name already, where the last run died before it could say so.
        let len = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        let found = len(&self.part);
        if found >= expected || len(&self.path) == expected {
            return Ok(());
        }
        Err(BatchError::Damaged { path: self.part.clone(), found, expected })
    }

    /// Where the lines of each segment begin in the complete output.
    pub(super) fn segments(&self, input: &Input) -> Result<Vec<u64>, BatchError> {
        let (mut reader, mut offsets, mut offset) = (Lines::open(&self.path)?, Vec::new(), 0);
        for place in &input.segments {
            offsets.push(offset);
            for _ in 0..place.lines {
                let line = reader.next()?.ok_or_else(|| BatchError::OtherInput(self.path.clone()))?;
                offset += line.len() as u64;
            }
        }
        match reader.next()? {
            None => Ok(offsets),
            Some(_) => Err(BatchError::OtherInput(self.path.clone())),
        }
    }

    /// So many lines of the complete output, from `offset` on.
    pub(super) fn read(&self, offset: u64, count: usize) -> Result<Vec<String>, BatchError> {
        let mut reader = Lines::open(&self.path)?;
        reader.seek(offset)?;
        let mut lines = Vec::with_capacity(count);
        while lines.len() < count {
            let line = reader.next()?.ok_or_else(|| BatchError::OtherInput(self.path.clone()))?;
            lines.push(String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
        }
        Ok(lines)
    }

    /// Puts lines behind the first `before` bytes and makes them last; returns the bytes with them. What a run that died wrote
    /// behind these goes.
    pub(super) fn append<'a>(
        &self,
        before: u64,
        lines: impl Iterator<Item = &'a str>,
    ) -> Result<u64, BatchError> {
        self.check(before)?;
        let appended = || -> io::Result<u64> {
            let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&self.part)?;
            file.set_len(before)?;
            let mut bytes = file.seek(SeekFrom::End(0))?;
            let mut writer = BufWriter::new(file);
            for line in lines {
                writer.write_all(line.as_bytes())?;
                writer.write_all(b"\n")?;
                bytes += line.len() as u64 + 1;
            }
            writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?;
            Ok(bytes)
        };
        appended().map_err(|error| failed(&self.part, "written", error))
    }

    /// Gives the output its name, unless an earlier run did and died before it could say so.
    pub(super) fn finish(&self, bytes: u64) -> Result<(), BatchError> {
        let finished = || -> io::Result<()> {
            if self.part.exists() {
                fs::rename(&self.part, &self.path)?;
            }
            if let Some(folder) = self.path.parent().filter(|_| cfg!(unix)) {
                File::open(folder)?.sync_all()?;
            }
            Ok(())
        };
        self.check(bytes)?;
        finished().map_err(|error| failed(&self.path, "written", error))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn failed(path: &Path, doing: &'static str, source: io::Error) -> BatchError {
    BatchError::Io { path: path.to_owned(), doing, source }
}
