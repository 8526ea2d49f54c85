//! The file of the accounts: whether it can be written, and whether it is whole.

use std::path::Path;

use forge::store::{Store, StoreState};
use serde_json::{Value, json};

use super::Check;
use crate::{metrics, paths::paths};

const TOPIC: &str = "accounts";

pub(super) fn check() -> Check {
    if paths().state.is_none() {
        return Check::bad(TOPIC, "nowhere", Value::Null, "set FORGE_HOME to a folder, or HOME");
    }
    let Some(store) = metrics::ledger(false, true) else {
        return Check::bad(TOPIC, "off", Value::Null, "set FORGE_HOME to a folder, or HOME");
    };
    let (path, status) = (store.path().display().to_string(), store.status());
    let bytes = status.database_bytes + status.log_bytes;
    let mode = mode(store.path());
    let shown = mode.as_ref().map_or_else(String::new, |mode| format!("mode {mode}, "));
    let mut text = format!("{path}: {bytes} bytes, {shown}SQLite {}", status.sqlite_version);
    if status.spool_bytes > 0 {
        text = format!("{text}, {} bytes wait in {}", status.spool_bytes, store.spool_path().display());
    }
    if let Some(error) = &status.last_error {
        text = format!("{text}; {error}");
    }
    // What keeps the file from being opened is the last error already.
    let fault = if status.state == StoreState::Writing { store.check().err() } else { None };
    if let Some(fault) = &fault {
        text = format!("{text}; {fault}");
    }
    let next = next(&store, fault.is_some());
    let fault = fault.map(|fault| json!({"kind": fault.kind().as_str(), "text": fault.to_string()}));
    let facts = json!({"path": path, "mode": mode, "status": status, "fault": fault});
    match next {
        None => Check::good(TOPIC, text, facts),
        Some(next) => Check::bad(TOPIC, text, facts, next),
    }
}

/// What to do; `None` if nothing is wrong.
fn next(store: &Store, is_damaged: bool) -> Option<String> {
    let path = store.path().display();
    let status = store.status();
    if is_damaged {
        return Some(format!(
            "mv {path} {path}.damaged, after which a new one is made; `forge backup restore` takes one from a copy"
        ));
    }
    if status.state != StoreState::Writing {
        return Some(format!("make {path} writable, or set FORGE_HOME to another folder"));
    }
    let quarantine = store.spool_path().join("quarantine.jsonl");
    (status.quarantined > 0).then(|| format!("read {}, and remove it", quarantine.display()))
}

/// Who may read and write a file, in octal; the store takes it from everybody but the owner.
#[cfg(unix)]
fn mode(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let found = std::fs::metadata(path).ok()?;
    Some(format!("{:o}", found.permissions().mode() & 0o777))
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<String> {
    None
}
