//! Where something is defined.

use regex::RegexBuilder;

use crate::{
    error::IndexError,
    facts::{Def, Head},
    index::Index,
    kind::{Confidence, Kind},
    row::{Row, Rows},
    symbol::Symbol,
    tree::Tree,
};

use super::rows;

/// Bytes that a compiled pattern may take.
const LARGEST: usize = 1 << 20;

/// Names that are offered in place of one that is not there.
const OFFERED: usize = 5;

impl Index {
    /// Definitions of a symbol: a name, or a name in a type or a module as `Engine::run` or `Engine.run`.
    pub fn find(&mut self, symbol: &str, kind: Option<Kind>) -> Result<Rows, IndexError> {
        let symbol = Symbol::parse(symbol)?;
        self.refresh();
        Ok(self.definitions(kind, |name| name == symbol.name, |path, head, def| symbol.is(path, head, def)))
    }

    /// Definitions whose name matches a regular expression.
    pub fn find_pattern(&mut self, pattern: &str, kind: Option<Kind>) -> Result<Rows, IndexError> {
        let failed =
            |why: regex::Error| IndexError::Pattern { pattern: pattern.to_owned(), why: why.to_string() };
        let matcher = RegexBuilder::new(pattern).size_limit(LARGEST).build().map_err(failed)?;
        self.refresh();
        let matches = |name: &str| matcher.is_match(name);
        Ok(self.definitions(kind, matches, |_, head, def| matches(head.name(def.name))))
    }

    /// Names of definitions that contain that of a symbol, in letters of either case: at most 5, the shortest first. For whoever
    /// asked for one that is not there.
    pub fn like(&mut self, symbol: &str, kind: Option<Kind>) -> Vec<String> {
        let name = symbol.rsplit([':', '.']).next().unwrap_or(symbol);
        let pattern: String =
            name.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '.' }).collect();
        let near =
            self.find_pattern(&format!("(?i){pattern}"), kind).map(|rows| rows.rows).unwrap_or_default();
        let mut names: Vec<String> = near.into_iter().map(|row| row.name).collect();
        names.sort_unstable_by_key(|name| (name.len(), name.clone()));
        names.dedup();
        names.truncate(OFFERED);
        names
    }

    fn definitions(
        &self,
        kind: Option<Kind>,
        mentioned: impl Fn(&str) -> bool,
        wanted: impl Fn(&str, &Head<'_>, &Def<&str>) -> bool,
    ) -> Rows {
        let tree = Tree::new(self);
        let mut found: Vec<Row> = Vec::new();
        for file in tree.files.iter().filter(|file| file.blob.mentions(&mentioned)) {
            let head = file.head();
            let defs = head.defs.iter().filter(|def| match kind {
                Some(kind) => def.kind == kind,
                // An `impl` is found by its kind alone: it defines nothing.
                None => def.kind != Kind::Impl,
            });
            let defs = defs.filter(|def| wanted(file.path, head, def));
            found.extend(defs.map(|def| rows::of_def(self, file.path, head, def, Confidence::Exact)));
        }
        rows::ranked(self, found)
    }
}
