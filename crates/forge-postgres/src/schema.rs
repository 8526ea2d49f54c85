//! Which form the tables have, and how they come to the newest one.

use tokio_postgres::Client;

use crate::{
    connect::Connector,
    error::{Failure, PostgresError},
    options::PostgresOptions,
};

/// A step from one form of the tables to the next. Steps are never taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migration {
    /// The form afterwards, from 1.
    pub version: i32,
    /// The statements.
    pub sql: &'static str,
}

impl Migration {
    /// All of them, in order.
    pub const ALL: &'static [Self] = &[Self { version: 1, sql: include_str!("v1.sql") }];

    /// The newest form.
    pub const fn newest() -> i32 {
        Self::ALL[Self::ALL.len() - 1].version
    }
}

/// Which form a schema has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaStatus {
    /// The schema.
    pub schema: String,
    /// Where the server is.
    pub address: String,
    /// The form of its tables; 0 where there are none.
    pub version: i32,
    /// The newest form that this program knows.
    pub newest: i32,
}

impl SchemaStatus {
    /// Whether there is nothing to migrate.
    pub fn is_current(&self) -> bool {
        self.version == self.newest
    }
}

/// The form of the schema; 0 where it is not there or empty.
async fn version(client: &Client, schema: &str) -> Result<i32, PostgresError> {
    let ask = async {
        let tables = client
            .query(
                "SELECT tablename::text FROM pg_tables WHERE schemaname = $1 ORDER BY tablename",
                &[&schema],
            )
            .await?;
        let tables: Vec<String> = tables.iter().map(|row| row.get(0)).collect();
        if !tables.iter().any(|table| table == "forge_schema") {
            return Ok(Err(tables.into_iter().next()));
        }
        let row =
            client.query_one(&format!("SELECT max(version) FROM \"{schema}\".forge_schema"), &[]).await?;
        Ok::<_, Failure>(Ok(row.get::<_, Option<i32>>(0)))
    };
    match ask.await.map_err(|failure| failure.to("read the form of the tables"))? {
        Ok(version) => Ok(version.unwrap_or(0)),
        Err(None) => Ok(0),
        Err(Some(table)) => Err(PostgresError::Foreign { schema: schema.to_owned(), table }),
    }
}

pub(crate) async fn status(
    connector: &Connector,
    client: &Client,
    schema: &str,
) -> Result<SchemaStatus, PostgresError> {
    let (version, newest) = (version(client, schema).await?, Migration::newest());
    if version > newest {
        return Err(PostgresError::Newer { schema: schema.to_owned(), found: version, known: newest });
    }
    Ok(SchemaStatus { schema: schema.to_owned(), address: connector.address.clone(), version, newest })
}

/// Takes the steps that are missing, all of them or none, and returns them.
pub(crate) async fn migrate(
    connector: &Connector,
    client: &mut Client,
    schema: &str,
) -> Result<Vec<Migration>, PostgresError> {
    // Before the lock: a usual start finds the newest form and waits for nobody.
    if status(connector, client, schema).await?.is_current() {
        return Ok(Vec::new());
    }
    let refused = |error: tokio_postgres::Error| match error.code().map(tokio_postgres::error::SqlState::code)
    {
        Some("42501") => missing(connector, format!("create the schema `{schema}` and tables in it")),
        _ => Failure::from(error).to("migrate the tables").into(),
    };
    let transaction = client.transaction().await.map_err(refused)?;
    // A step may take longer than a question, and so may the wait for another program's.
    transaction.batch_execute("SET LOCAL statement_timeout = 0").await.map_err(refused)?;
    // Of several programs that start at once, one migrates, and the others find it done.
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('forge.migrate.' || $1, 0))";
    transaction.execute(lock, &[&schema]).await.map_err(refused)?;
    let before = status(connector, transaction.client(), schema).await?.version;
    if before == 0 {
        let there = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
        // Only where it is missing: its owner may have made it for a user who may make none.
        if !transaction.query_one(there, &[&schema]).await.map_err(refused)?.get::<_, bool>(0) {
            transaction.batch_execute(&format!("CREATE SCHEMA \"{schema}\"")).await.map_err(refused)?;
        }
    }
    let steps: Vec<_> = Migration::ALL.iter().filter(|step| step.version > before).copied().collect();
    for step in &steps {
        transaction.batch_execute(step.sql).await.map_err(refused)?;
        let note = "INSERT INTO forge_schema (version) VALUES ($1)";
        transaction.execute(note, &[&step.version]).await.map_err(refused)?;
    }
    transaction.commit().await.map_err(refused)?;
    Ok(steps)
}

/// Brings the schema to the newest form where that is wanted, and checks that all of it can be used.
pub(crate) async fn prepare(
    connector: &Connector,
    client: &mut Client,
    options: &PostgresOptions,
) -> Result<(), PostgresError> {
    let schema = &*options.schema;
    if options.migrate {
        migrate(connector, client, schema).await?;
    }
    let SchemaStatus { version, newest, .. } = status(connector, client, schema).await?;
    if version < newest {
        return Err(PostgresError::NotMigrated { schema: schema.to_owned(), found: version, known: newest });
    }
    let ask = "SELECT CASE
            WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN 'use the schema ' || nspname
            ELSE (SELECT 'read and write the table ' || nspname || '.' || relname FROM pg_class
                  WHERE relnamespace = n.oid AND relkind IN ('r', 'p') AND NOT (
                      has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
                      AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')) LIMIT 1)
        END FROM pg_namespace n WHERE nspname = $1";
    let row = client.query_one(ask, &[&schema]).await;
    let missed: Option<String> = row.map_err(|error| Failure::from(error).to("read the rights"))?.get(0);
    missed.map_or(Ok(()), |what| Err(missing(connector, what)))
}

fn missing(connector: &Connector, what: String) -> PostgresError {
    PostgresError::MissingRight { user: connector.user.clone(), what }
}
