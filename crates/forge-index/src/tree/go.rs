//! Paths of Go: packages are folders below a module.

use crate::language::Language;

use super::{Target, Tree};

/// Where the path of a package leads. Names behind it stand on lines of their own.
pub(super) fn target(tree: &Tree<'_>, path: &str) -> Target {
    let mut lines = path.split('\n');
    let path = lines.next().unwrap_or_default();
    let rest: Vec<String> = lines.flat_map(|line| line.split('.')).map(str::to_owned).collect();
    let modules = tree.packages.iter().filter(|package| package.manifest == "go.mod");
    let folder = modules.filter_map(|module| {
        let inner = path.strip_prefix(module.name)?;
        match inner.strip_prefix('/') {
            Some(inner) => Some((module.name.len(), format!("{}{inner}/", module.folder))),
            None if inner.is_empty() => Some((module.name.len(), module.folder.to_owned())),
            None => None,
        }
    });
    // Modules may stand in one another.
    let Some((_, folder)) = folder.max() else { return Target::default() };
    let files = tree.in_folder(&folder).filter(|place| tree.files[*place].language == Language::Go).collect();
    Target { files, rest }
}
