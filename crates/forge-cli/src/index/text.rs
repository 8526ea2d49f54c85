//! Answers as people read them.

use std::fmt::Write as _;

use forge_index::{Impact, Outline, Reached, Row, Rows};

use crate::layout;

/// Columns of a line of code in a table.
const CODE: usize = 100;

/// Rows under headings.
pub(super) fn rows(rows: &Rows) -> String {
    if rows.rows.is_empty() {
        return "nothing is found\n".to_owned();
    }
    let lines: Vec<_> = rows.rows.iter().map(|row| line(row, row.confidence.as_str().to_owned())).collect();
    table(&["PLACE", "KIND", "SURE", "IN", "TEXT"], &lines, rows.more)
}

fn line(row: &Row, third: String) -> Vec<String> {
    let stale = if row.stale { " (changed since)" } else { "" };
    vec![
        format!("{}:{}{stale}", row.path, row.line),
        row.kind.to_string(),
        third,
        row.enclosing.clone().unwrap_or_default(),
        layout::cut(&row.text, CODE).into_owned(),
    ]
}

fn table(headings: &[&str], lines: &[Vec<String>], more: usize) -> String {
    let more =
        if more == 0 { String::new() } else { format!("and {more} more; `--limit` shows more of them\n") };
    format!("{}{more}", layout::table(headings, &[], lines))
}

/// A line for each definition, set in by what is around it, with its documentation behind.
pub(super) fn outline(outline: &Outline) -> String {
    let doc = if outline.doc.is_empty() { String::new() } else { format!("  {}\n", outline.doc) };
    let items = outline.items.iter().map(|item| {
        let row = &item.row;
        let inset = "  ".repeat(item.depth);
        let doc = if row.doc.is_empty() { String::new() } else { format!("  {inset}         {}\n", row.doc) };
        format!("  {:>6}  {inset}{}\n{doc}", row.line, row.text)
    });
    format!("{} ({})\n{doc}{}", outline.path, outline.language, items.collect::<String>())
}

/// What is changed, what uses it, which tests do, who owns it.
pub(super) fn impact(impact: &Impact) -> String {
    let changed: Vec<_> = impact.changed.iter().map(|row| line(row, String::new())).collect();
    let mut text = String::new();
    if !changed.is_empty() {
        let _ = write!(text, "Changed:\n{}", table(&["PLACE", "KIND", "", "IN", "TEXT"], &changed, 0));
    }
    for (title, list) in [("Callers", &impact.callers), ("Tests", &impact.tests)] {
        if list.is_empty() {
            let _ = writeln!(text, "\n{title}: none is known");
            continue;
        }
        let lines: Vec<_> = list.iter().map(reached).collect();
        let _ = write!(
            text,
            "\n{title}:\n{}",
            layout::table(&["PLACE", "DEPTH", "SURE", "USES", "TEXT"], &[1], &lines)
        );
    }
    if impact.more > 0 {
        let _ = writeln!(text, "and {} more; `--limit` shows more of them", impact.more);
    }
    if !impact.owners.is_empty() {
        let lines: Vec<_> =
            impact.owners.iter().map(|one| vec![one.path.clone(), one.owners.join(" ")]).collect();
        let _ = write!(text, "\nOwners:\n{}", layout::table(&["PATH", "OWNERS"], &[], &lines));
    }
    if !impact.unknown.is_empty() {
        let _ = writeln!(text, "\nNot in the index: {}", impact.unknown.join(", "));
    }
    text
}

fn reached(one: &Reached) -> Vec<String> {
    let row = &one.row;
    vec![
        format!("{}:{}", row.path, row.line),
        one.depth.to_string(),
        row.confidence.to_string(),
        one.via.clone(),
        layout::cut(&row.text, CODE).into_owned(),
    ]
}
