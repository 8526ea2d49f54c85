//! The workers that tmux knows.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use forge_core::time::{SystemTimer, Timer};

use crate::{
    home::WorkerHome,
    id::WorkerId,
    tmux::{Tmux, TmuxError, TmuxSocket},
};

/// The workers that were found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DiscoveryResult {
    /// In the order of their sessions' names.
    pub workers: Vec<DiscoveredWorker>,
}

/// A worker with a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiscoveredWorker {
    /// The name of the session.
    pub session_name: String,
    /// The worker that the session is tagged with, or that an old name means.
    pub worker_id: WorkerId,
    /// The kind of model that it runs.
    pub worker_type: WorkerType,
    /// Whether somebody looks at it.
    pub is_attached: bool,
    /// When the session was made.
    pub created_at: DateTime<Utc>,
}

/// The kind of model that a worker runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkerType {
    /// GLM 4.7.
    Glm47,
    /// A Sonnet.
    Sonnet,
    /// An Opus.
    Opus,
    /// A Haiku.
    Haiku,
    /// Another model or agent, by its name.
    Other(String),
}

impl WorkerType {
    /// The kind that the name of a model means.
    #[must_use]
    pub fn of_model(model: &str) -> Self {
        let lower = model.to_ascii_lowercase();
        let has = |word: &str| lower.contains(word);
        match () {
            () if has("glm-4.7") || has("glm-47") => Self::Glm47,
            () if has("sonnet") => Self::Sonnet,
            () if has("opus") => Self::Opus,
            () if has("haiku") => Self::Haiku,
            () => Self::Other(model.to_owned()),
        }
    }

    /// The kind that a session of earlier launchers names: `claude-code-KIND-NAME`.
    #[must_use]
    pub fn of_old_session(session: &str) -> Option<Self> {
        let rest = session.strip_prefix("claude-code-")?;
        let kinds =
            [("glm-47", Self::Glm47), ("sonnet", Self::Sonnet), ("opus", Self::Opus), ("haiku", Self::Haiku)];
        let mut kinds = kinds.into_iter();
        kinds.find_map(|(word, kind)| {
            let name = rest.strip_prefix(word)?.strip_prefix('-')?;
            (!name.is_empty()).then_some(kind)
        })
    }

    /// The word of files and tables.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Glm47 => "glm-4.7",
            Self::Sonnet => "sonnet",
            Self::Opus => "opus",
            Self::Haiku => "haiku",
            Self::Other(name) => name,
        }
    }
}

/// Why nothing could be looked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// tmux is not installed.
    #[error("{}", TmuxError::Missing)]
    TmuxMissing,
    /// tmux is too old.
    #[error("{}", TmuxError::TooOld { found: found.clone() })]
    TmuxTooOld {
        /// What it calls itself.
        found: String,
    },
    /// tmux refuses.
    #[error("tmux: {message}")]
    Tmux {
        /// What it said.
        message: String,
    },
}

impl From<TmuxError> for DiscoveryError {
    fn from(error: TmuxError) -> Self {
        match error {
            TmuxError::Missing => Self::TmuxMissing,
            TmuxError::TooOld { found } => Self::TmuxTooOld { found },
            TmuxError::Failed { message } => Self::Tmux { message },
        }
    }
}

/// The workers of the home that the environment names.
///
/// ```no_run
/// # async fn example() -> Result<(), forge_worker::DiscoveryError> {
/// for worker in forge_worker::discover_workers().await?.workers {
///     println!("{} since {}", worker.worker_id, worker.created_at);
/// }
/// # Ok(()) }
/// ```
pub async fn discover_workers() -> Result<DiscoveryResult, DiscoveryError> {
    discover_in(&WorkerHome::from_env(), &TmuxSocket::Own, SystemTimer::shared()).await
}

/// The workers on a server of tmux: the sessions that are tagged, and on a server that is not ours also those whose names are of
/// earlier launchers. That no server runs is an empty result.
pub async fn discover_in(
    home: &WorkerHome,
    socket: &TmuxSocket,
    timer: Arc<dyn Timer>,
) -> Result<DiscoveryResult, DiscoveryError> {
    let tmux = Tmux::new(home, socket, timer);
    tmux.version().await?;
    // The name comes last, because it is the one that may hold anything but a colon.
    let format = "#{session_created}:#{session_attached}:#{@forge_worker}:#{session_name}";
    let said = match tmux.run(&["list-sessions", "-F", format]).await {
        Err(error) if error.is_no_server() => String::new(),
        said => said?,
    };
    let with_old_names = *socket != TmuxSocket::Own;
    let mut workers: Vec<_> = said.lines().filter_map(|line| found(home, line, with_old_names)).collect();
    workers.sort_unstable_by(|one: &DiscoveredWorker, other| one.session_name.cmp(&other.session_name));
    Ok(DiscoveryResult { workers })
}

fn found(home: &WorkerHome, line: &str, with_old_names: bool) -> Option<DiscoveredWorker> {
    let mut fields = line.splitn(4, ':');
    let created_at = DateTime::from_timestamp(fields.next()?.parse().ok()?, 0)?;
    let is_attached = fields.next()? != "0";
    let tag = fields.next()?;
    let session_name = fields.next()?.to_owned();
    let (worker_id, worker_type) = if tag.is_empty() {
        let kind = WorkerType::of_old_session(&session_name).filter(|_| with_old_names)?;
        (WorkerId::new(session_name.clone()).ok()?, kind)
    } else {
        let id = WorkerId::new(tag).ok()?;
        let model = home.worker(&id).spec().map(|spec| spec.model);
        (id, WorkerType::of_model(&model.unwrap_or_default()))
    };
    Some(DiscoveredWorker { session_name, worker_id, worker_type, is_attached, created_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_earlier_launchers_tell_the_model_and_need_a_name_of_their_own() {
        let kind = WorkerType::of_old_session;
        assert_eq!(kind("claude-code-glm-47-alpha"), Some(WorkerType::Glm47));
        assert_eq!(kind("claude-code-haiku-x"), Some(WorkerType::Haiku));
        for other in
            ["claude-code-sonnet", "claude-code-sonnet-", "claude-code-gpt-a", "my-claude-code-opus-a"]
        {
            assert_eq!(kind(other), None, "{other}");
        }
    }

    #[test]
    fn only_a_tag_makes_a_session_on_our_server_a_worker() {
        let home = WorkerHome::new("/nowhere");
        assert!(found(&home, "1700000000:0::claude-code-opus-a", false).is_none());
        assert!(found(&home, "1700000000:0::claude-code-opus-a", true).is_some());
        assert!(found(&home, "1700000000:0::notes", true).is_none());
        let tagged = found(&home, "1700000000:2:alpha:any name", false).unwrap();
        assert!(tagged.is_attached && tagged.worker_id.as_str() == "alpha");
        assert!(found(&home, "1700000000:0:../x:any", false).is_none(), "a tag that is no name");
    }
}
