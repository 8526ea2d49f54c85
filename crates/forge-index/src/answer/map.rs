//! The parts of a tree that matter most, in as many tokens as there is room for.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    error::IndexError,
    index::Index,
    kind::{Confidence, Kind},
    row::{Row, Status},
    symbol::Symbol,
    tree::Tree,
};

use super::{graph::Graph, rows};

/// Characters that make a token, about.
const TOKEN: usize = 4;

/// The files that matter most, with the heads of their definitions.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Map {
    /// The highest rank first.
    pub files: Vec<MapFile>,
    /// The map as a text: a line for each file, and below it one for each definition.
    pub text: String,
    /// The tokens of the text: its characters divided by 4.
    pub tokens: usize,
    /// Files for which there was no room.
    pub more: usize,
    /// The index behind it.
    pub status: Status,
}

/// A file of a map.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MapFile {
    /// From the root.
    pub path: String,
    /// Its part of all ranks, which are 1 together.
    pub rank: f64,
    /// The definitions that there was room for, in the order of the lines.
    pub rows: Vec<Row>,
}

impl Index {
    /// The definitions that matter most by what uses them, in at most `budget_tokens` tokens of text. A focus is a path or a symbol:
    /// what those use comes first.
    pub fn map(&mut self, budget_tokens: usize, focus: &[String]) -> Result<Map, IndexError> {
        self.refresh();
        let tree = Tree::new(self);
        let focused = self.focused(&tree, focus)?;
        let graph = Graph::new(&tree);
        let (ranks, flows) = graph.ranks(tree.files.len(), &focused);
        let mut scores: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        for (edge, flow) in graph.0.iter().zip(flows) {
            *scores.entry((edge.to, edge.def)).or_default() += flow;
        }
        // Of the files that were asked for, everything is of interest.
        for place in focused {
            for at in 0..tree.files[place].head().defs.len() {
                *scores.entry((place, at)).or_default() += ranks[place];
            }
        }
        let chosen = chosen(&tree, &ranks, scores, budget_tokens.saturating_mul(TOKEN));
        Ok(self.drawn(&tree, &ranks, &chosen))
    }

    /// The files that a focus means.
    fn focused(&self, tree: &Tree<'_>, focus: &[String]) -> Result<Vec<usize>, IndexError> {
        let mut found = BTreeSet::new();
        for one in focus {
            let path = self.relative(one).unwrap_or_default();
            let before = found.len();
            if !path.is_empty() {
                found.extend((0..tree.files.len()).filter(|place| tree.files[*place].is_in(&path)));
            }
            if found.len() == before {
                let symbol = Symbol::parse(one)?;
                let defines = |place: &usize| {
                    let file = &tree.files[*place];
                    file.head().defs.iter().any(|def| symbol.is(file.path, file.head(), def))
                };
                found.extend((0..tree.files.len()).filter(defines));
            }
            if found.len() == before {
                let why = "no file has this path, and no definition this name".to_owned();
                return Err(IndexError::Path { path: one.clone(), why });
            }
        }
        Ok(found.into_iter().collect())
    }

    fn drawn(&self, tree: &Tree<'_>, ranks: &[f64], chosen: &BTreeSet<(usize, usize)>) -> Map {
        let mut places: Vec<usize> = chosen.iter().map(|(place, _)| *place).collect();
        places.dedup();
        places.sort_by(|one, other| ranks[*other].total_cmp(&ranks[*one]).then(one.cmp(other)));
        let mut text = String::new();
        let mut files = Vec::new();
        for place in &places {
            let (file, head) = (&tree.files[*place], tree.files[*place].head());
            text += &heading(file.path);
            let defs = chosen.range((*place, 0)..=(*place, usize::MAX)).map(|(_, at)| &head.defs[*at]);
            let mut rows = Vec::new();
            for def in defs {
                text += &line(def.signature, def.owner.is_some());
                rows.push(rows::of_def(self, file.path, head, def, Confidence::Exact));
            }
            self.mark_stale(&mut rows);
            files.push(MapFile { path: file.path.to_owned(), rank: ranks[*place], rows });
        }
        let tokens = text.chars().count().div_ceil(TOKEN);
        Map { more: tree.files.len() - files.len(), files, text, tokens, status: self.status().clone() }
    }
}

fn heading(path: &str) -> String {
    format!("{path}\n")
}

fn line(signature: &str, is_member: bool) -> String {
    format!("{}{signature}\n", if is_member { "    " } else { "  " })
}

/// The definitions with the highest scores for which there is room, and then files by their rank.
fn chosen(
    tree: &Tree<'_>,
    ranks: &[f64],
    scores: BTreeMap<(usize, usize), f64>,
    mut room: usize,
) -> BTreeSet<(usize, usize)> {
    let is_shown = |kind: Kind| !matches!(kind, Kind::Field | Kind::Variant | Kind::Impl);
    let mut ordered: Vec<((usize, usize), f64)> = scores
        .into_iter()
        .filter(|((place, at), _)| is_shown(tree.files[*place].head().defs[*at].kind))
        .collect();
    // What nothing uses follows by the rank of its file.
    let known: BTreeSet<_> = ordered.iter().map(|(key, _)| *key).collect();
    for (place, file) in tree.files.iter().enumerate() {
        let defs = file.head().defs.iter().enumerate();
        let rest = defs.filter(|(_, def)| is_shown(def.kind) && !def.is_test).map(|(at, _)| (place, at));
        ordered.extend(rest.filter(|key| !known.contains(key)).map(|key| (key, ranks[place] * 1e-6)));
    }
    ordered.sort_by(|(one, a), (other, b)| b.total_cmp(a).then(one.cmp(other)));
    let mut chosen = BTreeSet::new();
    let mut headed = BTreeSet::new();
    for ((place, at), _) in ordered {
        let (file, head) = (&tree.files[place], tree.files[place].head());
        let def = &head.defs[at];
        let mut cost = line(def.signature, def.owner.is_some()).chars().count();
        if !headed.contains(&place) {
            cost += heading(file.path).chars().count();
        }
        // A long head must not keep shorter ones out.
        if cost <= room {
            room -= cost;
            headed.insert(place);
            chosen.insert((place, at));
        }
        if room < 8 {
            break;
        }
    }
    chosen
}
