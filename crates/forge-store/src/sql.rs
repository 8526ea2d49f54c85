//! Read-only queries in SQL.

use std::{
    fmt::Write as _,
    io,
    time::{Duration, Instant},
};

use rusqlite::{
    Batch, Connection, Error, ErrorCode, Statement,
    fallible_iterator::FallibleIterator as _,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
    types::ValueRef,
};
use serde_json::{Number, Value};

use crate::{error::StoreError, schema, store::Store};

/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 10_000;
/// Bytes of a text that a statement may make; far more than any entry of a journal has.
const TEXT: i32 = 256 << 20;

/// Pragmas that only read, with an argument as well.
const PRAGMAS: [&str; 11] = [
    "collation_list",
    "compile_options",
    "database_list",
    "foreign_key_list",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_list",
    "table_xinfo",
];
/// Pragmas that only read as long as they have no argument.
const FACTS: [&str; 6] =
    ["application_id", "freelist_count", "page_count", "page_size", "schema_version", "user_version"];

/// A part of an answer in SQL.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "an answer has columns and rows")]
pub enum SqlPart<'a> {
    /// The names of the columns, before every row.
    Columns(&'a [String]),
    /// The values of a row. A blob is written in hexadecimal.
    Row(&'a [Value]),
}

impl Store {
    /// Runs one statement that only reads, and hands its columns and rows to `take` as they come; returns how many
    /// rows there were. It sees one state of the file, and ends after `within`. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Statement`] if it is no statement, more than one, or one that does more than read;
    /// [`StoreError::TimedOut`] after `within`; otherwise when the file cannot be read, or an error of `take`.
    pub fn sql(
        &self,
        statement: &str,
        within: Duration,
        take: impl FnMut(SqlPart<'_>) -> io::Result<()>,
    ) -> Result<u64, StoreError> {
        let mut conn = schema::read_only(&self.shared.options)?;
        restrict(&mut conn, within).map_err(|source| StoreError::sqlite("read", self.path(), source))?;
        let failed = |source| self.fault(source, within);
        let mut batch = Batch::new(&conn, statement);
        let Some(only) = batch.next().map_err(failed)? else {
            return Err(StoreError::Statement { reason: "there is no statement".into() });
        };
        // What comes behind it need not even be SQL.
        if !matches!(batch.next(), Ok(None)) {
            return Err(StoreError::Statement { reason: "there is more than one statement".into() });
        }
        // To SQLite BEGIN and ATTACH are read-only as well, but they have no columns.
        if !only.readonly() || only.column_count() == 0 {
            return Err(StoreError::Statement { reason: FORBIDDEN.into() });
        }
        let mut failure = None;
        let count = rows(only, take, &mut failure).map_err(failed)?;
        match failure {
            Some(source) => {
                Err(StoreError::Io { what: "hand on from", path: self.path().to_owned(), source })
            }
            None => Ok(count),
        }
    }

    fn fault(&self, error: Error, within: Duration) -> StoreError {
        let (code, reason) = match &error {
            Error::SqlInputError { error, msg, sql, offset } => (error.code, place(msg, sql, *offset)),
            Error::SqliteFailure(failure, message) => (failure.code, message.clone().unwrap_or_default()),
            _ => return StoreError::sqlite("read", self.path(), error),
        };
        match code {
            ErrorCode::OperationInterrupted => StoreError::TimedOut { within },
            ErrorCode::AuthorizationForStatementDenied => StoreError::Statement { reason: FORBIDDEN.into() },
            ErrorCode::Unknown | ErrorCode::TooBig | ErrorCode::TypeMismatch => {
                StoreError::Statement { reason }
            }
            _ => StoreError::sqlite("read", self.path(), error),
        }
    }
}

const FORBIDDEN: &str = "the statement does more than read this database";

/// `no such column: costs, at character 8`
fn place(message: &str, sql: &str, offset: i32) -> String {
    let before = usize::try_from(offset).ok().and_then(|offset| sql.get(..offset));
    match before {
        Some(before) => format!("{message}, at character {}", before.chars().count() + 1),
        None => message.to_owned(),
    }
}

fn rows(
    mut statement: Statement<'_>,
    mut take: impl FnMut(SqlPart<'_>) -> io::Result<()>,
    failure: &mut Option<io::Error>,
) -> rusqlite::Result<u64> {
    let columns: Vec<_> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query([])?;
    // A fault in the first row comes before the columns are handed on.
    let mut next = rows.next()?;
    let mut handed = take(SqlPart::Columns(&columns));
    let mut values = Vec::with_capacity(columns.len());
    let mut count = 0;
    while let (Some(row), Ok(())) = (next, &handed) {
        values.clear();
        for column in 0..columns.len() {
            values.push(value(row.get_ref(column)?));
        }
        handed = take(SqlPart::Row(&values));
        count += 1;
        next = rows.next()?;
    }
    *failure = handed.err();
    Ok(count)
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => {
            // JSON has no infinity.
            Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number)
        }
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => hexadecimal(bytes).into(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// Beside being opened for reading alone, the connection may neither reach another file nor go on for ever.
fn restrict(conn: &mut Connection, within: Duration) -> rusqlite::Result<()> {
    conn.set_limit(Limit::SQLITE_LIMIT_LENGTH, TEXT)?;
    conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    conn.authorizer(Some(
        |context: AuthContext<'_>| {
            if reads(&context.action) { Authorization::Allow } else { Authorization::Deny }
        },
    ))?;
    let begun = Instant::now();
    conn.progress_handler(STEPS, Some(move || begun.elapsed() >= within))
}

fn reads(action: &AuthAction<'_>) -> bool {
    match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => !function_name.eq_ignore_ascii_case("load_extension"),
        AuthAction::Pragma { pragma_name, pragma_value } => {
            let is = |known: &&str| known.eq_ignore_ascii_case(pragma_name);
            PRAGMAS.iter().any(is) || (pragma_value.is_none() && FACTS.iter().any(is))
        }
        _ => false,
    }
}
