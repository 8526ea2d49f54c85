//! What a use means, found when it is asked for: nothing that points from one file into another is ever kept, so that no change of
//! a file can leave a wrong pointer behind.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
};

use crate::{
    facts::{Head, Import, Qualifier, Ref},
    kind::{Confidence, Kind},
    language::Language,
    tree::{Target, Tree, stem},
};

/// How many files a name may be handed on through.
const LONGEST_WAY: usize = 6;

/// Modules in which a name is looked for; more of them hand on whole worlds.
const MOST_MODULES: usize = 64;

/// A definition that a use may mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'i> {
    /// Places in the tree and in the file's list of definitions.
    pub(crate) file: usize,
    pub(crate) def: usize,
    pub(crate) kind: Kind,
    /// The type that it belongs to.
    pub(crate) owner: Option<&'i str>,
    /// The name of what is around it.
    around: Option<&'i str>,
    language: Language,
}

/// Definitions by their names.
#[derive(Debug, Default)]
pub(crate) struct Table<'i>(pub(crate) HashMap<&'i str, Vec<Candidate<'i>>>);

impl<'i> Table<'i> {
    /// Every definition whose name is wanted.
    pub(crate) fn of(tree: &Tree<'i>, wanted: impl Fn(&str) -> bool) -> Self {
        let mut table = Self::default();
        for (place, file) in tree.files.iter().enumerate() {
            if !file.blob.mentions(&wanted) {
                continue;
            }
            let head = file.head();
            for (at, def) in head.defs.iter().enumerate() {
                let name = head.name(def.name);
                // An `impl` is no definition of the type that it names.
                if def.kind == Kind::Impl || !wanted(name) {
                    continue;
                }
                let candidate = Candidate {
                    file: place,
                    def: at,
                    kind: def.kind,
                    owner: head.owner(def),
                    around: head.def(def.parent).map(|parent| head.name(parent.name)),
                    language: file.language,
                };
                table.0.entry(name).or_default().push(candidate);
            }
        }
        table
    }
}

/// What a use may mean: places in the list of candidates, and how sure each is.
pub(crate) type Bound = Vec<(usize, Confidence)>;

/// Finds what the uses in one file mean.
#[derive(Debug)]
pub(crate) struct Binder<'t, 'i> {
    tree: &'t Tree<'i>,
    from: usize,
    language: Language,
    head: &'t Head<'i>,
    /// Where paths lead, which many uses of a file share.
    targets: RefCell<HashMap<&'i str, Rc<Target>>>,
}

impl<'t, 'i> Binder<'t, 'i> {
    pub(crate) fn new(tree: &'t Tree<'i>, from: usize) -> Self {
        let file = &tree.files[from];
        let targets = RefCell::default();
        Self { tree, from, language: file.language, head: file.head(), targets }
    }

    /// Where a path leads in this file.
    fn target(&self, path: &'i str) -> Rc<Target> {
        let mut targets = self.targets.borrow_mut();
        let made = || Rc::new(self.tree.target(self.from, path));
        Rc::clone(targets.entry(path).or_insert_with(made))
    }

