//! Paths of Python: modules are files or folders, from a folder above or beside the file.

use super::{Target, Tree, paths};

/// Where `a.b` or `..a` leads in the file with this path.
pub(super) fn target(tree: &Tree<'_>, file: &str, path: &str) -> Target {
    let dots = path.chars().take_while(|c| *c == '.').count();
    let names: Vec<&str> = path[dots..].split('.').filter(|name| !name.is_empty()).collect();
    let mut folders: Vec<&str> = paths::folders(file).collect();
    if dots > 0 {
        folders = folders.into_iter().skip(dots - 1).take(1).collect();
    }
    for folder in folders {
        // What is laid out in `src` is imported from there.
        let inner = format!("{folder}src/");
        for base in [folder, inner.as_str()].into_iter().take(if dots > 0 { 1 } else { 2 }) {
            if let Some(target) = below(tree, base, &names) {
                return target;
            }
        }
    }
    Target::default()
}

fn below(tree: &Tree<'_>, base: &str, names: &[&str]) -> Option<Target> {
    (0..=names.len()).rev().find_map(|length| {
        let inner = names[..length].join("/");
        let paths = if inner.is_empty() {
            vec![format!("{base}__init__.py"), format!("{base}__init__.pyi")]
        } else {
            [".py", ".pyi", "/__init__.py", "/__init__.pyi"]
                .iter()
                .map(|end| format!("{base}{inner}{end}"))
                .collect()
        };
        // The package of a folder holds nothing of a name that it does not begin with.
        if length == 0 && !names.is_empty() {
            return None;
        }
        let place = tree.first(paths)?;
        Some(Target {
            files: vec![place],
            rest: names[length..].iter().map(|name| (*name).to_owned()).collect(),
        })
    })
}
