//! Who owns a file, by `CODEOWNERS`.

use std::{fs::File, io::Read as _, path::Path};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Where the file may be, the first that is there counts.
const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// Bytes of the file that are read.
const LARGEST: u64 = 1 << 20;

/// Patterns with their owners; the last one that matches a path counts.
#[derive(Debug)]
pub(super) struct Owners(Vec<(Gitignore, Vec<String>)>);

impl Owners {
    /// The owners of a root; `None` if nobody has written them down.
    pub(super) fn read(root: &Path) -> Option<Self> {
        let text = PLACES.iter().find_map(|place| {
            let path = root.join(place);
            // A link may lead out of the root.
            let is_file = std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
            let mut text = Vec::new();
            (is_file && File::open(path).ok()?.take(LARGEST).read_to_end(&mut text).is_ok()).then_some(text)
        })?;
        Some(Self::parse(&String::from_utf8_lossy(&text)))
    }

    fn parse(text: &str) -> Self {
        let pattern = |line: &str| {
            let line = line.split(" #").next().unwrap_or(line).trim();
            let mut words = line.split_whitespace();
            let pattern = words.next().filter(|word| !word.starts_with(['#', '!', '[']))?;
            let mut builder = GitignoreBuilder::new("");
            // A pattern that is none matches nothing.
            builder.add_line(None, pattern).ok()?;
            Some((builder.build().ok()?, words.map(str::to_owned).collect()))
        };
        Self(text.lines().filter_map(pattern).collect())
    }

    /// The owners of the file with this path; none if no pattern names any.
    pub(super) fn of(&self, path: &str) -> Vec<String> {
        let matches = |pattern: &Gitignore| pattern.matched_path_or_any_parents(path, false).is_ignore();
        let last = self.0.iter().rev().find(|(pattern, _)| matches(pattern));
        last.map(|(_, owners)| owners.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_counts() {
        let owners = Owners::parse("# all\n* @all\n/docs/ @docs # pages\n*.go @go @gopher\n/docs/free.md\n");
        for (path, expected) in [
            ("src/a.rs", &["@all"][..]),
            ("docs/deep/a.md", &["@docs"]),
            ("docs/a.go", &["@go", "@gopher"]),
            ("docs/free.md", &[]),
        ] {
            assert_eq!(owners.of(path), expected, "{path}");
        }
    }
}
