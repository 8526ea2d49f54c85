//! What `forge` is for workers, for the tests of this crate.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let code = forge_worker::command(&words, &forge_core::time::SystemTimer);
    std::process::ExitCode::from(code.unwrap_or(64))
}

#[cfg(not(target_os = "linux"))]
fn main() {}
