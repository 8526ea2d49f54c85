//! What a file holds.

use serde::Serialize;

use crate::{
    error::IndexError,
    index::Index,
    kind::Confidence,
    language::Language,
    row::{Row, Status},
    tree::Tree,
};

use super::rows;

/// The definitions of a file in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Outline {
    /// From the root.
    pub path: String,
    /// The language of the file.
    pub language: Language,
    /// The first paragraph of the file's own documentation.
    pub doc: String,
    /// The definitions, in the order of the lines.
    pub items: Vec<Item>,
    /// The index behind them.
    pub status: Status,
}

/// A definition of an outline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Item {
    /// How many definitions of the file are around it.
    pub depth: usize,
    /// The definition.
    #[serde(flatten)]
    pub row: Row,
}

impl Index {
    /// The definitions of one file with their documentation. The path is one from the root, or a whole one.
    pub fn outline(&mut self, path: &str) -> Result<Outline, IndexError> {
        self.refresh();
        let path = self.relative(path)?;
        let tree = Tree::new(self);
        let Some(place) = tree.place(&path) else { return Err(self.unknown(&path)) };
        let file = &tree.files[place];
        let head = file.head();
        let mut depths: Vec<usize> = Vec::new();
        for def in &head.defs {
            let above = def.parent.and_then(|parent| depths.get(usize::try_from(parent).ok()?));
            depths.push(above.map_or(0, |depth| depth + 1));
        }
        let found = head.defs.iter().map(|def| rows::of_def(self, file.path, head, def, Confidence::Exact));
        let mut found: Vec<Row> = found.collect();
        self.mark_stale(&mut found);
        let items = found.into_iter().zip(depths).map(|(row, depth)| Item { depth, row }).collect();
        let status = self.status().clone();
        Ok(Outline { language: file.language, doc: head.doc.to_owned(), items, status, path })
    }
}
