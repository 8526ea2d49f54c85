//! What `forge` is for workers, for the tests of this crate; and `spawn HOME ID WORKSPACE`, to be killed while it launches.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use forge_worker::{LaunchConfig, SpawnRequest, WorkerHome, WorkerLauncher};

    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(code) = forge_worker::command(&words) {
        return code.into();
    }
    let [word, home, id, workspace] = words.as_slice() else { return 64.into() };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return 70.into();
    };
    let launcher = WorkerLauncher::with_home(WorkerHome::new(home));
    let request = SpawnRequest::new(id.to_string_lossy(), LaunchConfig::new("sim", "", workspace, ""));
    let is_spawn = word == "spawn";
    let spawned = is_spawn && runtime.block_on(launcher.spawn(request)).is_ok();
    u8::from(!spawned).into()
}

#[cfg(not(target_os = "linux"))]
fn main() {}
