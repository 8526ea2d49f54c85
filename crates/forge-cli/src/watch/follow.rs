//! Events as they come, and as they are shown.

use serde_json::Value;

use super::{broke_off, line};
use crate::{error::CliError, terminal};

/// The event of a line of the stream, as it came and as it was read; `None` for its other lines.
pub(super) fn event(line: &str) -> Result<Option<(&str, Value)>, CliError> {
    // Of each event, `data` holds the whole.
    let Some(data) = line.strip_prefix("data: ") else { return Ok(None) };
    let event = serde_json::from_str(data).map_err(|error| broke_off(&error))?;
    Ok(Some((data, event)))
}

/// Shows an event on a line of its own.
pub(super) fn show(data: &str, event: &Value, json: bool) -> Result<(), CliError> {
    terminal::out(&if json { format!("{data}\n") } else { line::shown(event) })
}
