//! Files that a caller names, read inside the roots and nowhere else.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
};

use forge_index::{holds_secrets, is_ignored};

use crate::{failure::Failure, roots::Roots};

/// Bytes of one text.
const MAX_FILE: usize = 200 << 10;
/// Bytes of all texts of a call.
const MAX_ALL: usize = 1 << 20;
/// Bytes of a file of which some lines are named.
const MAX_WHOLE: u64 = 16 << 20;

/// A text with the name by which it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileText {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The files of these names: a path, or `path:a-b` for some of its lines.
pub(crate) fn read(roots: Option<&Roots>, named: &[String]) -> Result<Vec<FileText>, Failure> {
    let mut all = 0;
    let mut texts = Vec::new();
    for name in named {
        let roots = roots
            .ok_or_else(|| refused(name, "this server was started without a folder that may be read"))?;
        let text = one(roots, name)?;
        all += text.len();
        if all > MAX_ALL {
            let message = format!("the files have more than {} KiB together", MAX_ALL >> 10);
            return Err(Failure::new("too_large", message, "name fewer of them, or lines as `path:10-80`"));
        }
        texts.push(FileText { name: name.clone(), text });
    }
    Ok(texts)
}

fn one(roots: &Roots, name: &str) -> Result<String, Failure> {
    let (path, lines) = lines(name);
    for root in roots.folders() {
        let Some(relative) = below(root, path) else { continue };
        if holds_secrets(&relative) {
            return Err(refused(name, "files of this name hold secrets or are no text of a project"));
        }
        let file = match open(root, &relative) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened.map_err(|error| refused(name, &error.to_string()))?,
        };
        if is_ignored(root, &relative) {
            return Err(refused(name, "an ignore rule leaves it out"));
        }
        return text(file, name, lines);
    }
    if roots.folders().iter().all(|root| below(root, path).is_none()) {
        return Err(refused(name, "it is outside of the folders that may be read"));
    }
    let first = roots.folders()[0].display();
    Err(Failure::new(
        "not_found",
        format!("there is no file {name}"),
        format!("paths are named from {first}"),
    ))
}

/// The path of a name, and its lines if it has some.
fn lines(name: &str) -> (&str, Option<(usize, usize)>) {
    let found = name.rsplit_once(':').and_then(|(path, lines)| {
        let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
        Some((path, (first.parse().ok()?, last.parse().ok()?)))
    });
    found.map_or((name, None), |(path, lines)| (path, Some(lines)))
}

/// The path from the root; `None` if it is not below. No `..` is followed, wherever it leads.
fn below(root: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let path = if path.is_absolute() { path.strip_prefix(root).ok()? } else { path };
    let mut relative = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => relative.push(part),
            Component::CurDir => {}
            _ => return None,
        }
    }
    (!relative.as_os_str().is_empty()).then_some(relative)
}

/// Opens a file below the root. No link is followed, so that none leads out of it, also not one that is made meanwhile.
#[cfg(target_os = "linux")]
fn open(root: &Path, relative: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, ResolveFlags};

    let root_file = File::open(root)?;
    // A pipe without a writer would be waited for.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(&root_file, relative, flags, Mode::empty(), within) {
        Ok(file) => Ok(file.into()),
        // An old kernel, or a sandbox that does not know the call.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => open_checked(root, relative),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn open(root: &Path, relative: &Path) -> io::Result<File> {
    open_checked(root, relative)
}

/// The same where the system cannot do it in one step: each part of the path is looked at first.
fn open_checked(root: &Path, relative: &Path) -> io::Result<File> {
    let mut path = root.to_owned();
    for part in relative {
        path.push(part);
        let kind = path.symlink_metadata()?.file_type();
        if !kind.is_file() && !kind.is_dir() {
            return Err(io::Error::other("links and devices are not followed"));
        }
    }
    File::open(path)
}

fn text(file: File, name: &str, lines: Option<(usize, usize)>) -> Result<String, Failure> {
    let failed = |error: io::Error| refused(name, &error.to_string());
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(refused(name, "it is no file"));
    }
    let mut bytes = Vec::new();
    let most = if lines.is_some() { MAX_WHOLE } else { MAX_FILE as u64 };
    file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    let is_whole = bytes.len() as u64 <= most;
    let text = String::from_utf8(bytes).map_err(|_| refused(name, "it is no text in UTF-8"));
    // The end of a file that is cut may be half a letter.
    let text = if is_whole { text? } else { return Err(too_large(name)) };
    let text = match lines {
        None => text,
        Some((first, last)) => {
            let count = last.saturating_sub(first.saturating_sub(1));
            text.split_inclusive('\n').skip(first.saturating_sub(1)).take(count).collect()
        }
    };
    if text.len() > MAX_FILE { Err(too_large(name)) } else { Ok(text) }
}

