//! A task on its way through a model.

use std::fmt;

use forge_core::{ModelResponse, ParticipantRole, ProviderError, ProviderId};
use serde::Serialize;

/// One task: in which role it is done, by whom, how often it was tried, and where it stands.
///
/// ```
/// use forge_core::ParticipantRole;
/// use forge_router::{TaskContext, TaskStatus};
///
/// let mut task = TaskContext::new("t-1", ParticipantRole::Coder);
/// task.run("first".into())?;
/// task.run("second".into())?;
/// task.complete()?;
/// assert_eq!((task.attempts(), task.status()), (2, TaskStatus::Completed));
/// assert!(task.fail().is_err(), "what is final stays final");
/// # Ok::<(), forge_router::IllegalTransition>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskContext {
    id: String,
    role: ParticipantRole,
    provider: Option<ProviderId>,
    attempts: u32,
    status: TaskStatus,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Nobody has begun. It can only become running.
    Pending,
    /// A provider works on it. A further try keeps it so.
    Running,
    /// It is done.
    Completed,
    /// It was given up.
    Failed,
}

impl TaskStatus {
    /// The status's written name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// Whether the one may follow the other. What has ended stays so, and every try is a step to running.
    const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Pending | Self::Running, Self::Running) | (Self::Running, Self::Completed | Self::Failed)
        )
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A task cannot go from one status to the other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("task `{task}` is {from} and cannot become {to}")]
pub struct IllegalTransition {
    /// The task.
    pub task: String,
    /// Where it stands.
    pub from: TaskStatus,
    /// Where it was to go.
    pub to: TaskStatus,
}

impl TaskContext {
    /// A task that nobody has begun.
    pub fn new(id: impl Into<String>, role: ParticipantRole) -> Self {
        Self { id: id.into(), role, provider: None, attempts: 0, status: TaskStatus::Pending }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The role in which it is done.
    pub fn role(&self) -> &ParticipantRole {
        &self.role
    }

    /// The provider that did it, or works on it, or tried it last; `None` before the first try.
    pub fn provider(&self) -> Option<&ProviderId> {
        self.provider.as_ref()
    }

    /// How often it was tried, at whichever provider.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Where it stands.
    pub fn status(&self) -> TaskStatus {
        self.status
    }

    /// `provider` begins, or tries again.
    ///
    /// # Errors
    /// The task has ended.
    pub fn run(&mut self, provider: ProviderId) -> Result<(), IllegalTransition> {
        self.check(TaskStatus::Running)?;
        self.provider = Some(provider);
        self.attempts = self.attempts.saturating_add(1);
        self.enter(TaskStatus::Running);
        Ok(())
    }

    /// It is done.
    pub fn complete(&mut self) -> Result<(), IllegalTransition> {
        self.check(TaskStatus::Completed)?;
        self.enter(TaskStatus::Completed);
        Ok(())
    }

    /// It is given up.
    pub fn fail(&mut self) -> Result<(), IllegalTransition> {
        self.check(TaskStatus::Failed)?;
        self.enter(TaskStatus::Failed);
        Ok(())
    }

    /// Takes over what came of a call for this task: every attempt that its trace lists, and how it ended.
    ///
    /// # Errors
    /// The task has ended before.
    pub fn record(
        &mut self,
        outcome: &Result<ModelResponse, ProviderError>,
    ) -> Result<(), IllegalTransition> {
        let route = match outcome {
            Ok(response) => response.route.as_deref(),
            Err(error) => error.route.as_deref(),
        };
        for attempt in route.iter().flat_map(|route| &route.failed) {
            self.run(attempt.provider.clone())?;
        }
        match outcome {
            Ok(response) => {
                self.run(response.participant.provider_id.clone())?;
                self.complete()
            }
            Err(error) => {
                // A call that reached no route was one try all the same, of whoever refused it.
                if self.status == TaskStatus::Pending {
                    self.run(ProviderId::from(error.provider.as_str()))?;
                }
                self.fail()
            }
        }
    }

    /// Whether it may become `to`.
    pub(crate) fn check(&self, to: TaskStatus) -> Result<(), IllegalTransition> {
        if self.status.may_become(to) {
            return Ok(());
        }
        Err(IllegalTransition { task: self.id.clone(), from: self.status, to })
    }

    fn enter(&mut self, status: TaskStatus) {
        self.status = status;
        let Self { id, role, attempts, .. } = self;
        let provider = self.provider.as_ref().map(ProviderId::as_str);
        tracing::info!(task = %id, %role, provider, attempts, %status, "task");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_can_end_and_what_has_ended_stays_so() {
        use TaskStatus::{Completed, Failed, Pending, Running};
        let legal = [(Pending, Running), (Running, Running), (Running, Completed), (Running, Failed)];
        for from in [Pending, Running, Completed, Failed] {
            for to in [Pending, Running, Completed, Failed] {
                assert_eq!(from.may_become(to), legal.contains(&(from, to)), "{from} -> {to}");
            }
        }
        let error = TaskContext::new("t", ParticipantRole::Coder).complete().unwrap_err();
        assert_eq!(error.to_string(), "task `t` is pending and cannot become completed");
    }
}
