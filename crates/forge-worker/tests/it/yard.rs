//! A home with a tmux server of its own, both of which end with the test.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use forge_worker::{
    LaunchConfig, SpawnRequest, WorkerHandle, WorkerHome, WorkerId, WorkerLauncher, WorkerPlace,
};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_forge-worker-test");

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct Yard {
    pub(crate) root: PathBuf,
    pub(crate) launcher: WorkerLauncher,
}

impl Yard {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("fw{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(root.join("work")).unwrap();
        let launcher = WorkerLauncher::with_home(WorkerHome::new(root.join("home"))).with_program(PROGRAM);
        Self { root, launcher }
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    pub(crate) fn place(&self, id: &str) -> WorkerPlace {
        self.launcher.home().worker(&worker(id))
    }

    pub(crate) fn config(&self, agent: &str) -> LaunchConfig {
        LaunchConfig::new(agent, "", self.work(), "").with_timeout(15).with_grace(Duration::from_millis(500))
    }

    pub(crate) async fn sim(&self, id: &str, flags: &[&str]) -> WorkerHandle {
        let config = self.config("sim").with_arguments(flags.iter().copied());
        self.launcher.spawn(SpawnRequest::new(id, config)).await.unwrap()
    }

    pub(crate) async fn state(&self, id: &str) -> &'static str {
        self.launcher.observe(&worker(id)).await.unwrap().state.as_str()
    }

    /// A report of the agent of `alpha`, as that makes it.
    pub(crate) fn hook(&self, arguments: &[&str], input: &str, run: &str) -> Output {
        let mut command = Command::new(PROGRAM);
        command.arg("hook").args(arguments).env("FORGE_HOME", self.launcher.home().root());
        command.env("FORGE_WORKER_ID", "alpha").env("FORGE_WORKER_RUN", run);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Waits until the worker is in this state.
    pub(crate) async fn is(&self, id: &str, state: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = self.launcher.observe(&worker(id)).await.unwrap();
            if seen.state.as_str() == state {
                return;
            }
            assert!(Instant::now() < end, "{id} is {seen:?} and not {state}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn send(&self, id: &str, text: &str) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        self.is(id, "ready").await;
        let message = forge_worker::Message::new(format!("m{}", COUNT.fetch_add(1, Ordering::Relaxed)), text);
        self.launcher.deliver(&worker(id), &message).await.unwrap();
    }

    /// One command of the test's own tmux server.
    pub(crate) fn tmux(&self, arguments: &[&str]) -> String {
        let socket = self.launcher.home().socket();
        let output = Command::new("tmux").args(["-u", "-L", &socket]).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        // The shims end their agents when their terminal goes.
        let pids: Vec<_> = self
            .launcher
            .home()
            .workers()
            .unwrap_or_default()
            .iter()
            .filter_map(|id| self.launcher.home().worker(id).shim())
            .flat_map(|shim| shim.tree.into_iter().chain([shim.shim]))
            .collect();
        self.tmux(&["kill-server"]);
        let end = Instant::now() + Duration::from_secs(5);
        while pids.iter().any(|pid| pid.is_alive()) && Instant::now() < end {
            std::thread::yield_now();
        }
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

pub(crate) fn worker(id: &str) -> WorkerId {
    WorkerId::new(id).unwrap()
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn scale() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "tests are where the environment comes in")]
    let scale = std::env::var("FORGE_TEST_SCALE").ok();
    scale.and_then(|scale| scale.parse().ok()).unwrap_or(1)
}

pub(crate) fn script(folder: &Path, name: &str, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}
