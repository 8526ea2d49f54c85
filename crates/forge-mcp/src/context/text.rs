//! Answers as models read them: a line for each row, in few tokens.

use std::fmt::Write as _;

use forge::prompt::clean;
use forge_index::{Impact, Map, Outline, Reached, Row, Rows, Status};

/// Characters of a line of code or of documentation.
const LINE: usize = 160;

pub(super) fn map(map: &Map) -> String {
    let more = if map.more == 0 { String::new() } else { format!("; {} more files", map.more) };
    finish(&map.status, &more, &map.text)
}

pub(super) fn rows(rows: &Rows) -> String {
    if rows.rows.is_empty() {
        return finish(&rows.status, "", "nothing is found\n");
    }
    let text: String = rows.rows.iter().map(|row| line(row, "")).collect();
    finish(&rows.status, &more(rows.more), &text)
}

pub(super) fn outline(outline: &Outline) -> String {
    let mut text = format!("{} ({})\n", outline.path, outline.language);
    if !outline.doc.is_empty() {
        let _ = writeln!(text, "  {}", cut(&outline.doc));
    }
    for item in &outline.items {
        let Row { line, kind, text: head, doc, .. } = &item.row;
        let inset = "  ".repeat(item.depth);
        let _ = writeln!(text, "{line}: {inset}{kind} {}", cut(head));
        if !doc.is_empty() {
            let _ = writeln!(text, "    {inset}{}", cut(doc));
        }
    }
    finish(
        &outline.status,
        if outline.items.iter().any(|item| item.row.stale) { "; stale" } else { "" },
        &text,
    )
}

pub(super) fn impact(impact: &Impact) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "Changed:");
    impact.changed.iter().for_each(|row| text.push_str(&line(row, "")));
    for (title, list) in [("Callers", &impact.callers), ("Tests", &impact.tests)] {
        let _ = writeln!(text, "{title}:{}", if list.is_empty() { " none is known" } else { "" });
        for Reached { depth, via, row, .. } in list {
            text.push_str(&line(row, &format!(" depth {depth} over {via}")));
        }
    }
    if !impact.owners.is_empty() {
        text.push_str("Owners:\n");
        for owned in &impact.owners {
            let _ = writeln!(text, "{}: {}", owned.path, owned.owners.join(" "));
        }
    }
    if !impact.unknown.is_empty() {
        let _ = writeln!(text, "Not in the index: {}", impact.unknown.join(", "));
    }
    finish(&impact.status, &more(impact.more), &text)
}

/// Such as `src/a.rs:12 function exact in Engine | pub fn run()`.
fn line(row: &Row, note: &str) -> String {
    let Row { path, line, kind, confidence, .. } = row;
    let stale = if row.stale { " stale" } else { "" };
    let inside = row.enclosing.as_ref().map(|inside| format!(" in {inside}")).unwrap_or_default();
    let mut text = format!("{path}:{line} {kind} {confidence}{stale}{note}{inside} | {}\n", cut(&row.text));
    if !row.doc.is_empty() {
        let _ = writeln!(text, "  {}", cut(&row.doc));
    }
    text
}

fn more(more: usize) -> String {
    if more == 0 { String::new() } else { format!("; {more} more rows, ask for less") }
}

/// The state of the code that all rows are of, and the rows. What could hide in names and lines is taken out.
fn finish(status: &Status, note: &str, text: &str) -> String {
    clean(&format!("revision {}; {} files{note}\n{text}", status.revision, status.files)).into_owned()
}

fn cut(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LINE) {
        line.truncate(end);
        line.push('…');
    }
    line
}
