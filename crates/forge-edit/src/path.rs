//! Paths that an edit may name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A path below the root of a workspace, with `/` between its parts: relative, without `..`, and nothing of a repository's own.
/// That no part of it is a link is looked at where it is opened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EditPath(String);

/// Why a path may not be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathProblem {
    /// It is empty, or ends as a folder does.
    #[error("it names no file")]
    NoFile,
    /// It begins at the root of the system or of a drive.
    #[error("paths are relative to the root of the workspace")]
    Absolute,
    /// It has a part `..`.
    #[error("`..` leads out of the workspace")]
    Upwards,
    /// It has an empty part or a part `.` inside.
    #[error("it has an empty part")]
    EmptyPart,
    /// It leads into a repository's own folder.
    #[error("`.git` belongs to git")]
    Git,
    /// It has control characters, a backslash, or a part of more than 255 bytes.
    #[error("control characters, backslashes and parts of more than 255 bytes are refused")]
    Characters,
}

/// The longest part of a path, in bytes.
const LONGEST_PART: usize = 255;
/// The longest path, in bytes.
const LONGEST: usize = 4_000;

impl EditPath {
    /// Checks a path as a text names it; `./` at its beginning is taken off.
    pub fn new(path: &str) -> Result<Self, PathProblem> {
        let path = path.strip_prefix("./").unwrap_or(path);
        let drive =
            path.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && path[1..].starts_with(":\\");
        if path.starts_with('/') || drive {
            return Err(PathProblem::Absolute);
        }
        if path.is_empty() || path == "." || path.ends_with('/') {
            return Err(PathProblem::NoFile);
        }
        if path.contains('\\') || path.chars().any(char::is_control) || path.len() > LONGEST {
            return Err(PathProblem::Characters);
        }
        for part in path.split('/') {
            match part {
                "" | "." => return Err(PathProblem::EmptyPart),
                ".." => return Err(PathProblem::Upwards),
                _ if is_git(part) => return Err(PathProblem::Git),
                _ if part.len() > LONGEST_PART => return Err(PathProblem::Characters),
                _ => {}
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folders above the file, from the outermost.
    #[cfg(unix)]
    pub(crate) fn folders(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }

    /// The path as file systems read it that do not tell upper from lower case.
    pub(crate) fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

/// Whether some file system takes the name for `.git`: without regard to case, with dots and blanks behind it, by its short name,
/// or with characters inside that do not count.
fn is_git(part: &str) -> bool {
    let ignored = |c: char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let plain: String = part.chars().filter(|c| !ignored(*c)).flat_map(char::to_lowercase).collect();
    let plain = plain.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    matches!(plain, ".git" | "git~1")
}

impl fmt::Display for EditPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for EditPath {
    type Error = PathProblem;

    fn try_from(path: String) -> Result<Self, PathProblem> {
        Self::new(&path)
    }
}

impl From<EditPath> for String {
    fn from(path: EditPath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_below_the_root_have_a_path() {
        for good in ["a", "./src/a b.rs", ".github/x", ".gitignore", "a..b/c", "ü/é", "git"] {
            assert!(EditPath::new(good).is_ok(), "{good}");
        }
        let refused = [
            ("", PathProblem::NoFile),
            ("./", PathProblem::NoFile),
            ("a/", PathProblem::NoFile),
            ("/etc/passwd", PathProblem::Absolute),
            ("C:\\x", PathProblem::Absolute),
            ("a/../../b", PathProblem::Upwards),
            ("..", PathProblem::Upwards),
            ("a//b", PathProblem::EmptyPart),
            ("a/./b", PathProblem::EmptyPart),
            (".git/config", PathProblem::Git),
            ("a/.GiT", PathProblem::Git),
            (".git ./x", PathProblem::Git),
            ("GIT~1/config", PathProblem::Git),
            (".g\u{200d}it/config", PathProblem::Git),
            (".git::$INDEX_ALLOCATION/x", PathProblem::Git),
            ("a\nb", PathProblem::Characters),
            ("a\\b", PathProblem::Characters),
        ];
        for (path, why) in refused {
            assert_eq!(EditPath::new(path), Err(why), "{path:?}");
        }
        assert_eq!(EditPath::new(&"x".repeat(256)), Err(PathProblem::Characters));
        assert!(serde_json::from_str::<EditPath>("\"../x\"").is_err());
    }
}
