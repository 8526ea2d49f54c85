//! Lines that a critic wants in the place of the quoted ones, where they fit exactly.

use forge_edit::{Action, EditSet, FileEdit, Hunk, MatchStep, resolve};

use super::finding::{Fix, Place, Side};

/// The one fenced block of a suggestion; `None` where there is none, or several.
fn block(suggested: &str) -> Option<Vec<String>> {
    let lines: Vec<&str> = suggested.lines().collect();
    let fence = |line: &str| line.trim_start().starts_with("```");
    let at: Vec<usize> = lines.iter().enumerate().filter(|(_, line)| fence(line)).map(|(at, _)| at).collect();
    match at.as_slice() {
        [first, last] => Some(lines[first + 1..*last].iter().map(|line| (*line).to_owned()).collect()),
        _ => None,
    }
}

/// The change to make at `place`, whose lines are `old`, if the suggestion has one and it applies as it is. `file` is the text
/// of the file afterwards.
pub(crate) fn fix(suggested: &str, place: &Place, old: &[String], file: &str) -> Option<Fix> {
    let new = block(suggested)?;
    let trimmed = |line: &String| line.trim_end_matches('\r').to_owned();
    let old: Vec<String> = old.iter().map(trimmed).collect();
    // A quote of blank lines between others is shorter than its place.
    let is_whole = (place.end_line - place.line) as usize + 1 == old.len();
    if place.side == Side::Old || new == old || !is_whole {
        return None;
    }
    let before: Vec<&str> = old.iter().map(String::as_str).collect();
    let after: Vec<&str> = new.iter().map(String::as_str).collect();
    let hunk = Hunk::replacing(1, &before, &after);
    let edit = FileEdit::new(place.path.clone(), 1, Action::Update { hunks: vec![hunk] });
    let bytes = file.as_bytes().to_vec();
    let resolved = resolve(&EditSet::of(vec![edit]), |_| Ok::<_, String>(Some(bytes.clone()))).ok()?;
    let matched = resolved.files.first()?.hunks.first()?;
    let is_exact = matched.step == MatchStep::Exact && matched.at == place.line as usize;
    is_exact.then_some(Fix { old, new })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "fn a() {\n    one();\n    two();\n}\n";

    fn place(line: u32, end_line: u32) -> Place {
        Place::new("a.rs", line, end_line)
    }

    #[test]
    fn only_lines_that_fit_exactly_are_a_fix() {
        let old = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let suggested = "Call it twice:\n```rust\n    two();\n    two();\n```\n";
        let found = fix(suggested, &place(3, 3), &old(&["    two();"]), FILE).unwrap();
        assert_eq!(found.new, ["    two();", "    two();"]);
        // Another indentation, another line, words alone, two blocks, the same again.
        assert_eq!(fix(suggested, &place(3, 3), &old(&["two();"]), FILE), None);
        assert_eq!(fix(suggested, &place(2, 2), &old(&["    two();"]), FILE), None);
        assert_eq!(fix("call it twice", &place(3, 3), &old(&["    two();"]), FILE), None);
        assert_eq!(fix("```\na\n```\n```\nb\n```", &place(3, 3), &old(&["    two();"]), FILE), None);
        assert_eq!(fix("```\n    two();\n```", &place(3, 3), &old(&["    two();"]), FILE), None);
    }
}
