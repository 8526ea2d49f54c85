//! What a change touches: paths, or the lines of a unified diff.

use std::ops::RangeInclusive;

use crate::error::IndexError;

/// A file that is changed, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// From the root.
    pub path: String,
    /// The lines, as they are numbered after the change; `None` for the whole file.
    pub lines: Option<Vec<RangeInclusive<u32>>>,
}

/// The files that are changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes(pub Vec<Change>);

impl Changes {
    /// Whole files.
    pub fn of_paths<S: Into<String>>(paths: impl IntoIterator<Item = S>) -> Self {
        Self(paths.into_iter().map(|path| Change { path: path.into(), lines: None }).collect())
    }

    /// What a unified diff changes, as `git diff` writes it. Files that it removes are whole files.
    pub fn of_diff(diff: &str) -> Result<Self, IndexError> {
        let mut changes: Vec<Change> = Vec::new();
        let mut before = None;
        // Lines of the hunk that are still to come: a removed line may look like a head.
        let mut left = (0_u32, 0_u32);
        for line in diff.lines() {
            if left != (0, 0) {
                match line.as_bytes().first() {
                    Some(b'+') => left.1 = left.1.saturating_sub(1),
                    Some(b'-') => left.0 = left.0.saturating_sub(1),
                    Some(b'\\') => {}
                    _ => left = (left.0.saturating_sub(1), left.1.saturating_sub(1)),
                }
            } else if let Some(path) = line.strip_prefix("--- ") {
                before = Some(path);
            } else if let Some(path) = line.strip_prefix("+++ ") {
                let removed = path.trim() == "/dev/null";
                let path = if removed { before.unwrap_or_default() } else { path };
                let lines = (!removed).then(Vec::new);
                changes.push(Change { path: named(path), lines });
            } else if let Some((old, new)) = hunk(line) {
                left = (old.1, new.1);
                let last = new.0.saturating_add(new.1.saturating_sub(1));
                if let Some(lines) = changes.last_mut().and_then(|change| change.lines.as_mut()) {
                    lines.push(new.0..=last);
                }
            }
        }
        if changes.is_empty() {
            let first = diff.lines().next().unwrap_or("it is empty");
            return Err(IndexError::Diff(first.chars().take(80).collect()));
        }
        Ok(Self(changes))
    }
}

/// A path without the sign of its side, and without what some programs put behind it.
fn named(path: &str) -> String {
    let path = path.split('\t').next().unwrap_or(path).trim().trim_matches('"');
    path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).unwrap_or(path).to_owned()
}

/// First lines and counts of `@@ -a,b +c,d @@`.
fn hunk(line: &str) -> Option<((u32, u32), (u32, u32))> {
    let mut parts = line.strip_prefix("@@ ")?.split(' ');
    let mut side = |sign| {
        let part = parts.next()?.strip_prefix(sign)?;
        let (first, count) = part.split_once(',').unwrap_or((part, "1"));
        Some((first.parse().ok()?, count.parse().ok()?))
    };
    Some((side('-')?, side('+')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_names_files_and_lines() {
        let diff = "diff --git a/x.rs b/x.rs\n--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,3 @@ fn a\n one\n+two\n three\n@@ -9 +10 @@\n--- a\n++++ b\n\
                    --- a/gone.py\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n";
        let changes = Changes::of_diff(diff).unwrap();
        assert_eq!(
            changes.0,
            [
                Change { path: "x.rs".into(), lines: Some(vec![1..=3, 10..=10]) },
                Change { path: "gone.py".into(), lines: None },
            ]
        );
        for wrong in ["", "hello", "@@ -1 +1 @@", "@@ -x +y @@\n"] {
            assert!(Changes::of_diff(wrong).is_err(), "{wrong}");
        }
    }
}
