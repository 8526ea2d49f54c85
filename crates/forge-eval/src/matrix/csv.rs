//! Matrices as comma-separated values (RFC 4180).

use std::collections::BTreeMap;

use super::{Matrix, MatrixError, MatrixIssue};

/// Columns that are no participants.
const CHANGE: [&str; 3] = ["change", "document", "pr"];
const ISSUE: [&str; 2] = ["issue", "fault"];
const SEVERITY: &str = "severity";

/// A table with the line of each row.
struct Table {
    header: Vec<String>,
    rows: Vec<(usize, Vec<String>)>,
}

pub(super) fn matrix(file: &str, text: &str) -> Result<Matrix, MatrixError> {
    let table = table(file, text)?;
    let is_participant = |name: &str| !CHANGE.contains(&name) && !ISSUE.contains(&name) && name != SEVERITY;
    let participants: Vec<String> =
        table.header.iter().filter(|name| is_participant(name)).cloned().collect();
    let column = |names: &[&str]| table.header.iter().position(|name| names.contains(&name.as_str()));
    let (change, issue, severity) = (column(&CHANGE), column(&ISSUE), column(&[SEVERITY]));
    let mut issues = Vec::new();
    for (line, row) in &table.rows {
        let mut found_by = Vec::new();
        for (name, cell) in table.header.iter().zip(row).filter(|(name, _)| is_participant(name)) {
            match cell.to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" => found_by.push(name.clone()),
                "0" | "false" | "no" => {}
                _ => {
                    let what =
                        format!("{name} has {cell:?}; write 1 where it found the issue and 0 where not");
                    return Err(form(file, *line, what));
                }
            }
        }
        let of = |column: Option<usize>| {
            column.and_then(|at| row.get(at)).filter(|cell| !cell.is_empty()).cloned()
        };
        issues.push(MatrixIssue {
            change: of(change),
            issue: of(issue).unwrap_or_default(),
            severity: of(severity),
            found_by,
        });
    }
    Ok(Matrix { participants, issues, false_claims: None })
}

/// Counts by change and participant; columns of others are left out.
pub(super) fn false_claims(
    file: &str,
    text: &str,
    participants: &[String],
) -> Result<BTreeMap<String, BTreeMap<String, u64>>, MatrixError> {
    let table = table(file, text)?;
    let column = |names: &[&str]| table.header.iter().position(|name| names.contains(&name.as_str()));
    let Some(change) = column(&CHANGE) else {
        return Err(form(
            file,
            1,
            "there is no column `change`, which says where the claims were made".to_owned(),
        ));
    };
    let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for one in participants {
        let Some(at) = column(&[one]) else {
            return Err(form(file, 1, format!("there is no column `{one}`; each participant needs one")));
        };
        for (line, row) in &table.rows {
            let (cell, of) =
                (row.get(at).map_or("", String::as_str), row.get(change).cloned().unwrap_or_default());
            let Ok(count) = cell.parse::<u64>() else {
                return Err(form(
                    file,
                    *line,
                    format!("{one} has {cell:?}; write how many claims match no issue"),
                ));
            };
            *counts.entry(of).or_default().entry(one.clone()).or_default() += count;
        }
    }
    Ok(counts)
}

fn form(file: &str, line: usize, what: String) -> MatrixError {
    MatrixError::Form { file: file.to_owned(), line, what }
}

fn table(file: &str, text: &str) -> Result<Table, MatrixError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rows = rows(text).filter(|(_, row)| row.iter().any(|cell| !cell.is_empty()));
    let Some((_, header)) = rows.next() else {
        let what =
            "the file is empty; begin with the names of the columns: change, issue, severity, participants";
        return Err(form(file, 1, what.to_owned()));
    };
    let rows: Vec<_> = rows.collect();
    match rows.iter().find(|(_, row)| row.len() != header.len()) {
        Some((line, row)) => {
            let what = format!("the row has {} cells, and there are {} columns", row.len(), header.len());
            Err(form(file, *line, what))
        }
        None => Ok(Table { header, rows }),
    }
}

/// The rows with their lines. A cell in quotation marks may hold commas, line breaks and, doubled, quotation marks.
fn rows(text: &str) -> impl Iterator<Item = (usize, Vec<String>)> {
    let (mut chars, mut line) = (text.chars().peekable(), 1);
    std::iter::from_fn(move || {
        chars.peek()?;
        let (first, mut row, mut cell, mut quoted) = (line, Vec::new(), String::new(), false);
        while let Some(c) = chars.next() {
            line += usize::from(c == '\n');
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut cell).trim().to_owned()),
                '\n' if !quoted => break,
                c => cell.push(c),
            }
        }
        row.push(cell.trim().to_owned());
        Some((first, row))
    })
}
