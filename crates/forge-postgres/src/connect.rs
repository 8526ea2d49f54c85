//! Connections, and whether the server at their other end can be used.

use std::{sync::Arc, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use forge_core::storage::{StorageError, StorageErrorKind};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres::{Client, Config, Connection, Socket, config::Host};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    error::{Failure, PostgresError},
    options::PostgresOptions,
};

/// The oldest server that can be used, as PostgreSQL numbers its versions.
const OLDEST: i32 = 140_000;

type TlsStream = <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream;

/// How connections are made.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    pub(crate) address: String,
    pub(crate) user: String,
}

impl Connector {
    pub(crate) fn new(options: &PostgresOptions) -> Result<Self, PostgresError> {
        check(options)?;
        let mut config: Config =
            options.url.parse().map_err(|error| PostgresError::Url { source: Box::new(error) })?;
        let address =
            address(&config).ok_or_else(|| PostgresError::Url { source: "it names no host".into() })?;
        let user = config.get_user().unwrap_or_default().to_owned();
        // By the start-up message, so that it holds for every statement of the connection and costs no round trip.
        // The server gives up when the caller does, so that nothing happens afterwards.
        let limit = options.timeout.as_millis();
        let path = format!("-c search_path=\"{}\" -c statement_timeout={limit}", options.schema);
        let path = config.get_options().map_or_else(|| path.clone(), |own| format!("{own} {path}"));
        config.options(path);
        if config.get_application_name().is_none() {
            config.application_name("forge");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        Ok(Self { config, tls: tls()?, address, user })
    }

    pub(crate) fn pool(&self, options: &PostgresOptions) -> Result<Pool, PostgresError> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(self.config.clone(), self.tls.clone(), recycling);
        let pool = Pool::builder(manager).max_size(options.pool).runtime(Runtime::Tokio1);
        let pool = pool.wait_timeout(Some(options.timeout)).create_timeout(Some(options.timeout)).build();
        pool.map_err(|error| PostgresError::Option { reason: error.to_string() })
    }

    /// A connection beside the pool, which its caller drives.
    pub(crate) async fn open(&self) -> Result<(Client, Connection<Socket, TlsStream>), PostgresError> {
        self.config.connect(self.tls.clone()).await.map_err(|error| self.refused(error))
    }

    /// A connection beside the pool, on a server that can be used.
    pub(crate) async fn open_checked(&self, options: &PostgresOptions) -> Result<Client, PostgresError> {
        let (client, connection) = self.open().await?;
        tokio::spawn(connection);
        let row = client
            .query_one(
                "SELECT current_setting('server_version_num')::int, current_setting('server_version'),
                     pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on',
                     (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
                &[],
            )
            .await
            .map_err(|error| Failure::from(error).to("ask the database what it is"))?;
        check_version(row.get(0), row.get(1))?;
        if row.get(2) {
            return Err(PostgresError::ReadOnly { address: self.address.clone() });
        }
        let skew = options.clock.now().timestamp_millis().abs_diff(row.get(3));
        match options.max_skew {
            Some(most) if Duration::from_millis(skew) > most => {
                Err(PostgresError::ClockSkew { skew: Duration::from_millis(skew) })
            }
            _ => Ok(client),
        }
    }

    fn refused(&self, error: tokio_postgres::Error) -> PostgresError {
        let address = self.address.clone();
        match error.code().map(tokio_postgres::error::SqlState::code) {
            // A class of its own for who may come in, and a database that is not there.
            Some(code) if code.starts_with("28") || code == "3D000" => {
                PostgresError::Login { address, user: self.user.clone(), source: Box::new(error) }
            }
            // The server asks for a password, and there is none to give.
            None if self.config.get_password().is_none() && error.to_string().contains("password") => {
                PostgresError::Login { address, user: self.user.clone(), source: Box::new(error) }
            }
            Some(_) => Failure::from(error).to("connect to the database").into(),
            None => PostgresError::Unreachable { address, source: Box::new(error) },
        }
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector")
            .field("address", &self.address)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

fn check(options: &PostgresOptions) -> Result<(), PostgresError> {
    let PostgresOptions { schema, pool, queue, reservation_ttl, .. } = options;
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let named = (1..=63).contains(&schema.len())
        && schema.bytes().all(good)
        && !schema.starts_with(|first: char| first.is_ascii_digit())
        && !schema.starts_with("pg_");
    let reason = if !named {
        "the schema is named by 1 to 63 of a-z, 0-9 and _, begins with no digit, and not with pg_"
    } else if *pool == 0 || *queue == 0 || reservation_ttl.is_zero() {
        "the pool and the queue hold at least 1, and reservations live for some time"
    } else {
        return Ok(());
    };
    Err(PostgresError::Option { reason: reason.to_owned() })
}

fn check_version(number: i32, found: String) -> Result<(), PostgresError> {
    if number < OLDEST { Err(PostgresError::OldServer { found }) } else { Ok(()) }
}

/// The hosts with their ports, as people write them; `None` without any.
fn address(config: &Config) -> Option<String> {
    let host = |(at, host): (usize, &Host)| {
        let port = config.get_ports().get(at).or(config.get_ports().first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    };
    let hosts: Vec<_> = config.get_hosts().iter().enumerate().map(host).collect();
    (!hosts.is_empty()).then(|| hosts.join(","))
}

fn tls() -> Result<MakeRustlsConnect, PostgresError> {
    let failed = |error: rustls::Error| StorageError::new(StorageErrorKind::Io, "set up TLS", error);
    // Named, so that nothing depends on which provider some other crate has installed for the process.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(rustls::ConfigBuilder::with_platform_verifier)
        .map_err(failed)?;
    Ok(MakeRustlsConnect::new(builder.with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_before_14_is_refused() {
        assert!(check_version(140_000, "14.0".into()).is_ok());
        let text = check_version(130_021, "13.21".into()).unwrap_err().to_string();
        assert!(text.contains("13.21") && text.contains("14"), "{text}");
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        let config: Config = "postgres://ada:sk-test-secret@one:1,two/db".parse().unwrap();
        assert_eq!(address(&config).unwrap(), "one:1,two:5432");
        let options = PostgresOptions::new("postgres://ada:sk-test-secret@one:1/db");
        let connector = Connector::new(&options).unwrap();
        assert!(!format!("{options:?}{connector:?}").contains("sk-test-secret"));
        for wrong in ["", "mysql://ada:sk-test-secret@one/db", "postgres://ada:sk-test-secret@one:x/db"] {
            let error = Connector::new(&PostgresOptions::new(wrong)).unwrap_err();
            assert!(matches!(error, PostgresError::Url { .. }), "{wrong}: {error:?}");
            assert!(!format!("{error:?}{error}").contains("sk-test-secret"));
        }
    }

    #[test]
    fn a_schema_has_a_plain_name() {
        for wrong in ["", "A", "a-b", "1a", "pg_x", "a\"b", &"x".repeat(64)] {
            let error =
                Connector::new(&PostgresOptions::new("postgres://one/db").with_schema(wrong)).unwrap_err();
            assert!(matches!(error, PostgresError::Option { .. }), "{wrong}: {error:?}");
        }
    }
}
