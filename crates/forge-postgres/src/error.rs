//! Why a database cannot be used, and what kind of failure an answer of it is.

use std::{error::Error, time::Duration};

use forge_core::storage::{StorageError, StorageErrorKind};
use tokio_postgres::error::SqlState;

/// Why a database cannot be used. Each text says what to do; none holds a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The address is none.
    #[error("the address of the database cannot be read; write postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Url {
        /// What is wrong with it.
        source: BoxError,
    },
    /// An option is out of range.
    #[error("{reason}")]
    Option {
        /// Which, and what it may be.
        reason: String,
    },
    /// No server answers.
    #[error(
        "no PostgreSQL answers at {address}; check the address, and that the server runs and lets this machine in"
    )]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        source: BoxError,
    },
    /// The server knows no such user, password or database, or does not let it in from here.
    #[error(
        "PostgreSQL at {address} refused the log-in of `{user}`; check the user, the password, the database and pg_hba.conf"
    )]
    Login {
        /// Where.
        address: String,
        /// Who.
        user: String,
        /// Why.
        source: BoxError,
    },
    /// The server is too old.
    #[error("the server is PostgreSQL {found}; Forge needs 14 or newer")]
    OldServer {
        /// Its version.
        found: String,
    },
    /// Nothing can be written there.
    #[error("the server at {address} only reads, as a replica does; give the address of the primary")]
    ReadOnly {
        /// Where.
        address: String,
    },
    /// The clocks differ.
    #[error("the clock of this machine is {} ms from that of the database; synchronise both", skew.as_millis())]
    ClockSkew {
        /// By how much.
        skew: Duration,
    },
    /// The user may not do what is needed.
    #[error("`{user}` may not {what}; a superuser or the owner can grant it")]
    MissingRight {
        /// Who.
        user: String,
        /// What is needed.
        what: String,
    },
    /// The schema belongs to something else.
    #[error("the schema `{schema}` holds the table `{table}`, which is not Forge's; name another schema")]
    Foreign {
        /// The schema.
        schema: String,
        /// A table in it.
        table: String,
    },
    /// The schema has a form that this program does not know.
    #[error("the schema `{schema}` has form {found}, and this program knows {known}; use a newer program")]
    Newer {
        /// The schema.
        schema: String,
        /// Its form.
        found: i32,
        /// The newest form that is known.
        known: i32,
    },
    /// The schema has an older form, or none, and was not to be migrated.
    #[error("the schema `{schema}` has form {found} of {known}; run `forge storage migrate`")]
    NotMigrated {
        /// The schema.
        schema: String,
        /// Its form; 0 is none.
        found: i32,
        /// The newest form.
        known: i32,
    },
    /// Anything else.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Any cause.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

impl From<PostgresError> for StorageError {
    fn from(error: PostgresError) -> Self {
        match error {
            PostgresError::Storage(error) => error,
            other => Self::new(StorageErrorKind::Io, "use the database", other),
        }
    }
}

/// A question that was not answered.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: StorageErrorKind,
    pub(crate) source: BoxError,
    /// Whether what was to be written is refused for what it holds, however often it is tried.
    pub(crate) is_of_data: bool,
}

impl Failure {
    pub(crate) fn new(kind: StorageErrorKind, source: impl Into<BoxError>) -> Self {
        Self { kind, source: source.into(), is_of_data: false }
    }

    pub(crate) fn to(self, what: &str) -> StorageError {
        StorageError::new(self.kind, what, self.source)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let is_of_data = error.code().is_some_and(is_of_data);
        Self { is_of_data, ..Self::new(error.code().map_or(StorageErrorKind::Io, kind), error) }
    }
}

impl From<deadpool_postgres::PoolError> for Failure {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => error.into(),
            // All connections are in use: another call may end soon.
            deadpool_postgres::PoolError::Timeout(_) => Self::new(StorageErrorKind::Busy, error),
            _ => Self::new(StorageErrorKind::Io, error),
        }
    }
}

/// What is stored and was not written by this program.
impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new(StorageErrorKind::Damaged, error)
    }
}

/// Wrong data, a constraint that is broken, a row that is too large.
fn is_of_data(code: &SqlState) -> bool {
    ["22", "23", "54"].iter().any(|class| code.code().starts_with(class))
}

fn kind(code: &SqlState) -> StorageErrorKind {
    match code.code() {
        "53100" | "53200" => StorageErrorKind::Full,
        // Too many connections, a lock, a deadlock, a server that starts or stops.
        "53300" | "55P03" | "40001" | "40P01" | "57P01" | "57P02" | "57P03" => StorageErrorKind::Busy,
        "XX001" | "XX002" => StorageErrorKind::Damaged,
        // A table, a column, a function or a schema is not there: somebody else's, or of another form.
        "42P01" | "42703" | "42883" | "3F000" => StorageErrorKind::Foreign,
        _ => StorageErrorKind::Io,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_has_to_be_mended() {
        for (code, expected) in [
            ("53100", StorageErrorKind::Full),
            ("57P03", StorageErrorKind::Busy),
            ("53300", StorageErrorKind::Busy),
            ("XX001", StorageErrorKind::Damaged),
            ("42P01", StorageErrorKind::Foreign),
            ("42501", StorageErrorKind::Io),
        ] {
            assert_eq!(kind(&SqlState::from_code(code)), expected, "{code}");
        }
    }
}
