//! Databases that cannot be used: one clear error each, and nothing left behind.

use std::time::Duration;

use chrono::TimeDelta;
use forge_core::time::{Clock as _, ManualTimer, SystemTimer};
use forge_postgres::{Migration, PostgresError, PostgresOptions, PostgresStore};
use forge_testkit::store::wait;

use crate::server::Server;

/// What connecting is refused with. No error shows the password.
fn refused(options: PostgresOptions) -> PostgresError {
    let error = wait(PostgresStore::connect(options)).unwrap_err();
    assert!(!format!("{error:?} {error}").contains("sk-test"), "{error:?}");
    error
}

#[test]
fn an_address_without_a_server_is_unreachable() {
    let error = refused(PostgresOptions::new("postgres://ada:sk-test-1@127.0.0.1:1/forge"));
    assert!(
        matches!(&error, PostgresError::Unreachable { address, .. } if address == "127.0.0.1:1"),
        "{error:?}"
    );
    for wrong in
        ["https://ada:sk-test-1@one/db", "postgres://ada:sk-test-1@one/db?colour=red", "postgres:///"]
    {
        let error = refused(PostgresOptions::new(wrong));
        assert!(matches!(error, PostgresError::Url { .. }), "{error:?}");
    }
}

#[test]
fn a_user_or_a_database_that_is_not_there_is_a_refused_log_in() {
    let server = or_skip!(Server::shared());
    for url in [server.url_of("nobody:sk-test-1", ""), server.url().replace("/postgres", "/nowhere")] {
        let error = refused(PostgresOptions::new(url));
        assert!(matches!(error, PostgresError::Login { .. }), "{error:?}");
    }
}

#[test]
fn a_server_that_only_reads_is_refused() {
    let server = or_skip!(Server::shared());
    server.sql("CREATE ROLE reader LOGIN; ALTER ROLE reader SET default_transaction_read_only = on");
    let error = refused(PostgresOptions::new(server.url_of("reader", "")));
    assert!(matches!(error, PostgresError::ReadOnly { .. }), "{error:?}");
}

#[test]
fn a_missing_right_is_named_and_nothing_is_half_migrated() {
    let server = or_skip!(Server::shared());
    server.sql("CREATE ROLE guest LOGIN");
    let options = |schema: &str| PostgresOptions::new(server.url_of("guest", "")).with_schema(schema);
    let error = refused(options("guests"));
    assert!(matches!(&error, PostgresError::MissingRight { user, .. } if user == "guest"), "{error:?}");
    // May use the schema, and not make tables in it.
    server.sql("CREATE SCHEMA shown; GRANT USAGE ON SCHEMA shown TO guest");
    let error = refused(options("shown"));
    assert!(matches!(error, PostgresError::MissingRight { .. }), "{error:?}");
    assert_eq!(server.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'shown'"), "0");
    // The tables are another's, who let this user read and not write.
    wait(PostgresStore::migrate(PostgresOptions::new(server.url()).with_schema("shown"))).unwrap();
    server.sql("GRANT SELECT ON ALL TABLES IN SCHEMA shown TO guest");
    let error = refused(options("shown"));
    assert!(error.to_string().contains("read and write the table shown."), "{error}");
    server.sql("GRANT ALL ON ALL TABLES IN SCHEMA shown TO guest; GRANT ALL ON ALL SEQUENCES IN SCHEMA shown TO guest");
    wait(PostgresStore::connect(options("shown"))).unwrap();
}

#[test]
fn the_schema_of_another_program_is_left_alone() {
    let server = or_skip!(Server::shared());
    let options = server.options();
    server.sql(&format!("CREATE SCHEMA {0}; CREATE TABLE {0}.invoices (id int)", options.schema));
    let error = refused(options.clone());
    assert!(matches!(&error, PostgresError::Foreign { table, .. } if table == "invoices"), "{error:?}");
    let count = format!("SELECT count(*) FROM pg_tables WHERE schemaname = '{}'", options.schema);
    assert_eq!(server.sql(&count), "1");
}

#[test]
fn a_newer_schema_and_an_older_one_that_may_not_be_migrated_are_refused() {
    let server = or_skip!(Server::shared());
    let options = server.options();
    let error = refused(options.clone().without_migration());
    assert!(matches!(error, PostgresError::NotMigrated { found: 0, .. }), "{error:?}");
    assert_eq!(wait(PostgresStore::status(options.clone())).unwrap().version, 0);
    assert_eq!(wait(PostgresStore::migrate(options.clone())).unwrap(), Migration::ALL);
    assert!(wait(PostgresStore::migrate(options.clone())).unwrap().is_empty());
    assert!(wait(PostgresStore::status(options.clone())).unwrap().is_current());
    wait(PostgresStore::connect(options.clone().without_migration())).unwrap();
    server.sql(&format!("INSERT INTO {}.forge_schema (version) VALUES (99)", options.schema));
    let error = refused(options);
    assert!(matches!(error, PostgresError::Newer { found: 99, .. }), "{error:?}");
}

#[test]
fn of_eight_that_migrate_at_once_one_does() {
    let options = or_skip!(Server::shared()).options();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let options = options.clone();
            std::thread::spawn(move || wait(PostgresStore::migrate(options)).unwrap().len())
        })
        .collect();
    let steps: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(steps.iter().sum::<usize>(), Migration::ALL.len(), "{steps:?}");
}

#[test]
fn a_clock_that_is_wrong_is_told() {
    let options = or_skip!(Server::shared()).options();
    let clock = ManualTimer::new();
    let ahead = SystemTimer::shared().now() - clock.now() + TimeDelta::seconds(90);
    clock.advance(ahead.to_std().unwrap_or_default());
    let skewed = options.clone().with_clock(std::sync::Arc::new(clock), Duration::from_secs(1));
    assert!(matches!(refused(skewed), PostgresError::ClockSkew { .. }));
    wait(PostgresStore::connect(options)).unwrap();
}
