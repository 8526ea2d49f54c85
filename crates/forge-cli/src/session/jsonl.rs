//! `--jsonl`: everything that happens as it happens, a JSON object a line.

use std::sync::{Arc, Mutex, PoisonError};

use forge::session::{Notice, Observer, SessionResult, SessionStatus};
use serde_json::{Value, json};

use crate::{error::CliError, terminal};

/// The lines of one session. Each names the version of its form, the session and what happened; the last one holds the
/// result.
#[derive(Debug)]
pub(super) struct JsonLines {
    session: String,
    /// The first line that could not be written. The session goes on all the same, because it is paid for.
    failed: Mutex<Option<CliError>>,
}

impl JsonLines {
    pub(super) fn new(session: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { session: session.into(), failed: Mutex::default() })
    }

    pub(super) fn observer(self: &Arc<Self>) -> Observer {
        let lines = Arc::clone(self);
        Arc::new(move |notice| match notice {
            // The end is told with the result.
            Notice::Completed { .. } | Notice::Paused => {}
            notice => lines.write(serde_json::to_value(notice).unwrap_or_default()),
        })
    }

    /// Writes the last line, and tells whether one is missing.
    pub(super) fn end(&self, result: &SessionResult) -> Result<(), CliError> {
        let what = if result.status == SessionStatus::Paused { "paused" } else { "completed" };
        let result: Value = serde_json::from_str(&result.to_json()).unwrap_or_default();
        self.write(json!({"type": what, "result": result}));
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    fn write(&self, mut event: Value) {
        let what = event["type"].as_str().unwrap_or_default().to_owned();
        event["session"] = self.session.as_str().into();
        if let Err(error) = terminal::line(event, &what) {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }
}
