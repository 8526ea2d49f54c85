//! Whom a person means who names a role, a provider or a model.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    CallContext, ModelId, ModelProvider, ModelRequest, Participant, ParticipantRole,
    router::{ProviderPlan, Router},
    system::System,
};

/// Who is asked: a provider, else whoever plays the role; and which model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "filled in field by field, the rest by default")]
pub struct Asked {
    /// The role.
    pub role: ParticipantRole,
    /// The configured provider.
    #[serde(default)]
    pub provider: Option<String>,
    /// The model, with or without who serves it, as in `openai/gpt-5`.
    #[serde(default)]
    pub model: Option<String>,
}

impl Default for Asked {
    fn default() -> Self {
        Self { role: ParticipantRole::Generalist, provider: None, model: None }
    }
}

/// Why nobody can be asked who was named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAsked {
    /// There is no such provider.
    #[error("there is no provider `{id}`")]
    NoProvider {
        /// Its id.
        id: String,
        /// The ids of those that there are.
        known: Vec<String>,
    },
    /// Nobody has the model.
    #[error("`{model}` is a model of {vendor}, which is not configured")]
    NotConfigured {
        /// The model.
        model: ModelId,
        /// Its vendor.
        vendor: ModelProvider,
        /// The variable that would configure it.
        key: Option<String>,
    },
    /// No route can be asked.
    #[error("no provider can be asked")]
    Nobody,
}

impl NotAsked {
    /// What to do.
    pub fn next(&self) -> String {
        match self {
            Self::NoProvider { known, .. } => format!("choose one of: {}", known.join(", ")),
            Self::NotConfigured { key: Some(key), .. } => {
                format!("set {key}, or name a provider that serves it with `--provider`")
            }
            Self::NotConfigured { key: None, .. } => {
                "name a provider that serves it with `--provider`".to_owned()
            }
            Self::Nobody => "see `forge route explain`".to_owned(),
        }
    }
}

impl System {
    /// A call to whom is meant: the provider that is named, else whoever plays the role; with the model that is named.
    ///
    /// # Errors
    /// A provider that is not there, a model that nobody has, or nobody to ask.
    pub fn call_for(&self, asked: &Asked, request: &Arc<ModelRequest>) -> Result<CallContext, NotAsked> {
        let named = asked.provider.as_deref().map(|id| named(self, id)).transpose()?;
        let (participant, model) = match &asked.model {
            Some(written) => meant(self, named.as_ref(), written)?,
            None => (named, None),
        };
        let participant = participant.unwrap_or_else(|| Router::participant(asked.role.clone()));
        let cx = CallContext::new(participant.with_role(asked.role.clone()));
        let Some(model) = model else { return Ok(cx) };
        // Another model of the provider that would be asked.
        let first = self.router().first_choice(&cx, request).ok_or(NotAsked::Nobody)?;
        Ok(CallContext::new(first.with_model(model)))
    }
}

fn named(system: &System, id: &str) -> Result<Participant, NotAsked> {
    system.participant(id).ok_or_else(|| {
        let known = system.plan().providers.iter().map(|one| one.id.to_string()).collect();
        NotAsked::NoProvider { id: id.to_owned(), known }
    })
}

/// Who is asked for this model, and its name without a prefix that says who. Without a provider of the user's, it is the
/// one that the prefix names, else the first whose vendor has the model; one that serves the models of others may have
/// any.
fn meant(
    system: &System,
    named: Option<&Participant>,
    written: &str,
) -> Result<(Option<Participant>, Option<ModelId>), NotAsked> {
    let find = |fits: &dyn Fn(&ProviderPlan) -> bool| {
        let one = system.plan().providers.iter().find(|one| fits(one))?;
        system.participant(one.id.as_str())
    };
    if let Some((prefix, model)) = written.split_once('/') {
        // What others serve is called with the prefix.
        let is_meant = |one: &ProviderPlan| one.id == prefix || one.vendor().as_str() == prefix;
        let by_prefix = find(&|one| one.id == prefix).or_else(|| find(&is_meant));
        let fits = |one: &Participant| {
            named.is_none_or(|named| named.provider_id == one.provider_id || named.provider == one.provider)
        };
        if let Some(one) = by_prefix.filter(fits) {
            return Ok((Some(named.cloned().unwrap_or(one)), Some(model.into())));
        }
    }
    let model = ModelId::from(written);
    let row = system.router().models().find_id(&model);
    let (None, Some(vendor)) = (named, row.map(|row| &row.provider)) else {
        return Ok((named.cloned(), Some(model)));
    };
    let own = find(&|one| one.vendor() == *vendor);
    if let Some(one) = own.or_else(|| find(&|one| one.dialect.is_some())) {
        return Ok((Some(one), Some(model)));
    }
    let registry = crate::registry();
    let key = registry.kind(vendor.as_str()).and_then(|kind| kind.key_variables.first());
    Err(NotAsked::NotConfigured { key: key.map(ToString::to_string), vendor: vendor.clone(), model })
}
