//! `forge keys rotate-seal`.

use std::process::ExitCode;

use forge::storage::access::SealStore as _;
use forge_gateway::seal_secret;
use serde_json::json;

use super::{Desk, by, storage};
use crate::{
    error::CliError,
    terminal::{self, note},
};

pub(super) async fn rotate(desk: &Desk) -> Result<ExitCode, CliError> {
    let next = seal_secret();
    let next =
        next.map_err(|error| CliError::failed("the system has no random bytes for a secret", &error))?;
    desk.store.rotate_seal(next, &by()).await.map_err(|error| storage(&error))?;
    if desk.json {
        terminal::json(&json!({ "simulated": desk.simulated, "rotated": true }))?;
    }
    note(
        desk.quiet,
        "state of vendors is sealed under another secret; what was sealed under the one before still opens",
    );
    Ok(ExitCode::SUCCESS)
}