    /// The name that the use stands for, where an import calls it something else.
    pub(crate) fn original(&self, one: &Ref) -> &'i str {
        let name = self.head.name(one.name);
        if one.qualifier != Qualifier::Plain || one.kind == Kind::Import {
            return name;
        }
        let import = self.import(name).map(|import| import.name);
        import.filter(|original| !matches!(*original, "" | "*" | "default")).unwrap_or(name)
    }

    /// Which of the candidates, which all have the name `name`, the use means.
    pub(crate) fn bind(&self, one: &Ref, name: &str, all: &[Candidate<'i>]) -> Bound {
        let mut bound = match one.qualifier {
            Qualifier::Path(path) if one.kind == Kind::Import => {
                let target = self.tree.imported(self.from, self.head.name(path));
                imported(self.land(&target, name, all))
            }
            Qualifier::Plain => self.plain(one, name, all),
            Qualifier::Member => self.member(all),
            Qualifier::Own(owner) => self.own(self.head.name(owner), all),
            Qualifier::Path(path) => self.path(self.head.name(path), name, all),
        };
        bound.retain(|(at, _)| all[*at].language.shares_names_with(self.language));
        self.prefer(one, all, &mut bound);
        bound
    }

    /// A call means no field, and what is not called no function, where there is a choice.
    fn prefer(&self, one: &Ref, all: &[Candidate<'i>], bound: &mut Bound) {
        let fits = |at: usize| match one.kind {
            Kind::Call => !matches!(all[at].kind, Kind::Field | Kind::Module),
            Kind::NameUse => !matches!(all[at].kind, Kind::Method | Kind::Function),
            Kind::TypeUse => {
                !matches!(all[at].kind, Kind::Method | Kind::Function | Kind::Field | Kind::Macro)
            }
            Kind::MacroCall => all[at].kind == Kind::Macro,
            _ => true,
        };
        // A value of Rust is behind a point only what is no function.
        let is_sure = self.language == Language::Rust
            && (one.qualifier == Qualifier::Member || one.kind == Kind::MacroCall);
        if is_sure || bound.iter().any(|(at, _)| fits(*at)) {
            bound.retain(|(at, _)| fits(*at));
        }
    }

    fn import(&self, alias: &str) -> Option<&Import<&'i str>> {
        self.tree.files[self.from].imports(alias).next()
    }

    /// A name with nothing before it: what the file defines, imports, or shares with its package.
    fn plain(&self, one: &Ref, name: &str, all: &[Candidate<'i>]) -> Bound {
        let here = |one: &Candidate<'_>| one.file == self.from && one.owner.is_none();
        let found = places(all, here);
        if !found.is_empty() {
            return with(found, Confidence::Exact);
        }
        if let Some(import) = self.import(self.head.name(one.name)) {
            let target = self.tree.imported(self.from, import.path);
            let landed = self.land(&target, name, all);
            // A module that is there and does not show the name: a macro may make it.
            let is_lost = landed.is_empty() && !target.files.is_empty();
            return if is_lost {
                with(places(all, |one| one.owner.is_none()), Confidence::NameOnly)
            } else {
                imported(landed)
            };
        }
        if self.language == Language::Go {
            let folder = folder(self.tree.files[self.from].path);
            let beside = |one: &Candidate<'_>| {
                one.owner.is_none() && folder == self::folder(self.tree.files[one.file].path)
            };
            return with(places(all, beside), Confidence::Exact);
        }
        let globs = self.tree.files[self.from].imports("*");
        let mut landed = Vec::new();
        let mut is_open = false;
        for glob in globs {
            let target = self.tree.imported(self.from, glob.path);
            is_open |= !target.files.is_empty();
            landed.extend(self.land(&target, name, all));
        }
        landed.sort_unstable();
        landed.dedup();
        if !landed.is_empty() {
            return imported(landed);
        }
        // Macros, and names that a page of scripts shares, need no import.
        let is_global =
            one.kind == Kind::MacroCall || is_open || self.language.shares_names_with(Language::JavaScript);
        let reaches = |one: &Candidate<'_>| is_global && one.owner.is_none();
        with(places(all, reaches), Confidence::NameOnly)
    }

    /// A member of a value whose type is not known.
    fn member(&self, all: &[Candidate<'i>]) -> Bound {
        let members = places(all, |one| one.owner.is_some());
        let sure =
            |at: usize| if all[at].file == self.from { Confidence::SameFile } else { Confidence::NameOnly };
        members.into_iter().map(|at| (at, sure(at))).collect()
    }

    /// A member of the type around.
    fn own(&self, owner: &str, all: &[Candidate<'i>]) -> Bound {
        let of_type = |one: &Candidate<'_>| one.owner == Some(owner);
        let here = places(all, |one| of_type(one) && one.file == self.from);
        if !here.is_empty() {
            return with(here, Confidence::Exact);
        }
        let near = places(all, |one| of_type(one) && self.is_beside(one.file));
        if !near.is_empty() {
            return with(near, Confidence::Exact);
        }
        let elsewhere = places(all, of_type);
        if elsewhere.is_empty() {
            with(places(all, |one| one.owner.is_some()), Confidence::NameOnly)
        } else {
            with(elsewhere, Confidence::NameOnly)
        }
    }

    /// Whether a file is in the same folder, or a folder of modules of this file.
    fn is_beside(&self, file: usize) -> bool {
        let (here, there) = (self.tree.files[self.from].path, self.tree.files[file].path);
        let stem = |path: &str| path.rsplit_once('.').map_or(path.to_owned(), |(stem, _)| format!("{stem}/"));
        folder(here) == folder(there) || folder(there) == stem(here) || folder(here) == stem(there)
    }

    /// A name behind a path of names.
    fn path(&self, path: &'i str, name: &str, all: &[Candidate<'i>]) -> Bound {
        let last = path.rsplit(['.', ':']).next().unwrap_or(path);
        let target = self.target(path);
        let landed = self.land(&target, name, all);
        if !landed.is_empty() {
            let sure =
                |at: usize| if all[at].file == self.from { Confidence::Exact } else { Confidence::Import };
            return landed.into_iter().map(|at| (at, sure(at))).collect();
        }
        let of_type = |one: &Candidate<'_>| one.owner == Some(last);
        let here = places(all, |one| of_type(one) && one.file == self.from);
        if !here.is_empty() {
            return with(here, Confidence::Exact);
        }
        let first = path.split(['.', ':']).next().unwrap_or(path);
        // What is imported and not of the tree comes from elsewhere.
        if target.files.is_empty() && self.import(first).is_some() {
            return Bound::new();
        }
        let is_value = self.language != Language::Rust && !places(all, |one| one.owner.is_some()).is_empty();
        if is_value && places(all, of_type).is_empty() && target.files.is_empty() {
            return self.member(all);
        }
        // A parameter for a type, such as `T`.
        let is_parameter = last.len() == 1;
        let by_name = |one: &Candidate<'_>| match one.owner {
            Some(owner) => owner == last || is_parameter,
            None => stem(self.tree.files[one.file].path) == last || one.around == Some(last),
        };
        with(places(all, by_name), Confidence::NameOnly)
    }

    /// The candidates at a target, or where it hands the name on from.
    fn land(&self, target: &Target, name: &str, all: &[Candidate<'i>]) -> Vec<usize> {
        let mut seen = HashSet::new();
        let mut landed = self.landed(target, name, all, LONGEST_WAY, &mut seen);
        landed.sort_unstable();
        landed.dedup();
        landed
    }

    fn landed(
        &self,
        target: &Target,
        name: &str,
        all: &[Candidate<'i>],
        left: usize,
        seen: &mut HashSet<Target>,
    ) -> Vec<usize> {
        if left == 0 || seen.len() >= MOST_MODULES || !seen.insert(target.clone()) {
            return Vec::new();
        }
        let last = target.rest.last().map(String::as_str);
        let is_at = |one: &Candidate<'_>| {
            target.files.contains(&one.file)
                && match last {
                    None => one.owner.is_none(),
                    Some(last) => {
                        one.owner == Some(last) || (one.owner.is_none() && one.around == Some(last))
                    }
                }
        };
        let found = places(all, is_at);
        if !found.is_empty() {
            return found;
        }
        let wanted = target.rest.first().map_or(name, String::as_str);
        let mut found = Vec::new();
        for place in &target.files {
            let file = &self.tree.files[*place];
            for import in file.imports(wanted).chain(file.imports("*")) {
                let is_glob = import.name == "*";
                // Of a name that is handed on under another one, the candidates have the original.
                if !is_glob && target.rest.is_empty() && import.name != name {
                    continue;
                }
                let mut next = Target::clone(&self.tree.imported(*place, import.path));
                if next.files.is_empty() {
                    continue;
                }
                if !is_glob && !target.rest.is_empty() {
                    next.rest.push(import.name.to_owned());
                }
                next.rest.extend(target.rest.iter().skip(usize::from(!is_glob)).cloned());
                found.extend(self.landed(&next, name, all, left - 1, seen));
            }
        }
        found
    }
}

fn places<'i>(all: &[Candidate<'i>], fits: impl Fn(&Candidate<'i>) -> bool) -> Vec<usize> {
    all.iter().enumerate().filter(|(_, one)| fits(one)).map(|(at, _)| at).collect()
}

fn with(found: Vec<usize>, confidence: Confidence) -> Bound {
    found.into_iter().map(|at| (at, confidence)).collect()
}

fn imported(found: Vec<usize>) -> Bound {
    with(found, Confidence::Import)
}

fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..=at])
}
