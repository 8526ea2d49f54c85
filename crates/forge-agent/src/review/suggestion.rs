//! Lines that a critic wants in the place of the quoted ones, where they fit exactly.

#[cfg(unix)]
use std::path::Path;

#[cfg(unix)]
use forge_edit::Workspace;
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
    let fix = Fix { old, new };
    let bytes = file.as_bytes().to_vec();
    let resolved = resolve(&fix.edit(&place.path), |_| Ok::<_, String>(Some(bytes.clone()))).ok()?;
    let matched = resolved.files.first()?.hunks.first()?;
    let is_exact = matched.step == MatchStep::Exact && matched.at == place.line as usize;
    is_exact.then_some(fix)
}

#[cfg(unix)]
impl Fix {
    /// Puts its lines into the file at `path` below `root`, where the old ones stand, now as it was reviewed or elsewhere since.
    /// Returns the number of the first line.
    ///
    /// # Errors
    /// The old lines are not there any more, exactly as they were, or stand at several places; or the file cannot be written. Then
    /// nothing is changed.
    pub fn apply(&self, root: &Path, path: &str) -> Result<usize, String> {
        let workspace = Workspace::open(root).map_err(|error| error.to_string())?;
        let resolved =
            resolve(&self.edit(path), |path| workspace.read(path)).map_err(|error| error.to_string())?;
        let file = resolved.files.first().ok_or("there is nothing to change")?;
        let hunk = file.hunks.first().ok_or("there is nothing to change")?;
        if hunk.step != MatchStep::Exact {
            return Err(format!("{path}: its lines have changed since, in their white space at least"));
        }
        let intent = workspace.intent("review", &resolved).map_err(|error| error.to_string())?;
        workspace.apply(&intent, &resolved).map_err(|error| error.to_string())?;
        Ok(hunk.at)
    }
}

impl Fix {
    fn edit(&self, path: &str) -> EditSet {
        let before: Vec<&str> = self.old.iter().map(String::as_str).collect();
        let after: Vec<&str> = self.new.iter().map(String::as_str).collect();
        let hunk = Hunk::replacing(1, &before, &after);
        EditSet::of(vec![FileEdit::new(path, 1, Action::Update { hunks: vec![hunk] })])
    }
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

    #[cfg(unix)]
    #[test]
    fn a_fix_is_put_where_its_lines_stand_now_or_nowhere() {
        let root = std::env::temp_dir().join(format!("forge-fix-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        let text = |text: &str| std::fs::write(root.join("a.rs"), text).unwrap();
        let fix =
            Fix { old: vec!["    two();".into()], new: vec!["    two();".into(), "    three();".into()] };
        text(&format!("// added since\n{FILE}"));
        assert_eq!(fix.apply(&root, "a.rs"), Ok(4));
        let changed = std::fs::read_to_string(root.join("a.rs")).unwrap();
        assert_eq!(changed, "// added since\nfn a() {\n    one();\n    two();\n    three();\n}\n");
        for (other, why) in [
            ("fn a() {}\n", "not in the file"),
            ("    two();\n    two();\n", "2 times"),
            ("two();\n", "have changed since"),
        ] {
            text(other);
            let refused = fix.apply(&root, "a.rs").unwrap_err();
            assert!(refused.contains(why), "{refused}");
            assert_eq!(std::fs::read_to_string(root.join("a.rs")).unwrap(), other);
        }
        assert!(fix.apply(&root, "../a.rs").is_err() && fix.apply(&root, "b.rs").is_err());
        std::fs::remove_dir_all(&root).unwrap();
    }
}
