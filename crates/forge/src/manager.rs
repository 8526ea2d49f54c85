//! From a plan, or the environment alone, to something that answers.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    sync::Arc,
};

use forge_router::{ParticipantManager, ProviderPlan, Router, RouterDeps};

use crate::{
    ModelId, environment::Environment, models, provider::RegistryError, registry,
    storage::memory::MemoryBudgets, time::SystemTimer,
};

/// The built-in adapters and prices, the system's time, budgets in memory, no accounts and no cooldowns kept. Replace what
/// should be different.
pub fn router_deps() -> RouterDeps {
    RouterDeps {
        registry: Arc::new(registry()),
        models: Arc::new(models()),
        sink: Arc::new(()),
        budgets: Arc::new(MemoryBudgets::default()),
        cooldowns: Arc::new(()),
        timer: SystemTimer::shared(),
        // The standard library's hashers are seeded by the system.
        seed: RandomState::new().build_hasher().finish(),
        events: None,
    }
}

/// The built-in `kind` under its own name, with what is known of `model`. A kind that is not built in gives a
/// plan that the built-in adapters cannot build.
pub fn provider_plan(kind: &str, model: impl Into<ModelId>) -> ProviderPlan {
    match registry().kind(kind) {
        Some(kind) => ProviderPlan::of_kind(kind, model),
        None => ProviderPlan::new(kind, kind, model),
    }
}

/// A manager of the vendors whose keys are in the environment ([`Environment::read`]): the first one does every
/// job, the others stand in for it. The lookup is passed in, because libraries never read the environment
/// themselves.
///
/// ```no_run
/// # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
/// use forge::ModelRequest;
///
/// let manager = forge::create_participant_manager(|name| std::env::var(name).ok())?;
/// for critic in manager.critics(3) {
///     let request = ModelRequest::new("").with_user_message("What is wrong with TCP?");
///     println!("{}: {}", critic.display_name, manager.send_request(&critic, request).await?.text());
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`SetupError::NoKey`] without a key; a key that is wrong is noticed by the first call alone.
pub fn create_participant_manager(
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<ParticipantManager, SetupError> {
    let environment = Environment::read(lookup);
    if environment.providers.is_empty() {
        let kinds = registry();
        let names: Vec<_> = kinds.kinds().iter().flat_map(|kind| kind.key_variables).copied().collect();
        return Err(SetupError::NoKey { variables: names.join(", ") });
    }
    Ok(ParticipantManager::new(Router::build(environment.plan(), router_deps())?))
}

/// Why nothing could be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// No vendor's key is in the environment.
    #[error("no API key is set; set one of {variables}")]
    NoKey {
        /// The variables that were looked for.
        variables: String,
    },
    /// An adapter could not be built.
    #[error(transparent)]
    Adapter(#[from] RegistryError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_makes_a_participant_and_none_is_an_error() {
        let key = |name: &str| match name {
            "ANTHROPIC_API_KEY" | "GEMINI_API_KEY" => Some("sk-test-1".to_owned()),
            _ => None,
        };
        let manager = create_participant_manager(key).unwrap();
        let ids: Vec<_> =
            manager.available_participants().iter().map(|one| one.provider_id.to_string()).collect();
        assert_eq!(ids, ["anthropic", "google"]);
        assert_eq!(manager.critics(2).len(), 2);
        let error = create_participant_manager(|_| None).unwrap_err();
        assert!(error.to_string().contains("OPENAI_API_KEY"));
    }
}
