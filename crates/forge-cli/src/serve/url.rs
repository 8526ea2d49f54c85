//! `forge serve url`: where the server that runs is watched.

use std::{fs, net::TcpStream, path::PathBuf, process::ExitCode, time::Duration};

use serde_json::json;

use crate::{error::CliError, paths::paths, terminal};

/// The folder of what runs.
pub(super) fn folder() -> Option<PathBuf> {
    Some(paths().state?.join("run"))
}

pub(super) fn run(json: bool) -> Result<ExitCode, CliError> {
    let url = running()?;
    if json {
        terminal::json(&json!({ "url": url }))?;
    } else {
        terminal::out(&format!("{url}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Where this user's server is watched. A server that was killed has left its place behind, at which nobody answers.
pub(crate) fn running() -> Result<String, CliError> {
    let folder = folder();
    let socket = folder.as_ref().map(|folder| format!("unix:{}", folder.join("admin.sock").display()));
    let written = folder.and_then(|folder| fs::read_to_string(folder.join("admin.url")).ok());
    let mut places = socket.into_iter().chain(written.map(|url| url.trim().to_owned()));
    places.find(|url| answers(url)).ok_or_else(|| {
        CliError::usage(
            "no server of this user is running, or none that is watched",
            "start one with `forge serve`, or name another with `forge watch --url`",
        )
    })
}

fn answers(url: &str) -> bool {
    #[cfg(unix)]
    if let Some(path) = url.strip_prefix("unix:") {
        return std::os::unix::net::UnixStream::connect(path).is_ok();
    }
    let address = url.strip_prefix("http://").and_then(|rest| rest.split('/').next()?.parse().ok());
    address.is_some_and(|address| TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok())
}
