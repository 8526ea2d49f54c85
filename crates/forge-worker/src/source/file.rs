//! The lines of `issues.jsonl`.

use std::{
    collections::{BTreeMap, HashMap},
    str,
};

use serde_json::Value;

use crate::bead::{Bead, BeadId};

/// What stands in an `issues.jsonl`, line by line. Bytes that are not changed come out as they went in.
#[derive(Clone, Debug, Default)]
pub struct BeadFile {
    /// A byte order mark in front.
    marked: bool,
    lines: Vec<Line>,
    /// Where the line of each bead is; of several, the one that counts.
    places: HashMap<BeadId, usize>,
}

#[derive(Clone, Debug)]
struct Line {
    text: String,
    /// What ends it: `\n`, `\r\n`, or nothing at the end of the file.
    end: &'static str,
    bead: Option<Bead>,
}

/// An id that stands in several lines. The one with the newest `updated_at` counts, of equal ones the last.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Duplicate {
    /// The id.
    pub id: BeadId,
    /// The numbers of its lines, from 1.
    pub lines: Vec<usize>,
}

/// Why the lines cannot be used. Nothing is guessed: a file that is half written or half merged is left alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BeadFileError {
    /// The line is not UTF-8.
    #[error("line {line} is not UTF-8")]
    NotText {
        /// The number of the line, from 1.
        line: usize,
    },
    /// A merge was not finished.
    #[error("line {line} is the mark of a conflict: finish the merge, then try again")]
    Conflict {
        /// The number of the line, from 1.
        line: usize,
    },
    /// The last line breaks off.
    #[error("line {line} breaks off: another program may be writing the file; try again when it has ended")]
    Half {
        /// The number of the line, from 1.
        line: usize,
    },
    /// The line holds no object of JSON, or a bead without an id.
    #[error("line {line} is no record: {why}")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

const MARK: &[u8] = b"\xef\xbb\xbf";
const CONFLICTS: [&str; 4] = ["<<<<<<<", "=======", ">>>>>>>", "|||||||"];

