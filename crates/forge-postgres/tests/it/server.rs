//! A PostgreSQL of its own for a process of tests.

use std::{
    fs::{self, File},
    io::Write as _,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Once, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use forge_core::time::ManualTimer;
use forge_postgres::{PostgresOptions, PostgresStore};
use forge_testkit::store::{Subject, wait};

/// Where the programs of a server are looked for, the newest first.
const PLACES: [&str; 5] = ["18", "17", "16", "15", "14"];

/// What is said where there is none.
const MISSING: &str = "SKIPPED: PostgreSQL is not installed, so that nothing is tested here; install the package `postgresql` (Debian, Ubuntu) or `postgresql-server`\n";

/// A server in a folder of its own, which ends with the process, however that ends.
pub(crate) struct Server {
    bin: PathBuf,
    dir: PathBuf,
    pub(crate) port: u16,
    /// The server goes when this pipe is closed.
    _keeper: Child,
}

impl Server {
    /// The server that all tests of a process share; `None` where there can be none.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        SERVER.get_or_init(Self::start).as_ref()
    }

    /// A server that a test may stop.
    pub(crate) fn start() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let bin = bin()?;
        let template = template(&bin);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("forge-postgres-{}-{number}", std::process::id()));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // Until the pipe is closed, which the system does for a process that dies as well.
        let script = r#"cp -r "$2" "$3" && "$1/pg_ctl" -D "$3" -o "$4" -l "$3/log" -w start >/dev/null && cat >/dev/null
            "$1/pg_ctl" -D "$3" -m immediate -w stop >/dev/null 2>&1; rm -rf "$3""#;
        let settings =
            format!("-p {port} -k {} -h 127.0.0.1 -c fsync=off -c max_connections=300", dir.display());
        let mut keeper = as_postgres("sh");
        keeper.args(["-c", script, "sh"]).arg(&bin).arg(template).arg(&dir).arg(settings);
        let keeper = keeper.stdin(Stdio::piped()).spawn().unwrap();
        let server = Self { bin, dir, port, _keeper: keeper };
        server.until_up();
        Some(server)
    }

    fn until_up(&self) {
        until(|| {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
                && wait(PostgresStore::status(PostgresOptions::new(self.url()))).is_ok()
        });
    }

    /// Stops the server, as a machine that is switched off.
    pub(crate) fn stop(&self) {
        self.control(&["-m", "immediate", "-w", "stop"]);
    }

    /// Starts it again where it was.
    pub(crate) fn start_again(&self) {
        let settings = format!(
            "-p {} -k {} -h 127.0.0.1 -c fsync=off -c max_connections=300",
            self.port,
            self.dir.display()
        );
        let log = self.dir.join("log");
        self.control(&["-o", &settings, "-l", log.to_str().unwrap(), "-w", "start"]);
        self.until_up();
    }

    fn control(&self, arguments: &[&str]) {
        let mut command = as_postgres(self.bin.join("pg_ctl").to_str().unwrap());
        let status = command.arg("-D").arg(&self.dir).args(arguments).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{arguments:?}: {status}");
    }

    pub(crate) fn url(&self) -> String {
        self.url_of("postgres", "")
    }

    pub(crate) fn url_of(&self, user: &str, more: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/postgres{more}", self.port)
    }

    /// Options for a schema that no other test has.
    pub(crate) fn options(&self) -> PostgresOptions {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        PostgresOptions::new(self.url())
            .with_schema(format!("test_{}_{number}", std::process::id()))
            .with_pool(4)
    }

    /// Runs statements as the owner of everything.
    pub(crate) fn sql(&self, statements: &str) -> String {
        let mut psql = Command::new(self.bin.join("psql"));
        let output =
            psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statements]).arg(self.url());
        let output = output.output().unwrap();
        assert!(output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// A place for the contract: a schema of its own, and stores with the clock of the subject.
pub(crate) fn subject() -> Option<Subject<PostgresStore>> {
    let clock = ManualTimer::new();
    let options = Server::shared()?.options().with_clock(Arc::new(clock.clone()), None);
    Some(Subject::new(clock, move || open(&options)))
}

pub(crate) fn open(options: &PostgresOptions) -> Arc<PostgresStore> {
    Arc::new(wait(PostgresStore::connect(options.clone())).unwrap())
}

/// Waits until it is so.
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it did not happen in 30 s");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

#[allow(clippy::disallowed_methods, reason = "the programs of a server may stand anywhere on the path")]
fn bin() -> Option<PathBuf> {
    let places = PLACES.iter().map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let on_path = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let found =
        places.chain(on_path).find(|place| place.join("initdb").exists() && place.join("psql").exists());
    if found.is_none() {
        static SAID: Once = Once::new();
        // Past what a test runner keeps of tests that pass.
        SAID.call_once(|| {
            let _ = std::io::stderr().write_all(MISSING.as_bytes());
        });
    }
    found
}

/// A command as a user that PostgreSQL lets run it: it refuses root.
fn as_postgres(program: &str) -> Command {
    if rustix::process::getuid().is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", program]);
        command.current_dir("/");
        return command;
    }
    Command::new(program)
}

/// A fresh data folder, made once for all processes: making one takes longer than all the rest.
fn template(bin: &Path) -> PathBuf {
    let version = bin.to_string_lossy().replace('/', "-");
    let dir = std::env::temp_dir().join(format!("forge-postgres-template{version}"));
    let lock = File::options().create(true).append(true).open(dir.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let made = dir.with_extension("made");
    if !(made.exists() && dir.exists()) {
        let _ = fs::remove_dir_all(&dir);
        let mut initdb = as_postgres(bin.join("initdb").to_str().unwrap());
        let output =
            initdb.arg("-D").arg(&dir).args(["-A", "trust", "-U", "postgres", "--no-sync"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        File::create(made).unwrap().write_all(b"whole").unwrap();
    }
    dir
}