fn too_large(name: &str) -> Failure {
    let message = format!("{name} has more than {} KiB", MAX_FILE >> 10);
    Failure::new("too_large", message, "name the lines that matter, as `path:10-80`")
}

fn refused(name: &str, why: &str) -> Failure {
    Failure::new(
        "refused",
        format!("{name} is not read: {why}"),
        "leave it out, or give its text in the question",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("forge-mcp-files-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&root);
            for folder in ["project/src", "project/.git", "elsewhere"] {
                std::fs::create_dir_all(root.join(folder)).unwrap();
            }
            std::fs::write(root.join("project/src/a.rs"), "one\ntwo\nthree\n").unwrap();
            std::fs::write(root.join("elsewhere/b.txt"), "outside\n").unwrap();
            Self(root)
        }

        fn write(&self, path: &str, text: impl AsRef<[u8]>) {
            std::fs::write(self.0.join("project").join(path), text).unwrap();
        }

        fn read(&self, names: &[&str]) -> Result<Vec<String>, Failure> {
            let roots = Roots::new([self.0.join("project")], None).unwrap();
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            Ok(read(Some(&roots), &names)?.into_iter().map(|file| file.text).collect())
        }

        fn code(&self, name: &str) -> &'static str {
            self.read(&[name]).unwrap_err().code
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_or_some_of_its_lines_are_read_below_the_root() {
        let place = Place::new("read");
        let whole = place.0.join("project/src/a.rs").canonicalize().unwrap();
        let read = place.read(&[
            "src/a.rs",
            "./src/a.rs:2",
            "src/a.rs:2-3",
            "src/a.rs:9-2",
            whole.to_str().unwrap(),
        ]);
        assert_eq!(read.unwrap(), ["one\ntwo\nthree\n", "two\n", "two\nthree\n", "", "one\ntwo\nthree\n"]);
        assert_eq!(place.code("src/none.rs"), "not_found");
        assert_eq!(read_without_roots(), "refused");
    }

    fn read_without_roots() -> &'static str {
        read(None, &["a".to_owned()]).unwrap_err().code
    }

    #[test]
    fn nothing_outside_of_the_root_is_read() {
        let place = Place::new("outside");
        let outside = place.0.join("elsewhere/b.txt");
        for name in [
            "../elsewhere/b.txt",
            "src/../../elsewhere/b.txt",
            "/etc/passwd",
            outside.to_str().unwrap(),
            "..",
            "",
        ] {
            assert_eq!(place.code(name), "refused", "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere() {
        use std::os::unix::fs::symlink;

        let place = Place::new("links");
        let project = place.0.join("project");
        symlink("/etc", project.join("etc")).unwrap();
        symlink("../elsewhere/b.txt", project.join("b.txt")).unwrap();
        symlink("src", project.join("inner")).unwrap();
        for name in ["etc/passwd", "b.txt", "inner/a.rs", "src"] {
            assert_eq!(place.code(name), "refused", "{name}");
            assert!(open_checked(&project, Path::new(name)).is_err() || name == "src", "{name}");
        }
    }

    #[test]
    fn secrets_and_what_is_ignored_stay_where_they_are() {
        let place = Place::new("secrets");
        place.write(".gitignore", "generated.rs\n");
        for name in [
            ".git/config",
            ".env",
            ".env.local",
            "server.pem",
            "id_ed25519",
            "Credentials.json",
            ".npmrc",
            "my-secrets.yaml",
            "generated.rs",
        ] {
            place.write(name, "canary");
            assert_eq!(place.code(name), "refused", "{name}");
        }
        for name in [".env.example", "secret_sharing.rs", ".gitignore", "keys.rs"] {
            place.write(name, "fine");
            assert!(place.read(&[name]).is_ok(), "{name}");
        }
    }

    #[test]
    fn sizes_are_bounded_for_one_and_for_all() {
        let place = Place::new("sizes");
        place.write("large.txt", "12345678\n".repeat(MAX_FILE / 9 + 1));
        assert_eq!(place.code("large.txt"), "too_large");
        assert_eq!(place.read(&["large.txt:3-4"]).unwrap(), ["12345678\n12345678\n"]);
        place.write("fits.txt", "1234567\n".repeat(MAX_FILE / 8));
        assert_eq!(place.read(&["fits.txt"; 5]).unwrap().len(), 5);
        assert_eq!(place.read(&["fits.txt"; 6]).unwrap_err().code, "too_large");
        place.write("binary", [0xff, 0xfe, 0x00]);
        assert_eq!(place.code("binary"), "refused");
    }
}
