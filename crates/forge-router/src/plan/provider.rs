//! One provider.

use std::sync::Arc;

use forge_core::{
    AdapterKind, Capabilities, ModelId, ModelProvider, ModelTable, ParticipantRole, Provider, ProviderId,
    SecretString, model::Price, provider::Timeouts,
};
use forge_layers::RateLimits;
use serde_json::{Map, Value};

use super::{Budget, Parameters};
use crate::address::is_loopback;

/// One model behind one credential, or behind several that take turns.
#[derive(Debug, Clone)]
pub struct ProviderPlan {
    /// Its id.
    pub id: ProviderId,
    /// The kind under which its adapter is registered.
    pub kind: String,
    /// The family of its models; `None` means that of the kind's name.
    pub vendor: Option<ModelProvider>,
    /// The model.
    pub model: ModelId,
    /// A name for people, in lists, reports and traces.
    pub display_name: String,
    /// The credential; `None` where none is needed. It shows in no debug output.
    pub api_key: Option<SecretString>,
    /// Further credentials, which take turns with the first one.
    pub more_keys: Vec<SecretString>,
    /// Where the vendor's API begins; `None` means its usual place.
    pub endpoint: Option<String>,
    /// The vendor whose habits hold, of those that the kind knows; `None` leaves it to the endpoint.
    pub dialect: Option<String>,
    /// Settings that only this kind of adapter has.
    pub options: Map<String, Value>,
    /// Headers sent with every request, with their values kept as secrets.
    pub headers: Vec<(String, SecretString)>,
    /// The HTTP proxy to go through.
    pub proxy: Option<String>,
    /// Certificates in PEM of authorities that are trusted beside those of the system.
    pub ca_certificates: Option<String>,
    /// The clocks of a call; `None` means the adapter's usual ones.
    pub timeouts: Option<Timeouts>,
    /// Settings of requests.
    pub parameters: Parameters,
    /// What may be sent to it per minute, with each of its keys.
    pub rate: RateLimits,
    /// How many calls may be under way at once with each of its keys; `None` is no limit.
    pub concurrent: Option<u32>,
    /// What it may cost.
    pub budget: Budget,
    /// Roles that it is best at.
    pub preferred_roles: Vec<ParticipantRole>,
    /// Takes the place of the table's price, for every model that is reached here.
    pub price: Option<Price>,
    /// What the configuration says about models that are reached here, over what the table and the adapter know.
    pub models: Arc<ModelTable>,
    /// What the model can do, as far as that is known without asking.
    pub capabilities: Capabilities,
    /// Whether its calls are made of calls of other providers. No retry, circuit, clock, budget or record stands around it,
    /// since each of those calls has its own; nobody falls back to it unless a role names it.
    pub is_composite: bool,
    /// Answers in the place of an adapter of `kind`.
    pub provider: Option<Arc<dyn Provider>>,
}

impl ProviderPlan {
    /// The model `model` of the vendor `kind`, at its usual place, without a credential, settings or limits.
    pub fn new(id: impl Into<ProviderId>, kind: impl Into<String>, model: impl Into<ModelId>) -> Self {
        let model = model.into();
        Self {
            id: id.into(),
            vendor: None,
            kind: kind.into(),
            display_name: model.as_str().to_owned(),
            model,
            api_key: None,
            more_keys: Vec::new(),
            endpoint: None,
            dialect: None,
            options: Map::new(),
            headers: Vec::new(),
            proxy: None,
            ca_certificates: None,
            timeouts: None,
            parameters: Parameters::default(),
            rate: RateLimits::default(),
            concurrent: None,
            budget: Budget::default(),
            preferred_roles: Vec::new(),
            price: None,
            models: Arc::default(),
            capabilities: Capabilities::default(),
            is_composite: false,
            provider: None,
        }
    }

    /// A provider of the caller's own, such as a script, a replay or a whole council. It is asked for the model
    /// `id`, and has every layer around it that an adapter has.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use forge_core::Provider;
    /// use forge_router::{ProviderPlan, RouterPlan};
    ///
    /// # fn demo(council: Arc<dyn Provider>) {
    /// let plan = RouterPlan::of(vec![ProviderPlan::of("council", council)]);
    /// # }
    /// ```
    pub fn of(id: impl Into<ProviderId>, provider: Arc<dyn Provider>) -> Self {
        let id = id.into();
        let model = ModelId::from(id.as_str());
        Self {
            capabilities: provider.capabilities(&model),
            provider: Some(provider),
            ..Self::new(id.clone(), id.as_str(), model)
        }
    }

    /// The model `model` of this kind under the kind's name, with what is known of both.
    pub fn of_kind(kind: &AdapterKind, model: impl Into<ModelId>) -> Self {
        let model = model.into();
        Self {
            vendor: Some(kind.vendor.clone()),
            is_composite: kind.is_composite,
            capabilities: kind.capabilities(&model),
            ..Self::new(kind.name.as_str(), kind.name.as_str(), model)
        }
    }

    /// The same provider, with what `models` say about its vendor's models.
    pub fn with_models(mut self, kind: &AdapterKind, models: ModelTable) -> Self {
        let said = models.find_id(&self.model);
        let like = said.and_then(|row| row.like.as_ref()).unwrap_or(&self.model);
        let assumed = kind.capabilities(like);
        self.capabilities = said.map_or(assumed, |row| row.capabilities_over(assumed));
        self.models = Arc::new(models);
        self
    }

    /// Whether everybody between here and the vendor can read its key: it goes over plain HTTP to another machine.
    pub fn shows_key(&self) -> bool {
        let plain = |url: &String| url.starts_with("http://") && !is_loopback(url);
        self.api_key.is_some() && self.endpoint.as_ref().is_some_and(plain)
    }

    /// The family of its models.
    pub fn vendor(&self) -> ModelProvider {
        self.vendor.clone().unwrap_or_else(|| ModelProvider::from(self.kind.as_str()))
    }
}
