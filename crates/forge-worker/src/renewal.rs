//! The lease of a worker, renewed by its shim for as long as the agent's lock is held, whoever handed the bead out.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::{home::WorkerPlace, private, record};

/// How often a lease is renewed, in seconds.
const EVERY: u32 = 60;

/// What a worker has, as its shim needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeaseRecord {
    /// The folder whose queue it is.
    pub workspace: PathBuf,
    /// The bead.
    pub bead: String,
    /// The generation of the lease.
    pub generation: u64,
    /// Seconds between two renewals.
    pub every_secs: u32,
}

impl LeaseRecord {
    /// A lease that is renewed every minute.
    pub fn new(workspace: impl Into<PathBuf>, bead: impl Into<String>, generation: u64) -> Self {
        Self { workspace: workspace.into(), bead: bead.into(), generation, every_secs: EVERY }
    }

    /// The same, renewed more often.
    #[must_use]
    pub fn every(self, every_secs: u32) -> Self {
        Self { every_secs, ..self }
    }
}

impl WorkerPlace {
    /// The lease that the shim renews.
    #[must_use]
    pub fn lease(&self) -> Option<LeaseRecord> {
        record::load(&self.file("lease.json"))
    }

    /// Has the shim renew this lease, or none.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written.
    pub fn set_lease(&self, lease: Option<&LeaseRecord>) -> io::Result<()> {
        let path = self.file("lease.json");
        lease.map_or_else(|| private::remove(&path), |lease| record::save(&path, lease))
    }
}

/// When the shim renewed last.
#[derive(Debug, Default)]
pub(crate) struct Renewal {
    at: Option<DateTime<Utc>>,
}

impl Renewal {
    /// Renews where it is time, by the command `forge bead renew` in a process of its own: the store is no business of a shim. A
    /// lease that was lost meanwhile is refused there, and the agent hears of it when it closes its bead.
    pub(crate) fn look(&mut self, place: &WorkerPlace, program: &Path, now: DateTime<Utc>) {
        let Some(lease) = place.lease() else { return };
        let every = Duration::seconds(i64::from(lease.every_secs.max(1)));
        if self.at.is_some_and(|at| now - at < every && now >= at) {
            return;
        }
        self.at = Some(now);
        let mut command = Command::new(program);
        command.args([
            "bead",
            "renew",
            &lease.bead,
            "--quiet",
            "--generation",
            &lease.generation.to_string(),
        ]);
        command.arg("--workspace").arg(&lease.workspace).env("FORGE_HOME", place.home().root());
        // The terminal is the agent's. The shim takes the end of the process as that of any other child.
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    }
}
