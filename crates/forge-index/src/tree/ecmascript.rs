//! Paths of JavaScript and TypeScript: files, folders with an index, packages of the tree.

use super::{Target, Tree, paths};

/// Endings that an import leaves out.
const ENDINGS: [&str; 9] = ["", ".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts"];

/// Where a path in quotation marks leads in the file with this path. Names behind it stand on lines of their own.
pub(super) fn target(tree: &Tree<'_>, file: &str, path: &str) -> Target {
    let mut lines = path.split('\n');
    let path = lines.next().unwrap_or_default();
    let rest =
        lines.flat_map(|line| line.split('.')).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match place(tree, file, path) {
        Some(place) => Target { files: vec![place], rest },
        None => Target::default(),
    }
}

fn place(tree: &Tree<'_>, file: &str, path: &str) -> Option<usize> {
    let folder = paths::split(file).0;
    if path.starts_with("./") || path.starts_with("../") || path == "." || path == ".." {
        return at(tree, &paths::joined(folder, path)?);
    }
    // What many projects set up as a name of their sources.
    if let Some(inner) = path.strip_prefix("@/").or_else(|| path.strip_prefix("~/")) {
        return paths::folders(file).find_map(|folder| {
            at(tree, &format!("{folder}{inner}")).or_else(|| at(tree, &format!("{folder}src/{inner}")))
        });
    }
    let mut packages = tree.packages.iter().filter(|package| package.manifest == "package.json");
    packages.find_map(|package| {
        let inner = path.strip_prefix(package.name)?;
        let inner = if inner.is_empty() { "index" } else { inner.strip_prefix('/')? };
        let folder = package.folder;
        at(tree, &format!("{folder}{inner}")).or_else(|| at(tree, &format!("{folder}src/{inner}")))
    })
}

/// The file at a path that may leave out its ending or the name `index`.
fn at(tree: &Tree<'_>, path: &str) -> Option<usize> {
    // TypeScript imports what will be compiled to JavaScript.
    let bare = [".js", ".jsx", ".mjs"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
    let files =
        [path, bare].into_iter().flat_map(|path| ENDINGS.iter().map(move |end| format!("{path}{end}")));
    let inner = if path.is_empty() { "index".to_owned() } else { format!("{path}/index") };
    let folders = ENDINGS[1..].iter().map(move |end| format!("{inner}{end}"));
    tree.first(files.chain(folders))
}
