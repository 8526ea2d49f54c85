//! The files of an index as one tree, for the time of an answer: which path leads to which file, in each language.

mod ecmascript;
mod go;
mod paths;
mod python;
mod rust;

pub(crate) use self::paths::stem;

use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use crate::{
    facts::{Blob, Head, Import},
    index::Index,
    kind::Kind,
    language::Language,
};

/// A file, and what is known of it.
#[derive(Debug)]
pub(crate) struct File<'i> {
    pub(crate) path: &'i str,
    pub(crate) language: Language,
    pub(crate) blob: &'i Blob,
    head: OnceCell<Head<'i>>,
    aliases: OnceCell<HashMap<&'i str, Vec<usize>>>,
}

impl<'i> File<'i> {
    /// The names, definitions and imports.
    pub(crate) fn head(&self) -> &Head<'i> {
        self.head.get_or_init(|| self.blob.head())
    }

    /// The imports that have this name here; those of all names have the name `*`.
    pub(crate) fn imports(&self, alias: &str) -> impl Iterator<Item = &Import<&'i str>> {
        let imports = &self.head().imports;
        let aliases = self.aliases.get_or_init(|| {
            let mut aliases: HashMap<&'i str, Vec<usize>> = HashMap::new();
            for (at, import) in imports.iter().enumerate() {
                let alias = if import.name == "*" { "*" } else { import.alias };
                aliases.entry(alias).or_default().push(at);
            }
            aliases
        });
        aliases.get(alias).into_iter().flatten().filter_map(|at| imports.get(*at))
    }

    /// Whether it has this path, or stands below the folder that has.
    pub(crate) fn is_in(&self, path: &str) -> bool {
        path.is_empty()
            || self.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// A package of the tree, by its manifest.
#[derive(Debug)]
struct Package<'i> {
    name: &'i str,
    /// With a slash at its end, unless it is the root.
    folder: &'i str,
    manifest: &'i str,
}

/// The files of an index, by path; their places in the list are what other parts know them by.
#[derive(Debug)]
pub(crate) struct Tree<'i> {
    pub(crate) files: Vec<File<'i>>,
    places: HashMap<&'i str, usize>,
    packages: Vec<Package<'i>>,
    /// The folders of the roots of crates, by the names that code has for them.
    crates: HashMap<String, String>,
    /// Where imports lead that were followed before, by the file and the path.
    followed: RefCell<HashMap<(usize, &'i str), Rc<Target>>>,
}

/// Where a path of names leads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    /// The files of the module; none if it is not of the tree.
    pub(crate) files: Vec<usize>,
    /// The names behind the module: of types, of modules in a file.
    pub(crate) rest: Vec<String>,
}

impl<'i> Tree<'i> {
    pub(crate) fn new(index: &'i Index) -> Self {
        let files: Vec<File<'i>> = index
            .entries()
            .map(|(path, entry, blob)| File {
                path,
                language: entry.language,
                blob,
                head: OnceCell::new(),
                aliases: OnceCell::new(),
            })
            .collect();
        let places = files.iter().enumerate().map(|(place, file)| (file.path, place)).collect();
        let manifests = files.iter().filter(|file| file.language == Language::Manifest);
        let packages = manifests.filter_map(|file| {
            let (folder, manifest) = paths::split(file.path);
            let head = file.blob.head();
            let def = head.defs.iter().find(|def| def.kind == Kind::Package)?;
            Some(Package { name: head.name(def.name), folder, manifest })
        });
        let packages = packages.collect();
        let mut tree = Self { files, places, packages, crates: HashMap::new(), followed: RefCell::default() };
        tree.crates = rust::crates(&tree);
        tree
    }

    /// The place of the file with this path.
    pub(crate) fn place(&self, path: &str) -> Option<usize> {
        self.places.get(path).copied()
    }

    /// Where a path of names leads that stands in the file `from`. Its first name may be one that is imported there.
    pub(crate) fn target(&self, from: usize, path: &str) -> Target {
        self.resolved(from, path, true)
    }

    /// Where the path of an import leads, which no import changes any more.
    pub(crate) fn imported(&self, from: usize, path: &'i str) -> Rc<Target> {
        if let Some(target) = self.followed.borrow().get(&(from, path)) {
            return Rc::clone(target);
        }
        let target = Rc::new(self.resolved(from, path, false));
        self.followed.borrow_mut().insert((from, path), Rc::clone(&target));
        target
    }

    fn resolved(&self, from: usize, path: &str, follows: bool) -> Target {
        let file = &self.files[from];
        if follows && let Some(whole) = renamed(file, path) {
            return self.resolved(from, &whole, false);
        }
        match file.language {
            Language::Rust => rust::target(self, from, path),
            Language::Python => python::target(self, file.path, path),
            Language::TypeScript | Language::Tsx | Language::JavaScript => {
                ecmascript::target(self, file.path, path)
            }
            Language::Go => go::target(self, path),
            Language::Manifest => Target::default(),
        }
    }

    /// The files directly in a folder, whose name ends with a slash unless it is the root.
    fn in_folder(&self, folder: &str) -> impl Iterator<Item = usize> {
        let start = self.files.partition_point(|file| file.path < folder);
        let all = self.files[start..].iter().enumerate();
        let inside = all.take_while(move |(_, file)| file.path.starts_with(folder));
        let direct = inside.filter(move |(_, file)| !file.path[folder.len()..].contains('/'));
        direct.map(move |(at, _)| start + at)
    }

    /// The first of these paths that is one of a file.
    fn first(&self, paths: impl IntoIterator<Item = String>) -> Option<usize> {
        paths.into_iter().find_map(|path| self.place(&path))
    }
}

/// The path with what its first name was imported as; `None` if that is no import.
fn renamed(file: &File<'_>, path: &str) -> Option<String> {
    let separator = if file.language == Language::Rust { "::" } else { "." };
    let imports = &file.head().imports;
    let fits = |alias: &str| {
        !alias.is_empty()
            && path.strip_prefix(alias).is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
    };
    // `a.b` is nearer than `a`.
    let import =
        imports.iter().filter(|import| fits(import.alias)).max_by_key(|import| import.alias.len())?;
    let rest = path[import.alias.len()..].trim_start_matches(separator);
    // A path in quotation marks is no path of names: what follows is set off by a sign that no path has.
    let joint = match file.language {
        Language::Rust => "::",
        Language::Python => ".",
        _ => "\n",
    };
    let mut whole = import.path.to_owned();
    for part in [import.name, rest].into_iter().filter(|part| !part.is_empty() && *part != "default") {
        // The dots before a path of Python are no separators.
        if !whole.is_empty() && !whole.ends_with('.') {
            whole += joint;
        }
        whole += part;
    }
    Some(whole)
}
