//! What a monitor wants to know of a worker.

use super::{LauncherError, WorkerLauncher};
use crate::{
    health::HealthFacts,
    id::WorkerId,
    lock::is_running,
    process::resident,
    state::{WorkerState, WorkerStatus},
    status::StatusReader,
};

impl WorkerLauncher {
    /// What a monitor judges a worker by. What could not be asked is unknown.
    pub async fn health_facts(&self, worker_id: &WorkerId) -> Result<HealthFacts, LauncherError> {
        let (place, spec) = self.known(worker_id)?;
        // Before the observation, which writes the file itself.
        let file = StatusReader::new().read(&place.status()).ok().flatten();
        let seen = self.observe(worker_id).await?;
        let mut facts = HealthFacts::new().with_last_update(file.and_then(|file| file.last_update));
        if seen.state != WorkerState::Unknown {
            facts = facts.with_alive(!seen.state.has_ended() && seen.state != WorkerState::Orphaned);
        }
        if seen.state.status() == WorkerStatus::Stopped {
            return Ok(facts.with_good_end());
        }
        if self.tmux.version().await.is_ok() {
            facts = facts.with_session(self.tmux.has_session(&spec.session).await);
        }
        let tree =
            place.shim().filter(|shim| shim.run == spec.run && is_running(&place)).map(|shim| shim.tree);
        Ok(facts.with_memory(tree.and_then(|tree| resident(&tree))))
    }
}
