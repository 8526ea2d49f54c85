//! What the edits of a set come to, against one state of the files. Nothing here reads or writes a file by itself.

mod content;
mod refusal;

use std::{collections::HashMap, fmt::Display};

use crate::{
    ladder::MatchStep,
    path::EditPath,
    set::{Action, EditSet, FileEdit},
};

pub use self::refusal::{Refusal, Refused, Why};

/// What a set of edits comes to. All of its hunks were found in the same state of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolved {
    /// One for each path; a file that gets another name has two.
    pub files: Vec<ResolvedFile>,
}

/// What a file was and will be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResolvedFile {
    /// Where it is.
    pub path: EditPath,
    /// Its bytes before; `None` if it was not there.
    pub before: Option<Vec<u8>>,
    /// Its bytes afterwards; `None` if it is to go away.
    pub after: Option<Vec<u8>>,
    /// The file whose mode it gets, where that is another one.
    pub mode_of: Option<EditPath>,
    /// Its hunks in the order of the text.
    pub hunks: Vec<MatchedHunk>,
}

impl Resolved {
    /// Files that no text of a model describes.
    pub fn of(files: Vec<ResolvedFile>) -> Self {
        Self { files }
    }
}

impl ResolvedFile {
    /// A file that is to be other bytes, or not to be there.
    pub fn new(path: EditPath, before: Option<Vec<u8>>, after: Option<Vec<u8>>) -> Self {
        Self { path, before, after, mode_of: None, hunks: Vec::new() }
    }

    /// Whether anything is different afterwards.
    pub fn changes(&self) -> bool {
        self.before != self.after
    }
}

/// Where a hunk was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MatchedHunk {
    /// The line of the text where the hunk begins, from 1.
    pub line: usize,
    /// The first line of the file that it matched, from 1.
    pub at: usize,
    /// What had to be forgiven.
    pub step: MatchStep,
}

/// Finds the place of every hunk of every file. `read` gives the bytes of a file, or `None` where none is.
///
/// Either everything has its place, or all that has none is told at once, in words that can go back to the model.
///
/// ```
/// use forge_edit::{EditFormat, MatchStep, parse, resolve};
///
/// let answer = "src/lib.rs\n<<<<<<< SEARCH\nfn two() -> u8 {\n    3\n=======\nfn two() -> u8 {\n    2\n>>>>>>> REPLACE\n";
/// let set = parse(answer, EditFormat::SearchReplace)?;
/// let file = b"fn two() -> u8 {\r\n    3\r\n}\r\n";
/// let resolved = resolve(&set, |_| Ok::<_, String>(Some(file.to_vec())))?;
/// assert_eq!(resolved.files[0].after.as_deref(), Some(&b"fn two() -> u8 {\r\n    2\r\n}\r\n"[..]));
/// assert_eq!(resolved.files[0].hunks[0].step, MatchStep::LineEndings);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn resolve<E: Display>(
    set: &EditSet,
    mut read: impl FnMut(&EditPath) -> Result<Option<Vec<u8>>, E>,
) -> Result<Resolved, Refused> {
    let mut refusals = Vec::new();
    let mut files = Vec::new();
    let mut taken = Taken::default();
    for edit in &set.files {
        let mut read = |path: &EditPath| read(path).map_err(|why| Why::Unreadable(why.to_string()));
        match one(edit, &mut taken, &mut read) {
            Ok(resolved) => files.extend(resolved),
            Err(whys) => refusals.extend(whys.into_iter().map(|(line, why)| Refusal {
                path: edit.path.clone(),
                line,
                why,
            })),
        }
    }
    if refusals.is_empty() { Ok(Resolved { files }) } else { Err(Refused { refusals }) }
}

/// The paths that edits have, with their lines.
#[derive(Default)]
struct Taken(HashMap<String, (EditPath, usize)>);

impl Taken {
    /// A path that no other edit has, not even by another case.
    fn take(&mut self, path: &str, line: usize) -> Result<EditPath, Why> {
        let path = EditPath::new(path).map_err(Why::Path)?;
        match self.0.insert(path.folded(), (path.clone(), line)) {
            Some((other, first)) if other == path => Err(Why::Twice { first }),
            Some((other, _)) => Err(Why::Case { other: other.to_string() }),
            None => Ok(path),
        }
    }
}

type Whys = Vec<(usize, Why)>;

/// What reads a file by its path.
type Read<'r> = dyn FnMut(&EditPath) -> Result<Option<Vec<u8>>, Why> + 'r;

fn one(edit: &FileEdit, taken: &mut Taken, read: &mut Read<'_>) -> Result<Vec<ResolvedFile>, Whys> {
    let here = |why| vec![(edit.line, why)];
    let path = taken.take(&edit.path, edit.line).map_err(here)?;
    let before = read(&path).map_err(here)?;
    let (after, hunks) = match &edit.action {
        Action::Create { .. } if before.as_ref().is_some_and(|bytes| !bytes.is_empty()) => {
            return Err(here(Why::Exists));
        }
        Action::Create { content } => (Some(content.clone().into_bytes()), Vec::new()),
        Action::Write { content } => (Some(content::written(before.as_deref(), content)), Vec::new()),
        Action::Update { hunks } => {
            let old = before.as_ref().ok_or_else(|| here(Why::Missing))?;
            let (after, hunks) = content::updated(old, hunks, edit.line)?;
            (Some(after), hunks)
        }
        Action::Delete { hunks } => {
            let old = before.as_ref().ok_or_else(|| here(Why::Missing))?;
            let (left, matched) = content::updated(old, hunks, edit.line)?;
            if !hunks.is_empty() && !left.is_empty() {
                return Err(here(Why::NotAll));
            }
            (None, matched)
        }
        Action::Move { to, hunks } => {
            let old = before.ok_or_else(|| here(Why::Missing))?;
            let to = taken.take(to, edit.line).map_err(here)?;
            if read(&to).map_err(here)?.is_some() {
                return Err(here(Why::Exists));
            }
            let (after, hunks) = content::updated(&old, hunks, edit.line)?;
            return Ok(moved(path, old, to, after, hunks));
        }
    };
    Ok(vec![ResolvedFile { path, before, after, mode_of: None, hunks }])
}

/// The file under its new name, and none under the old one.
fn moved(
    from: EditPath,
    old: Vec<u8>,
    to: EditPath,
    new: Vec<u8>,
    hunks: Vec<MatchedHunk>,
) -> Vec<ResolvedFile> {
    let gone =
        ResolvedFile { path: from.clone(), before: Some(old), after: None, mode_of: None, hunks: Vec::new() };
    vec![ResolvedFile { path: to, before: None, after: Some(new), mode_of: Some(from), hunks }, gone]
}

#[cfg(test)]
mod tests;
