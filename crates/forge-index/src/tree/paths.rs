//! Paths as texts, with `/` between folders, always from the root.

/// The folder with a slash at its end, or nothing, and the name.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rfind('/').map_or(("", path), |at| path.split_at(at + 1))
}

/// The folders from the one of this file up to the root, each with a slash at its end.
pub(super) fn folders(path: &str) -> impl Iterator<Item = &str> {
    let first = split(path).0;
    std::iter::successors(Some(first), |folder| {
        let inner = folder.strip_suffix('/')?;
        Some(split(inner).0)
    })
}

/// The path from a folder, with `.` and `..` worked out; `None` if it leads out of the root.
pub(super) fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The name of the module that a file is.
pub(crate) fn stem(path: &str) -> &str {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.split('.').next().unwrap_or(name);
    let is_folder = matches!(stem, "mod" | "lib" | "__init__" | "index");
    if is_folder { folder.rsplit('/').next().unwrap_or(folder) } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart_and_joined() {
        assert_eq!(split("a/b/c.rs"), ("a/b/", "c.rs"));
        assert_eq!(folders("a/b/c.rs").collect::<Vec<_>>(), ["a/b/", "a/", ""]);
        assert_eq!(folders("c.rs").collect::<Vec<_>>(), [""]);
        assert_eq!(joined("a/b/", "../c/./d").as_deref(), Some("a/c/d"));
        assert_eq!(joined("a/", "../../x"), None);
        assert_eq!((stem("a/b.rs"), stem("a/mod.rs"), stem("a/b.test.ts")), ("b", "a", "b"));
    }
}
