//! Names that occur again and again stand in the file once.

use std::{collections::HashMap, sync::Arc};

use rusqlite::{Connection, OptionalExtension as _};

/// Ids of names, remembered for a while.
#[derive(Debug, Default)]
pub(crate) struct Names {
    ids: HashMap<Arc<str>, i64>,
    names: HashMap<i64, Arc<str>>,
}

/// Sessions and tasks come and go; what was used long ago is looked up again.
const REMEMBERED: usize = 10_000;

impl Names {
    /// The id of `name`, which is new if need be. Ids from a transaction that is undone have to be
    /// [forgotten](Self::clear).
    pub(crate) fn id(&mut self, conn: &Connection, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.find(conn, name)? {
            return Ok(id);
        }
        conn.prepare_cached("INSERT INTO names (name) VALUES (?1)")?.execute([name])?;
        let id = conn.last_insert_rowid();
        self.remember(name.into(), id);
        Ok(id)
    }

    /// The id of `name`, if it occurs.
    pub(crate) fn find(&mut self, conn: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
        if let Some(id) = self.ids.get(name) {
            return Ok(Some(*id));
        }
        let mut statement = conn.prepare_cached("SELECT id FROM names WHERE name = ?1")?;
        let found = statement.query_row([name], |row| row.get(0)).optional()?;
        if let Some(id) = found {
            self.remember(name.into(), id);
        }
        Ok(found)
    }

    pub(crate) fn name(&mut self, conn: &Connection, id: i64) -> rusqlite::Result<Arc<str>> {
        if let Some(name) = self.names.get(&id) {
            return Ok(Arc::clone(name));
        }
        let mut statement = conn.prepare_cached("SELECT name FROM names WHERE id = ?1")?;
        let name: Arc<str> = statement.query_row([id], |row| row.get(0))?;
        self.remember(Arc::clone(&name), id);
        Ok(name)
    }

    pub(crate) fn clear(&mut self) {
        self.ids.clear();
        self.names.clear();
    }

    fn remember(&mut self, name: Arc<str>, id: i64) {
        // All at once: keeping the order of their use would cost more than looking some up again.
        if self.ids.len() >= REMEMBERED {
            self.clear();
        }
        self.ids.insert(Arc::clone(&name), id);
        self.names.insert(id, name);
    }
}
