//! Paths of Rust: modules are files, crates are packages.

use std::collections::HashMap;

use crate::language::Language;

use super::{Target, Tree, paths};

/// A module: the folder of its crate's root, and its names from there.
struct Module<'t> {
    root: &'t str,
    names: Vec<&'t str>,
}

/// Where `a::b` leads in the file `from`.
pub(super) fn target(tree: &Tree<'_>, from: usize, path: &str) -> Target {
    let names: Vec<&str> = path.split("::").filter(|name| !name.is_empty()).collect();
    let here = module(tree, tree.files[from].path);
    match names.first().copied() {
        None => Target { files: vec![from], rest: Vec::new() },
        Some("crate") => descend(tree, &Module { root: here.root, names: Vec::new() }, &names[1..], from),
        Some("self") => descend(tree, &here, &names[1..], from),
        Some("super") => above(tree, &here, &names, from),
        Some(first) => {
            if let Some(root) = tree.crates.get(first) {
                return descend(tree, &Module { root, names: Vec::new() }, &names[1..], from);
            }
            let child = descend(tree, &here, &names, from);
            let is_module = child.rest.len() < names.len();
            if is_module || defines(tree, from, first) { child } else { Target::default() }
        }
    }
}

/// `super` means the module around, which is the file itself where it stands in a module of the file.
fn above(tree: &Tree<'_>, here: &Module<'_>, names: &[&str], from: usize) -> Target {
    let ups = names.iter().take_while(|name| **name == "super").count();
    let rest = &names[ups..];
    let levels = [ups, ups - 1].into_iter().filter_map(|up| here.names.len().checked_sub(up));
    let targets: Vec<Target> = levels
        .map(|left| Module { root: here.root, names: here.names[..left].to_vec() })
        .map(|module| descend(tree, &module, rest, from))
        .collect();
    // What leads further into files is meant.
    let shortest = targets.iter().map(|target| target.rest.len()).min().unwrap_or(0);
    let mut whole = Target::default();
    for target in targets.into_iter().filter(|target| target.rest.len() == shortest) {
        whole.files.extend(target.files);
        whole.rest = target.rest;
    }
    whole
}

/// Whether the file defines the name: a type, or a module in the file.
fn defines(tree: &Tree<'_>, file: usize, name: &str) -> bool {
    let head = tree.files[file].head();
    head.defs.iter().any(|def| def.owner.is_none() && head.name(def.name) == name)
}

/// The folders of the roots of crates, by the names that code has for them.
pub(super) fn crates(tree: &Tree<'_>) -> HashMap<String, String> {
    let packages = tree.packages.iter().filter(|package| package.manifest == "Cargo.toml");
    let found = packages.filter_map(|package| {
        let root = format!("{}src/", package.folder);
        let mut roots = [root, package.folder.to_owned()].into_iter();
        let root = roots.find(|root| tree.place(&format!("{root}lib.rs")).is_some())?;
        Some((package.name.replace('-', "_"), root))
    });
    found.collect()
}

/// The module that a file is.
fn module<'t>(tree: &Tree<'_>, path: &'t str) -> Module<'t> {
    let is_root = |folder: &&str| {
        ["lib.rs", "main.rs"].iter().any(|name| tree.place(&format!("{folder}{name}")).is_some())
    };
    let Some(root) = paths::folders(path).find(is_root) else {
        // A file that is a crate by itself.
        return Module { root: paths::split(path).0, names: Vec::new() };
    };
    let inner = path[root.len()..].trim_end_matches(".rs");
    let mut names: Vec<&str> = inner.split('/').collect();
    let last = names.last().copied();
    if last == Some("mod") || (names.len() == 1 && matches!(last, Some("lib" | "main"))) {
        names.pop();
    }
    Module { root, names }
}

/// As far down from a module as there are files.
fn descend(tree: &Tree<'_>, module: &Module<'_>, names: &[&str], from: usize) -> Target {
    for length in (0..=names.len()).rev() {
        let inner = [&module.names, &names[..length]].concat();
        let mut files = files(tree, module.root, &inner);
        if length == 0 && files.is_empty() {
            files.push(from);
        }
        if !files.is_empty() {
            return Target { files, rest: names[length..].iter().map(|name| (*name).to_owned()).collect() };
        }
    }
    Target::default()
}

fn files(tree: &Tree<'_>, root: &str, names: &[&str]) -> Vec<usize> {
    let inner = names.join("/");
    let paths = if inner.is_empty() {
        [format!("{root}lib.rs"), format!("{root}main.rs")]
    } else {
        [format!("{root}{inner}.rs"), format!("{root}{inner}/mod.rs")]
    };
    let found = paths.iter().filter_map(|path| tree.place(path));
    found.filter(|place| tree.files[*place].language == Language::Rust).collect()
}
