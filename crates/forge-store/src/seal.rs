//! The secrets under which servers seal what their clients carry for vendors.

use async_trait::async_trait;
use forge_core::storage::{
    StorageError,
    access::{SealSecret, SealSecrets, SealStore},
};
use rusqlite::{Connection, OptionalExtension as _};

use crate::{
    access,
    error::StoreError,
    row,
    store::{self, Store},
};

fn secrets(conn: &Connection) -> rusqlite::Result<Option<SealSecrets>> {
    let mut find = conn.prepare_cached("SELECT secret FROM seal_secrets WHERE place = ?1")?;
    let mut at = |place: i64| find.query_row([place], |row| row.get(0).map(SealSecret::new)).optional();
    let Some(current) = at(0)? else { return Ok(None) };
    let secrets =
        at(1)?.map_or(SealSecrets::new(current), |before| SealSecrets::new(before).rotated(current));
    Ok(Some(secrets))
}

fn keep(conn: &Connection, secrets: &SealSecrets) -> rusqlite::Result<()> {
    let mut keep =
        conn.prepare_cached("INSERT OR REPLACE INTO seal_secrets (place, secret) VALUES (?1, ?2)")?;
    keep.execute((0, secrets.current.bytes()))?;
    if let Some(previous) = secrets.previous {
        keep.execute((1, previous.bytes()))?;
    }
    Ok(())
}

fn first(conn: &Connection, first: SealSecret) -> rusqlite::Result<SealSecrets> {
    if let Some(known) = secrets(conn)? {
        return Ok(known);
    }
    let made = SealSecrets::new(first);
    keep(conn, &made)?;
    Ok(made)
}

#[async_trait]
impl SealStore for Store {
    async fn seal_secrets(&self, first: SealSecret) -> Result<SealSecrets, StorageError> {
        // A file that cannot be written has them all the same.
        if let Some(known) = self.answer(|shared| store::read(shared, "read", secrets)).await? {
            return Ok(known);
        }
        let work = move |conn: &Connection, _: &_| self::first(conn, first).map(Ok::<_, StoreError>);
        Ok(self.commit(work, |_, secrets| secrets).await??)
    }

    async fn rotate_seal(&self, next: SealSecret, by: &str) -> Result<(), StorageError> {
        let event = SealSecrets::rotation(row::time(self.now()), by);
        let work = move |conn: &Connection, _: &_| {
            let known = secrets(conn)?;
            keep(conn, &known.map_or(SealSecrets::new(next), |known| known.rotated(next)))?;
            access::log(conn, &event).map(Ok::<_, StoreError>)
        };
        Ok(self.commit(work, |_, ()| ()).await??)
    }
}
