//! From what is known to rows.

use std::collections::HashMap;

use crate::{
    facts::{Def, Head, Ref},
    index::Index,
    kind::{Confidence, Kind},
    row::{Row, Rows},
};

/// The row of a definition.
pub(super) fn of_def(
    index: &Index,
    path: &str,
    head: &Head<'_>,
    def: &Def<&str>,
    confidence: Confidence,
) -> Row {
    Row {
        path: path.to_owned(),
        line: def.lines.0,
        end_line: def.lines.1,
        kind: def.kind,
        name: head.name(def.name).to_owned(),
        enclosing: around(head, def),
        text: def.signature.to_owned(),
        doc: def.doc.to_owned(),
        confidence,
        revision: index.status().revision.clone(),
        stale: false,
    }
}

/// The type, module or function around a definition.
fn around(head: &Head<'_>, def: &Def<&str>) -> Option<String> {
    let parent = || head.def(def.parent).map(|parent| head.name(parent.name));
    def.owner.map(|owner| head.name(owner)).or_else(parent).map(str::to_owned)
}

/// The row of a use, whose text is put in by [`with_texts`].
pub(super) fn of_ref(index: &Index, path: &str, head: &Head<'_>, one: &Ref, confidence: Confidence) -> Row {
    let inside = head.def(one.inside).map(|def| {
        let around = around(head, def).map(|around| around + "::").unwrap_or_default();
        // An `impl` is called like its type.
        if def.kind == Kind::Impl { head.name(def.name).to_owned() } else { around + head.name(def.name) }
    });
    Row {
        path: path.to_owned(),
        line: one.line,
        end_line: one.line,
        kind: one.kind,
        name: head.name(one.name).to_owned(),
        enclosing: inside,
        text: String::new(),
        doc: String::new(),
        confidence,
        revision: index.status().revision.clone(),
        stale: false,
    }
}

/// The surest first, then by place; no more than an answer may have.
pub(super) fn ranked(index: &Index, mut rows: Vec<Row>) -> Rows {
    rows.sort_by(|one, other| {
        let key = |row: &Row| (row.confidence, row.line, row.kind);
        (one.confidence, &one.path)
            .cmp(&(other.confidence, &other.path))
            .then_with(|| key(one).cmp(&key(other)))
    });
    rows.dedup();
    let more = rows.len().saturating_sub(index.options.max_rows);
    rows.truncate(index.options.max_rows);
    with_texts(index, &mut rows);
    index.mark_stale(&mut rows);
    Rows { rows, more, status: index.status().clone() }
}

/// Puts the lines in that rows of uses show.
fn with_texts(index: &Index, rows: &mut [Row]) {
    const LONGEST: usize = 200;
    let mut files: HashMap<String, Vec<String>> = HashMap::new();
    for row in rows.iter_mut().filter(|row| row.text.is_empty() && !row.kind.is_definition()) {
        let lines = files.entry(row.path.clone()).or_insert_with_key(|path| index.lines(path));
        let at = usize::try_from(row.line).unwrap_or(0).saturating_sub(1);
        let line = lines.get(at).map_or("", |line| line.trim());
        line.get(..line.floor_char_boundary(LONGEST)).unwrap_or_default().clone_into(&mut row.text);
    }
}