impl BeadFile {
    /// Reads the bytes of a file.
    ///
    /// # Errors
    ///
    /// Says which line cannot be used, and why; see [`BeadFileError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BeadFileError> {
        let (marked, bytes) = bytes.strip_prefix(MARK).map_or((false, bytes), |rest| (true, rest));
        let lines = bytes.split_inclusive(|byte| *byte == b'\n').zip(1..);
        let lines: Vec<_> =
            lines.map(|(bytes, number)| Line::parse(bytes, number)).collect::<Result<_, _>>()?;
        let mut file = Self { marked, lines, places: HashMap::new() };
        for at in 0..file.lines.len() {
            file.note(at);
        }
        Ok(file)
    }

    fn note(&mut self, at: usize) {
        let Some(bead) = &self.lines[at].bead else { return };
        let counts = |before: &usize| {
            let before = self.lines[*before].bead.as_ref();
            before.is_none_or(|before| before.updated_at <= bead.updated_at)
        };
        if self.places.get(&bead.id).is_none_or(counts) {
            self.places.insert(bead.id.clone(), at);
        }
    }

    /// The beads, each once, in the order of their lines.
    pub fn beads(&self) -> impl Iterator<Item = &Bead> {
        self.records().filter_map(|(bead, _)| bead)
    }

    /// The bead of this id.
    #[must_use]
    pub fn bead(&self, id: &BeadId) -> Option<&Bead> {
        self.places.get(id).and_then(|at| self.lines[*at].bead.as_ref())
    }

    /// Ids that stand in several lines, in order.
    #[must_use]
    pub fn duplicates(&self) -> Vec<Duplicate> {
        let mut lines: BTreeMap<&BeadId, Vec<usize>> = BTreeMap::new();
        for (line, number) in self.lines.iter().zip(1..) {
            if let Some(bead) = &line.bead {
                lines.entry(&bead.id).or_default().push(number);
            }
        }
        let several = lines.into_iter().filter(|(_, lines)| lines.len() > 1);
        several.map(|(id, lines)| Duplicate { id: id.clone(), lines }).collect()
    }

    /// The line of a bead, without its end.
    #[must_use]
    pub fn line(&self, id: &BeadId) -> Option<&str> {
        self.places.get(id).map(|at| &*self.lines[*at].text)
    }

    /// The lines that hold records, without their ends: of each bead the one that counts, and records of other kinds.
    pub fn records(&self) -> impl Iterator<Item = (Option<&Bead>, &str)> {
        let counts = |(at, line): &(usize, &Line)| {
            !line.text.trim().is_empty()
                && line.bead.as_ref().is_none_or(|bead| self.places.get(&bead.id) == Some(at))
        };
        self.lines.iter().enumerate().filter(counts).map(|(_, line)| (line.bead.as_ref(), &*line.text))
    }

    /// Puts a line in the place of the one of this bead, or behind the last one. Other lines keep their bytes.
    ///
    /// # Errors
    ///
    /// Where the text is no line with a bead.
    pub fn put(&mut self, text: &str) -> Result<(), BeadFileError> {
        let mut line = Line::parse(text.as_bytes(), self.lines.len() + 1)?;
        let known = line.bead.as_ref().and_then(|bead| self.places.get(&bead.id)).copied();
        let at = known.unwrap_or(self.lines.len());
        line.end = match self.lines.get(at) {
            Some(before) => before.end,
            // A file keeps the ends of lines that it has.
            None => {
                self.lines.first().map_or("\n", |first| if first.end.is_empty() { "\n" } else { first.end })
            }
        };
        match self.lines.get_mut(at) {
            Some(before) => *before = line,
            None => {
                if let Some(last) = self.lines.last_mut().filter(|last| last.end.is_empty()) {
                    last.end = line.end;
                }
                self.lines.push(line);
            }
        }
        self.note(at);
        Ok(())
    }

    /// The bytes of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mark = if self.marked { MARK } else { &[] };
        let lines = self.lines.iter().flat_map(|line| [line.text.as_bytes(), line.end.as_bytes()]);
        [mark].into_iter().chain(lines).flatten().copied().collect()
    }

    /// The records as they are handed on: beads by their ids and then records of other kinds by their text, each ending in a
    /// line feed.
    #[must_use]
    pub fn export(&self) -> String {
        let mut records: Vec<_> =
            self.records().map(|(bead, text)| (bead.map(|bead| &bead.id), text)).collect();
        records.sort_by_key(|(id, text)| (id.is_none(), *id, *text));
        records.into_iter().flat_map(|(_, text)| [text, "\n"]).collect()
    }
}

impl Line {
    fn parse(bytes: &[u8], line: usize) -> Result<Self, BeadFileError> {
        let text = str::from_utf8(bytes).map_err(|_| BeadFileError::NotText { line })?;
        let (text, end) = match (text.strip_suffix("\r\n"), text.strip_suffix('\n')) {
            (Some(text), _) => (text, "\r\n"),
            (None, Some(text)) => (text, "\n"),
            (None, None) => (text, ""),
        };
        if CONFLICTS.iter().any(|mark| text.starts_with(mark)) {
            return Err(BeadFileError::Conflict { line });
        }
        let bead = if text.trim().is_empty() { None } else { record(text, end, line)? };
        Ok(Self { text: text.to_owned(), end, bead })
    }
}

/// The bead of a line; `None` for a record of another kind, which passes through.
fn record(text: &str, end: &str, line: usize) -> Result<Option<Bead>, BeadFileError> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let is_half = error.is_eof() && end.is_empty();
        if is_half {
            BeadFileError::Half { line }
        } else {
            BeadFileError::Line { line, why: error.to_string() }
        }
    })?;
    let Value::Object(object) = value else {
        return Err(BeadFileError::Line { line, why: "it holds no object".to_owned() });
    };
    match object.get("_type").and_then(Value::as_str) {
        None | Some("issue") => Bead::read(&object)
            .map(Some)
            .map_err(|error| BeadFileError::Line { line, why: error.to_string() }),
        Some(_) => Ok(None),
    }
}
