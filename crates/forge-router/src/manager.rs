//! Who takes part in a job.

use std::sync::{Arc, PoisonError, RwLock};

use forge_core::{
    CallContext, ModelRequest, ModelResponse, Money, Participant, ParticipantRole, ProviderError,
    ProviderExt as _,
};
use futures_util::future::join_all;

use crate::{
    router::{RankedProvider, Router},
    task::{IllegalTransition, TaskContext, TaskStatus},
};

/// Chooses participants for roles and asks them, through a [`Router`]. Choosing sends nothing.
#[derive(Debug, Clone)]
pub struct ParticipantManager {
    router: Router,
    /// Those chosen last; empty before the first choice. Shared by every clone.
    active: Arc<RwLock<Vec<Participant>>>,
}

/// Nobody plays a role, or fewer models than are wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no provider is available for the role `{role}`; name a provider under `roles.{role}` or set `default_provider`"
)]
pub struct NoParticipant {
    /// The role.
    pub role: ParticipantRole,
}

impl ParticipantManager {
    /// A manager of the providers that `router` knows.
    pub fn new(router: Router) -> Self {
        Self { router, active: Arc::default() }
    }

    /// The router behind it.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// Chooses who plays each of `roles`, and keeps them as the active ones. Where a role is named several times, as
    /// many different models play it as there are; critics are chosen as [`critics`](Self::critics) says.
    ///
    /// # Errors
    /// A role has fewer models than it is named times. Then those chosen before stay.
    pub fn initialize_participants(
        &self,
        roles: &[ParticipantRole],
    ) -> Result<Vec<Participant>, NoParticipant> {
        let mut chosen: Vec<Participant> = Vec::with_capacity(roles.len());
        for role in roles {
            let players = match role {
                // Chosen together, since each of them has to differ from the others.
                ParticipantRole::Critic => self.critics(roles.iter().filter(|it| *it == role).count()),
                _ => self.participants(role),
            };
            let plays = |one: &Participant| chosen.iter().any(|it| it == one);
            let next = players.into_iter().find(|one| !plays(one));
            chosen.push(next.ok_or_else(|| NoParticipant { role: role.clone() })?);
        }
        // Only once every role has somebody, so that a failure leaves the earlier ones in place.
        self.active.write().unwrap_or_else(PoisonError::into_inner).clone_from(&chosen);
        Ok(chosen)
    }

    /// The participants that [`initialize_participants`](Self::initialize_participants) chose last; none
    /// before.
    pub fn active_participants(&self) -> Vec<Participant> {
        self.active.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every provider that can be asked now, in the order of the configuration, as a generalist.
    pub fn available_participants(&self) -> Vec<Participant> {
        let all = self.router.every_participant(&ParticipantRole::Generalist);
        all.into_iter().filter(|one| one.available).map(|one| one.participant).collect()
    }

    /// Who can play `role`: first those that can be asked now, among them first those that prefer the role,
    /// else in the order of the role's chain. Providers outside of the chain are left out.
    pub fn participants(&self, role: &ParticipantRole) -> Vec<Participant> {
        let mut all: Vec<RankedProvider> = self.router.every_participant(role);
        all.retain(|one| one.rank.is_some());
        all.sort_by_key(|one| (!one.available, !one.prefers, one.rank));
        all.into_iter().map(|one| one.participant).collect()
    }

    /// Who writes the first version; `None` if the role has nobody.
    pub fn drafter(&self) -> Option<Participant> {
        self.participants(&ParticipantRole::Drafter).into_iter().next()
    }

    /// Who merges a draft and its findings; `None` if the role has nobody.
    pub fn synthesizer(&self) -> Option<Participant> {
        self.participants(&ParticipantRole::Synthesizer).into_iter().next()
    }

    /// Up to `count` critics, no model twice: vendors that are not among them yet go first, the drafter's
    /// vendor behind the others, and its model last. Fewer if the role has fewer models.
    pub fn critics(&self, count: usize) -> Vec<Participant> {
        let drafter = self.drafter();
        let left = self.participants(&ParticipantRole::Critic);
        let model = |one: &Participant| (one.provider.clone(), one.model_id.clone());
        let mut critics: Vec<Participant> = Vec::new();
        while critics.len() < count {
            let is_new = |one: &&Participant| critics.iter().all(|critic| model(critic) != model(one));
            let likeness = |one: &&Participant| {
                let drafter = drafter.iter().filter(|drafter| drafter.provider == one.provider);
                let same_model = drafter.clone().any(|drafter| drafter.model_id == one.model_id);
                let alike = critics.iter().chain(drafter).filter(|it| it.provider == one.provider);
                (same_model, alike.count())
            };
            // Of those that are equally unlike the others the first: it has the best rank.
            let Some(next) = left.iter().filter(is_new).min_by_key(likeness) else { break };
            critics.push(next.clone());
        }
        critics
    }

    /// Who checks the work of `author`: a model of another vendor. `None` if the role has none.
    pub fn checker(&self, author: &Participant) -> Option<Participant> {
        let reviewers = self.participants(&ParticipantRole::Reviewer);
        reviewers.into_iter().find(|one| one.provider != author.provider)
    }

    /// Asks `participant`, with the fallbacks of its role behind it, and waits for the whole reply.
    pub async fn send_request(
        &self,
        participant: &Participant,
        request: impl Into<Arc<ModelRequest>> + Send,
    ) -> Result<ModelResponse, ProviderError> {
        self.router.complete(&self.context(participant), request).await
    }

    /// Asks all at once. The results stand in the order of the requests, each for itself.
    pub async fn send_parallel_requests(
        &self,
        requests: Vec<(Participant, ModelRequest)>,
    ) -> Vec<Result<ModelResponse, ProviderError>> {
        let calls = requests
            .into_iter()
            .map(|(participant, request)| async move { self.send_request(&participant, request).await });
        join_all(calls).await
    }

    /// Asks a participant in the role of `task`, and records the outcome in it.
    ///
    /// # Errors
    /// The outer error says that the task had ended before; nothing was sent then.
    pub async fn run_task(
        &self,
        task: &mut TaskContext,
        request: impl Into<Arc<ModelRequest>> + Send,
    ) -> Result<Result<ModelResponse, ProviderError>, IllegalTransition> {
        // Before anything is sent: a call for a task that is over would be paid for in vain.
        task.check(TaskStatus::Running)?;
        let participant = Router::participant(task.role().clone());
        let mut cx = self.context(&participant);
        cx.tags = cx.tags.with_task(task.id());
        let outcome = self.router.complete(&cx, request).await;
        task.record(&outcome)?;
        Ok(outcome)
    }

    /// What a reply cost, by the model that served it; `None` is unknown, not free.
    pub fn calculate_cost(&self, response: &ModelResponse) -> Option<Money> {
        self.router.cost(response)
    }

    fn context(&self, participant: &Participant) -> CallContext {
        CallContext::with_timer(participant.clone(), self.router.timer())
    }
}
