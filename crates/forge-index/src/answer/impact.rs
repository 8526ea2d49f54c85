//! What a change reaches.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    bind::{Binder, Table},
    error::IndexError,
    facts::{Def, Ref},
    index::Index,
    kind::{Confidence, Kind},
    row::{Row, Status},
    tree::Tree,
};

use super::{
    diff::{Change, Changes},
    owners::Owners,
    rows,
};

/// What a change reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Impact {
    /// The definitions that are changed.
    pub changed: Vec<Row>,
    /// What uses them, the nearest first; tests stand apart.
    pub callers: Vec<Reached>,
    /// Tests that use them, the nearest first.
    pub tests: Vec<Reached>,
    /// Who owns the files of all of these, where `CODEOWNERS` says so.
    pub owners: Vec<Owned>,
    /// Paths of the change of which the index knows nothing, such as files that are removed.
    pub unknown: Vec<String>,
    /// Rows above [`crate::Options::max_rows`].
    pub more: usize,
    /// The index behind it.
    pub status: Status,
}

/// A definition that a change reaches, or the use in a file outside of any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Reached {
    /// Over how many uses: 1 uses what is changed.
    pub depth: usize,
    /// The definition that it uses.
    pub via: String,
    /// The definition, with the least sure use on the way.
    #[serde(flatten)]
    pub row: Row,
}

/// A file and its owners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Owned {
    /// From the root.
    pub path: String,
    /// As `CODEOWNERS` writes them.
    pub owners: Vec<String>,
}

/// A definition by its places in the tree and in its file.
type Place = (usize, usize);

impl Index {
    /// What uses the definitions that are changed, what uses those, and so on, `depth` times. A use of which nothing but the name is
    /// known leads on only where one definition has that name.
    pub fn impact(&mut self, changes: &Changes, depth: usize) -> Result<Impact, IndexError> {
        self.refresh();
        let tree = Tree::new(self);
        let mut impact = Impact { status: self.status().clone(), ..Impact::default() };
        let mut seen: BTreeSet<Place> = BTreeSet::new();
        for change in &changes.0 {
            let path = self.relative(&change.path)?;
            let places = Self::touched(&tree, &path, change);
            if places.is_empty() && !tree.files.iter().any(|file| file.is_in(&path)) {
                impact.unknown.push(path);
            }
            seen.extend(places);
        }
        impact.changed = seen.iter().map(|place| self.row(&tree, *place, Confidence::Exact)).collect();
        let mut level: BTreeMap<Place, Confidence> =
            seen.iter().map(|place| (*place, Confidence::Exact)).collect();
        for depth in 1..=depth {
            level = self.level(&tree, &level, depth, &mut seen, &mut impact);
            if level.is_empty() {
                break;
            }
        }
        self.finish(&mut impact);
        Ok(impact)
    }

    /// The definitions that a change touches: the innermost ones around its lines, or all of a file or a folder.
    fn touched(tree: &Tree<'_>, path: &str, change: &Change) -> Vec<Place> {
        let mut found = Vec::new();
        for (place, file) in tree.files.iter().enumerate().filter(|(_, file)| file.is_in(path)) {
            let head = file.head();
            let is_hit = |def: &Def<&str>| {
                let (first, last) = def.lines;
                change.lines.as_ref().is_none_or(|ranges| {
                    ranges.iter().any(|range| *range.start() <= last && *range.end() >= first)
                })
            };
            // Of lines, the innermost definitions are meant.
            let hit = head.defs.iter().filter(|def| change.lines.is_some() && is_hit(def));
            let outer: BTreeSet<u32> = hit.filter_map(|def| def.parent).collect();
            let all = (0..).zip(&head.defs);
            let meant = all.filter(|(at, def)| is_hit(def) && !outer.contains(at) && def.kind != Kind::Impl);
            found.extend(meant.filter_map(|(at, _)| Some((place, usize::try_from(at).ok()?))));
        }
        found
    }

