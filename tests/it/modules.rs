//! The order of modules inside each crate: whoever reads one finds what it stands on by going down, never around.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Modules by their path from the crate's root; the root is the empty path.
type Module = Vec<String>;

/// The source of a crate: what stands in each module, without comments, texts and tests.
struct Source {
    modules: BTreeMap<Module, String>,
    /// What the root hands on from its modules, by the name that it has there.
    handed_on: BTreeMap<String, Module>,
}

impl Source {
    fn read(root: &Path) -> Self {
        let mut modules = BTreeMap::new();
        for path in rust_files(root) {
            let relative = path.strip_prefix(root).unwrap().with_extension("");
            let mut module: Module = relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            let last = module.last().unwrap();
            if last == "mod" || module == ["lib"] || module == ["main"] {
                module.pop();
            }
            let is_test = |part: &String| part == "tests" || part.ends_with("_tests") || part == "fixture";
            if !module.iter().any(is_test) {
                modules.insert(module, code(&fs::read_to_string(&path).unwrap()));
            }
        }
        let mut source = Self { modules, handed_on: BTreeMap::new() };
        for path in paths(&source.modules[&Module::new()].replace("self::", "")) {
            if let Some((module, [name])) = source.split(&path)
                && !module.is_empty()
            {
                source.handed_on.insert(name.clone(), module);
            }
        }
        source
    }

    /// The module that a path from the root leads into, and what follows after it.
    fn split<'p>(&self, path: &'p [String]) -> Option<(Module, &'p [String])> {
        let longest = (0..=path.len()).rev().find(|length| self.modules.contains_key(&path[..*length]))?;
        Some((path[..longest].to_vec(), &path[longest..]))
    }

    /// The modules that `module` imports from.
    fn imports(&self, module: &Module) -> BTreeSet<Module> {
        let mut found = BTreeSet::new();
        for path in paths(&self.modules[module]) {
            let Some(absolute) = absolute(module, &path) else { continue };
            if let Some((target, rest)) = self.split(&absolute) {
                let handed_on = rest.first().filter(|_| target.is_empty());
                found.insert(handed_on.and_then(|name| self.handed_on.get(name)).unwrap_or(&target).clone());
            }
        }
        found
    }

    /// For each module, the imports of its children from each other that lead around.
    fn circles(&self) -> Vec<String> {
        let mut arrows: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for from in self.modules.keys() {
            for to in self.imports(from) {
                let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
                // A module and one inside of it know each other.
                if let (Some(one), Some(other)) = (from.get(common), to.get(common)) {
                    let children = arrows.entry(from[..common].to_vec()).or_default();
                    children.entry(one.clone()).or_default().insert(other.clone());
                }
            }
        }
        let circles = arrows.iter().filter_map(|(parent, children)| {
            let closing = children.iter().flat_map(|(one, others)| {
                let back = others.iter().filter(move |other| *other != one && leads_to(children, other, one));
                back.map(move |other| format!("{one} -> {other}"))
            });
            let closing: Vec<_> = closing.collect();
            (!closing.is_empty()).then(|| format!("in `{}`: {}", parent.join("::"), closing.join(", ")))
        });
        circles.collect()
    }
}

impl Source {
    /// Imports through the root of what belongs to a module: one name would have two paths.
    fn detours(&self) -> Vec<String> {
        let through_the_root = |module: &Module| {
            let paths = paths(&self.modules[module]);
            let names = paths.into_iter().filter_map(|path| match path.as_slice() {
                [root, name, ..] if root == "crate" && !self.modules.contains_key(&path[1..2]) => {
                    self.handed_on.contains_key(name).then(|| name.clone())
                }
                _ => None,
            });
            names.map(|name| format!("{} imports `crate::{name}`", module.join("::"))).collect::<Vec<_>>()
        };
        self.modules.keys().filter(|module| !module.is_empty()).flat_map(through_the_root).collect()
    }
}

/// Whether arrows lead from one module to the other.
fn leads_to(arrows: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
    while let Some(one) = left.pop() {
        if one == to {
            return true;
        }
        if seen.insert(one) {
            left.extend(arrows.get(one).into_iter().flatten().map(String::as_str));
        }
    }
    false
}

fn absolute(module: &Module, path: &[String]) -> Option<Module> {
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "super" | "self" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            let base = module.len().checked_sub(ups)?;
            let rest = path.iter().skip_while(|part| *part == "super" || *part == "self");
            Some(module[..base].iter().chain(rest).cloned().collect())
        }
        _ => None,
    }
}

/// Every path in `code`, those of nested imports one by one.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("::") {
        let start = rest[..at].rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        let (used, paths) = tree(&rest[start..]);
        found.extend(paths);
        rest = &rest[start + used.max(at - start + 2)..];
    }
    found
}

/// The paths of the import tree at the beginning of `code`, and its length.
fn tree(code: &str) -> (usize, Vec<Vec<String>>) {
    let name = code.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(code.len());
    let head = code[..name].to_owned();
    let Some(after) = code[name..].strip_prefix("::") else { return (name, vec![vec![head]]) };
    let mut at = name + 2;
    let mut paths = Vec::new();
    if after.starts_with('{') {
        at += 1;
        while let Some(next) = code[at..].find(|c: char| !c.is_whitespace() && c != ',') {
            at += next;
            if code[at..].starts_with('}') {
                at += 1;
                break;
            }
            let (used, inner) = tree(&code[at..]);
            paths.extend(inner);
            at += used.max(1);
        }
    } else {
        let (used, inner) = tree(after);
        paths.extend(inner);
        at += used;
    }
    (at, paths.into_iter().map(|path| [vec![head.clone()], path].concat()).collect())
}

/// The code of a file without comments, texts and its tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut code = String::new();
    for line in lines {
        let line = line.split(" // ").next().unwrap();
        // What stands between quotation marks is text; a text over several lines holds no paths that matter.
        code.extend(line.split('"').step_by(2).flat_map(|part| [part, " "]));
        code.push('\n');
    }
    code
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let inner = folders.iter().flat_map(|folder| rust_files(folder));
    files.into_iter().filter(|path| path.extension().is_some_and(|it| it == "rs")).chain(inner).collect()
}

/// What `question` finds in each crate.
fn in_every_crate(question: impl Fn(&Source) -> Vec<String>) -> Vec<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let answers = fs::read_dir(crates).unwrap().flat_map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        question(&Source::read(&path.join("src"))).into_iter().map(move |answer| format!("{name}: {answer}"))
    });
    answers.collect()
}

#[test]
fn modules_of_a_crate_stand_in_an_order_but_for_parent_and_child() {
    let circles = in_every_crate(Source::circles);
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn a_name_is_imported_from_the_module_that_owns_it() {
    let detours = in_every_crate(Source::detours);
    assert!(detours.is_empty(), "{}", detours.join("\n"));
}
