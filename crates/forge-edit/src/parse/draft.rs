//! The edits found so far, with their places.

use std::{collections::HashMap, ops::Range};

use crate::set::{Action, EditSet, FileEdit, Span};

use super::source::Source;

/// The edits found so far, with their places.
#[derive(Debug)]
pub(super) struct Draft<'s, 't> {
    source: &'s Source<'t>,
    files: Vec<FileEdit>,
    spans: Vec<Span>,
    /// Where the edits of a path are.
    known: HashMap<String, usize>,
    /// The first line that belongs to no span yet.
    next: usize,
}

impl<'s, 't> Draft<'s, 't> {
    pub(super) fn new(source: &'s Source<'t>) -> Self {
        Self { source, files: Vec::new(), spans: Vec::new(), known: HashMap::new(), next: 0 }
    }

    /// An edit that these lines make; what stands before them and is part of no other edit is prose.
    pub(super) fn edit(&mut self, lines: Range<usize>, path: &str, action: Action) {
        let index = self.file(lines.start + 1, path, action);
        self.span(self.next..lines.start, None);
        self.span(lines.start..lines.end, Some(index));
        self.next = lines.end;
    }

    pub(super) fn finish(mut self) -> EditSet {
        self.span(self.next..self.source.len(), None);
        EditSet { files: self.files, spans: self.spans }
    }

    fn span(&mut self, lines: Range<usize>, edit: Option<usize>) {
        let bytes = self.source.start(lines.start)..self.source.start(lines.end);
        if !bytes.is_empty() {
            self.spans.push(Span { bytes, edit });
        }
    }

    /// The place of the edit in the set: updates of one file are one edit.
    fn file(&mut self, line: usize, path: &str, action: Action) -> usize {
        let known = self.known.get(path).copied();
        if let (Some(known), Action::Update { hunks: more }) = (known, &action)
            && let Action::Update { hunks } = &mut self.files[known].action
        {
            hunks.extend_from_slice(more);
            return known;
        }
        self.known.entry(path.to_owned()).or_insert(self.files.len());
        self.files.push(FileEdit { path: path.to_owned(), line, action });
        self.files.len() - 1
    }
}
