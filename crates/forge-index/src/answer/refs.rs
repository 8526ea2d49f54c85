//! Where something is used.

use crate::{
    bind::{Binder, Table},
    error::IndexError,
    index::Index,
    row::Rows,
    symbol::Symbol,
    tree::Tree,
};

use super::rows;

impl Index {
    /// Uses of a symbol, each with how sure it is that it means one of the symbol's definitions. `inside` names a file or a folder
    /// whose uses are wanted.
    pub fn refs(&mut self, symbol: &str, inside: Option<&str>) -> Result<Rows, IndexError> {
        let symbol = Symbol::parse(symbol)?;
        self.refresh();
        let tree = Tree::new(self);
        let inside = inside.map(|path| self.relative(path)).transpose()?;
        if let Some(path) = inside.as_deref().filter(|path| !tree.files.iter().any(|file| file.is_in(path))) {
            return Err(self.unknown(path));
        }
        let table = Table::of(&tree, |name| name == symbol.name);
        let all = table.0.get(symbol.name).map(Vec::as_slice).unwrap_or_default();
        let is_meant = |at: usize| {
            let file = &tree.files[all[at].file];
            let head = file.head();
            symbol.is(file.path, head, &head.defs[all[at].def])
        };
        let mut found = Vec::new();
        for (place, file) in tree.files.iter().enumerate() {
            let is_wanted = inside.as_deref().is_none_or(|path| file.is_in(path));
            if !is_wanted || !file.blob.mentions(|name| name == symbol.name) {
                continue;
            }
            let binder = Binder::new(&tree, place);
            for one in file.blob.refs().filter(|one| binder.original(one) == symbol.name) {
                let bound = binder.bind(&one, symbol.name, all);
                let sure = bound.iter().filter(|(at, _)| is_meant(*at)).map(|(_, sure)| *sure).min();
                if let Some(sure) = sure {
                    found.push(rows::of_ref(self, file.path, file.head(), &one, sure));
                }
            }
        }
        Ok(rows::ranked(self, found))
    }
}
