//! The languages that are read, and which file is in which.

use std::fmt;

use serde::Serialize;

/// A language that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Language {
    /// Rust.
    Rust,
    /// Python.
    Python,
    /// TypeScript without JSX.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// JavaScript, with JSX.
    JavaScript,
    /// Go.
    Go,
    /// A file that names a package: `Cargo.toml`, `package.json`, `go.mod`.
    Manifest,
}

impl Language {
    /// Every language, also those whose grammar is not built in.
    pub(crate) const ALL: [Self; 7] =
        [Self::Rust, Self::Python, Self::TypeScript, Self::Tsx, Self::JavaScript, Self::Go, Self::Manifest];

    /// The language of a file by its name; `None` if it is not read.
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let language = match (name, ending) {
            ("Cargo.toml" | "package.json" | "go.mod", _) => Self::Manifest,
            (_, "rs") => Self::Rust,
            (_, "py" | "pyi") => Self::Python,
            (_, "ts" | "mts" | "cts") => Self::TypeScript,
            (_, "tsx") => Self::Tsx,
            (_, "js" | "jsx" | "mjs" | "cjs") => Self::JavaScript,
            (_, "go") => Self::Go,
            _ => return None,
        };
        (language == Self::Manifest || language.grammar().is_some()).then_some(language)
    }

    /// The name, as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::TypeScript => "typescript",
            Self::Tsx => "tsx",
            Self::JavaScript => "javascript",
            Self::Go => "go",
            Self::Manifest => "manifest",
        }
    }

    pub(crate) fn code(self) -> u64 {
        Self::ALL.iter().zip(0..).find(|(one, _)| **one == self).map_or(0, |(_, code)| code)
    }

    pub(crate) fn from_code(code: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }

    /// Whether a name of one can mean a definition of the other.
    pub(crate) fn shares_names_with(self, other: Self) -> bool {
        let family = |one| match one {
            Self::Tsx | Self::JavaScript => Self::TypeScript,
            one => one,
        };
        family(self) == family(other)
    }

    /// The grammar, if it is built in.
    pub(crate) fn grammar(self) -> Option<tree_sitter::Language> {
        match self {
            #[cfg(feature = "rust")]
            Self::Rust => Some(tree_sitter_rust::LANGUAGE.into()),
            #[cfg(feature = "python")]
            Self::Python => Some(tree_sitter_python::LANGUAGE.into()),
            #[cfg(feature = "typescript")]
            Self::TypeScript => Some(tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into()),
            #[cfg(feature = "typescript")]
            Self::Tsx => Some(tree_sitter_typescript::LANGUAGE_TSX.into()),
            #[cfg(feature = "javascript")]
            Self::JavaScript => Some(tree_sitter_javascript::LANGUAGE.into()),
            #[cfg(feature = "go")]
            Self::Go => Some(tree_sitter_go::LANGUAGE.into()),
            #[allow(unreachable_patterns, reason = "with every grammar there is one case left")]
            _ => None,
        }
    }

    /// What is looked for in its trees.
    pub(crate) const fn query(self) -> &'static str {
        match self {
            Self::Rust => include_str!("../queries/rust.scm"),
            Self::Python => include_str!("../queries/python.scm"),
            Self::TypeScript | Self::Tsx => {
                concat!(include_str!("../queries/ecmascript.scm"), include_str!("../queries/typescript.scm"))
            }
            Self::JavaScript => {
                concat!(include_str!("../queries/ecmascript.scm"), include_str!("../queries/javascript.scm"))
            }
            Self::Go => include_str!("../queries/go.scm"),
            Self::Manifest => "",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_says_its_language() {
        for (path, language) in [
            ("src/lib.rs", Some(Language::Rust)),
            ("a/b.tsx", Some(Language::Tsx)),
            ("a.d.ts", Some(Language::TypeScript)),
            ("crates/x/Cargo.toml", Some(Language::Manifest)),
            ("README.md", None),
            ("rs", None),
            ("", None),
        ] {
            assert_eq!(Language::of(path), language, "{path}");
        }
        assert!(Language::Tsx.shares_names_with(Language::JavaScript));
        assert!(!Language::Go.shares_names_with(Language::Rust));
    }
}
