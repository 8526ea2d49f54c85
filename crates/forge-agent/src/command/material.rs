//! What a conversation can carry beside what was said: files, parts of them, and definitions by name.

use std::{
    fmt, fs,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use forge_index::{Index, IndexError, Options};

/// The most bytes of a file that are carried.
const MOST_BYTES: u64 = 1 << 20;
/// The most definitions of one name.
const MOST_DEFINITIONS: usize = 8;

/// What is to be carried: `PATH`, `PATH:3-20`, `PATH:3` or `@SYMBOL`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A file of the workspace, or these lines of it, counted from 1 and with the last one.
    File {
        /// From the workspace.
        path: String,
        /// The lines.
        lines: Option<(usize, usize)>,
    },
    /// The definitions of a name.
    Symbol(String),
}

/// A text that is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Material {
    /// What it is called: a path with lines.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Why nothing can be carried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaterialError {
    /// It is no source.
    #[error("`{0}` is nothing that can be carried; write PATH, PATH:3-20 or @SYMBOL")]
    Unreadable(String),
    /// The path leads elsewhere.
    #[error("`{0}` is outside of the workspace")]
    Outside(String),
    /// The file is not there, no text, or too large.
    #[error("`{path}` cannot be carried: {why}")]
    File {
        /// The path.
        path: String,
        /// Why.
        why: String,
    },
    /// There is no definition of that name.
    #[error("nothing here defines `{name}`{}", if near.is_empty() { String::new() } else { format!("; there is {}", near.join(", ")) })]
    NoSymbol {
        /// The name.
        name: String,
        /// Names that are like it.
        near: Vec<String>,
    },
    /// The code cannot be looked through.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl FromStr for Source {
    type Err = MaterialError;

    fn from_str(text: &str) -> Result<Self, MaterialError> {
        let text = text.trim();
        let unreadable = || MaterialError::Unreadable(text.to_owned());
        if let Some(symbol) = text.strip_prefix('@') {
            return if symbol.is_empty() { Err(unreadable()) } else { Ok(Self::Symbol(symbol.to_owned())) };
        }
        // A colon that no line numbers follow is part of the name.
        let (path, lines) = match text.rsplit_once(':') {
            Some((path, lines)) if lines.starts_with(|c: char| c.is_ascii_digit()) => {
                (path, Some(range(lines).ok_or_else(unreadable)?))
            }
            _ => (text, None),
        };
        if path.is_empty() { Err(unreadable()) } else { Ok(Self::File { path: path.to_owned(), lines }) }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, lines: None } => f.write_str(path),
            Self::File { path, lines: Some((first, last)) } => write!(f, "{path}:{first}-{last}"),
            Self::Symbol(name) => write!(f, "@{name}"),
        }
    }
}

fn range(lines: &str) -> Option<(usize, usize)> {
    let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (1 <= first && first <= last).then_some((first, last))
}

impl Source {
    /// The texts as they are now; several where a name has several definitions. Looking for a symbol reads the code below
    /// `workspace`, with `cache` as the folder of what is known of it.
    ///
    /// # Errors
    /// There is nothing to carry, or it lies outside of the workspace.
    pub fn read(&self, workspace: &Path, cache: Option<PathBuf>) -> Result<Vec<Material>, MaterialError> {
        match self {
            Self::File { path, lines } => Ok(vec![file(workspace, path, *lines)?]),
            Self::Symbol(name) => symbol(workspace, name, cache),
        }
    }
}

fn file(workspace: &Path, path: &str, lines: Option<(usize, usize)>) -> Result<Material, MaterialError> {
    let failed = |why: String| MaterialError::File { path: path.to_owned(), why };
    let relative = Path::new(path);
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !relative.components().all(is_plain) {
        return Err(MaterialError::Outside(path.to_owned()));
    }
    let whole = workspace.join(relative).canonicalize().map_err(|error| failed(error.to_string()))?;
    // A link may lead anywhere.
    if !workspace.canonicalize().is_ok_and(|root| whole.starts_with(root)) {
        return Err(MaterialError::Outside(path.to_owned()));
    }
    let size = fs::metadata(&whole).map_err(|error| failed(error.to_string()))?;
    if !size.is_file() {
        return Err(failed("it is no file".to_owned()));
    }
    if size.len() > MOST_BYTES {
        return Err(failed("it is larger than 1 MiB; name lines of it in a smaller file".to_owned()));
    }
    let text = fs::read_to_string(&whole).map_err(|error| failed(error.to_string()))?;
    let Some((first, last)) = lines else { return Ok(Material { name: path.to_owned(), text }) };
    let count = text.lines().count();
    if first > count {
        return Err(failed(format!("it has {count} lines")));
    }
    let last = last.min(count);
    let text: Vec<_> = text.lines().skip(first - 1).take(last + 1 - first).collect();
    Ok(Material { name: format!("{path}:{first}-{last}"), text: text.join("\n") })
}

fn symbol(workspace: &Path, name: &str, cache: Option<PathBuf>) -> Result<Vec<Material>, MaterialError> {
    let options = cache.map_or_else(Options::default, |cache| Options::default().with_cache(cache));
    let mut index = Index::open(workspace, options)?;
    let found = index.find(name, None)?.rows;
    if found.is_empty() {
        return Err(MaterialError::NoSymbol { name: name.to_owned(), near: index.like(name, None) });
    }
    let lines = |line: u32| usize::try_from(line).unwrap_or(usize::MAX);
    let read = |row: &forge_index::Row| {
        file(workspace, &row.path, Some((lines(row.line), lines(row.end_line.max(row.line)))))
    };
    found.iter().take(MOST_DEFINITIONS).map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("forge-material-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("src")).unwrap();
        fs::write(folder.join("src/a.rs"), "fn one() {}\n\n/// Two.\nfn two() {\n    one()\n}\n").unwrap();
        folder
    }

    fn read(folder: &Path, source: &str) -> Result<Vec<Material>, MaterialError> {
        source.parse::<Source>()?.read(folder, None)
    }

    #[test]
    fn files_lines_and_definitions_are_carried_as_they_are_now() {
        let folder = folder("read");
        assert!(read(&folder, "src/a.rs").unwrap()[0].text.starts_with("fn one"));
        let part = &read(&folder, "src/a.rs:4-99").unwrap()[0];
        assert_eq!((&*part.name, &*part.text), ("src/a.rs:4-6", "fn two() {\n    one()\n}"));
        let two = &read(&folder, "@two").unwrap()[0];
        assert!(two.text.contains("one()") && two.name.starts_with("src/a.rs:"), "{two:?}");
        assert_eq!("src/a.rs:4".parse::<Source>().unwrap().to_string(), "src/a.rs:4-4");
    }

    #[test]
    fn what_cannot_be_carried_says_why() {
        let folder = folder("refused");
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/hosts", folder.join("out")).unwrap();
        for (source, why) in [
            ("../x", "outside"),
            ("/etc/passwd", "outside"),
            ("out", "outside"),
            ("src", "no file"),
            ("src/a.rs:9", "it has 6 lines"),
            ("src/a.rs:5-2", "PATH:3-20"),
            ("@", "PATH:3-20"),
            ("@tow", "nothing here defines `tow`"),
            ("src/b.rs", "cannot be carried"),
        ] {
            let said = read(&folder, source).unwrap_err().to_string();
            assert!(said.contains(why), "{source}: {said}");
        }
    }
}