    /// The definitions that use those of a level and were not met before.
    fn level(
        &self,
        tree: &Tree<'_>,
        level: &BTreeMap<Place, Confidence>,
        depth: usize,
        seen: &mut BTreeSet<Place>,
        impact: &mut Impact,
    ) -> BTreeMap<Place, Confidence> {
        let name_of = |(place, at): &Place| {
            let head = tree.files[*place].head();
            head.name(head.defs[*at].name)
        };
        let names: BTreeSet<&str> = level.keys().map(name_of).collect();
        let table = Table::of(tree, |name| names.contains(name));
        let mut next: BTreeMap<Place, (Confidence, String)> = BTreeMap::new();
        for (place, file) in tree.files.iter().enumerate() {
            if !file.blob.mentions(|name| names.contains(name)) {
                continue;
            }
            let binder = Binder::new(tree, place);
            for one in file.blob.refs().filter(|one| names.contains(binder.original(one))) {
                let Some((sure, via)) = hit(&binder, &table, level, &one) else { continue };
                let user = one.inside.and_then(|inside| usize::try_from(inside).ok()).map(|at| (place, at));
                match user {
                    Some(user) if !seen.contains(&user) => {
                        let known = next.entry(user).or_insert_with(|| (sure, via.to_owned()));
                        known.0 = known.0.min(sure);
                    }
                    // An import uses nothing by itself.
                    None if depth == 1 && one.kind != Kind::Import => {
                        let row = rows::of_ref(self, file.path, file.head(), &one, sure);
                        impact.add(Reached { depth, via: via.to_owned(), row }, false);
                    }
                    _ => {}
                }
            }
        }
        for (user, (sure, via)) in &next {
            seen.insert(*user);
            let is_test = tree.files[user.0].head().defs[user.1].is_test;
            impact.add(Reached { depth, via: via.clone(), row: self.row(tree, *user, *sure) }, is_test);
        }
        next.into_iter().map(|(user, (sure, _))| (user, sure)).collect()
    }

    fn row(&self, tree: &Tree<'_>, (place, at): Place, confidence: Confidence) -> Row {
        let file = &tree.files[place];
        let head = file.head();
        rows::of_def(self, file.path, head, &head.defs[at], confidence)
    }

    /// Puts the rows in order, and adds what stands beside the code.
    fn finish(&self, impact: &mut Impact) {
        let most = self.options.max_rows;
        for list in [&mut impact.callers, &mut impact.tests] {
            list.sort_by(|one, other| {
                let key = |one: &Reached| (one.depth, one.row.confidence, one.row.line);
                (one.depth, one.row.confidence, &one.row.path)
                    .cmp(&(other.depth, other.row.confidence, &other.row.path))
                    .then_with(|| key(one).cmp(&key(other)))
            });
            list.dedup_by(|one, other| one.row == other.row);
            impact.more += list.len().saturating_sub(most);
            list.truncate(most);
        }
        if let Some(owners) = Owners::read(self.root()) {
            let changed = impact.changed.iter();
            let reached = impact.callers.iter().chain(&impact.tests).map(|one| &one.row);
            let paths: BTreeSet<&String> =
                changed.chain(reached).map(|row| &row.path).chain(&impact.unknown).collect();
            let owned = paths.into_iter().map(|path| Owned { path: path.clone(), owners: owners.of(path) });
            impact.owners = owned.filter(|owned| !owned.owners.is_empty()).collect();
        }
        self.mark_stale(&mut impact.changed);
        for one in impact.callers.iter_mut().chain(&mut impact.tests) {
            self.mark_stale(std::slice::from_mut(&mut one.row));
        }
    }
}

impl Impact {
    fn add(&mut self, one: Reached, is_test: bool) {
        let is_test = is_test || is_test_file(&one.row.path);
        let list = if is_test { &mut self.tests } else { &mut self.callers };
        list.push(one);
    }
}

/// The surest way in which a use means a definition of the level, and the name of that.
fn hit<'i>(
    binder: &Binder<'_, 'i>,
    table: &Table<'i>,
    level: &BTreeMap<Place, Confidence>,
    one: &Ref,
) -> Option<(Confidence, &'i str)> {
    let (name, all) = table.0.get_key_value(binder.original(one))?;
    let bound = binder.bind(one, name, all);
    // One name with many meanings leads everywhere.
    let is_open = |sure: Confidence| sure != Confidence::NameOnly || all.len() == 1;
    let hits = bound.iter().filter(|(_, sure)| is_open(*sure)).filter_map(|(at, sure)| {
        let before = level.get(&(all[*at].file, all[*at].def))?;
        Some((*sure).max(*before))
    });
    hits.min().map(|sure| (sure, *name))
}

/// Whether a file is one of tests, by its path.
fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.split('/').any(|part| matches!(part, "tests" | "test" | "__tests__" | "spec"))
        || [".test.", ".spec.", "_test."].iter().any(|sign| name.contains(sign))
        || name.starts_with("test_")
}
