//! What is known of an adapter before one is built.

use std::{fmt, sync::Arc};

use crate::{
    Adapter, AdapterSettings, Capabilities, ModelId, ModelProvider, ModelTable, Participant, ProviderError,
};

type Build = dyn Fn(AdapterSettings) -> Result<Arc<dyn Adapter>, ProviderError> + Send + Sync;
type Assume = dyn Fn(&ModelId) -> Capabilities + Send + Sync;

/// A kind of adapter, as a file names it in `type:`. Each adapter crate describes its own; whatever has to know a
/// vendor reads it here.
#[derive(Clone)]
#[non_exhaustive]
pub struct AdapterKind {
    /// Its name in files.
    pub name: String,
    /// The family of the models that it reaches.
    pub vendor: ModelProvider,
    /// The variables in which its key usually stands, the first that is set counting.
    pub key_variables: &'static [&'static str],
    /// Whether it answers nobody without a key.
    pub needs_key: bool,
    /// Whether there is no usual place, so that every user has to name one.
    pub needs_endpoint: bool,
    /// Where the vendor's API usually begins.
    pub base_url: Option<&'static str>,
    /// The variables in which another base URL stands, the first that is set counting.
    pub base_url_variables: &'static [&'static str],
    /// What the value of such a variable means as a URL.
    pub read_base_url: fn(&str) -> String,
    /// The headers that the adapter sets itself, in lower case.
    pub owned_headers: &'static [&'static str],
    /// Names by which people call the vendor and its models.
    pub brands: &'static [&'static str],
    /// Who is asked when a key is all that is known.
    pub usual: Option<Participant>,
    /// The models that it knows, with limits, dates and prices.
    pub models: ModelTable,
    assume: Arc<Assume>,
    build: Arc<Build>,
}

impl AdapterKind {
    /// A kind called `name`, whose vendor has the same name, without variables, models or known abilities.
    pub fn new(
        name: impl Into<String>,
        build: impl Fn(AdapterSettings) -> Result<Arc<dyn Adapter>, ProviderError> + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        Self {
            vendor: ModelProvider::from(name.as_str()),
            name,
            key_variables: &[],
            needs_key: false,
            needs_endpoint: false,
            base_url: None,
            base_url_variables: &[],
            read_base_url: str::to_owned,
            owned_headers: &[],
            brands: &[],
            usual: None,
            models: ModelTable::default(),
            assume: Arc::new(|_| Capabilities::default()),
            build: Arc::new(build),
        }
    }

    /// Sets the family of its models.
    pub fn with_vendor(mut self, vendor: ModelProvider) -> Self {
        self.vendor = vendor;
        self
    }

    /// It answers nobody without a key, which usually stands in one of these variables.
    pub fn with_key(mut self, variables: &'static [&'static str]) -> Self {
        (self.needs_key, self.key_variables) = (true, variables);
        self
    }

    /// Says where the API usually begins, and which variables may hold another place.
    pub fn with_base_url(mut self, url: &'static str, variables: &'static [&'static str]) -> Self {
        (self.base_url, self.base_url_variables) = (Some(url), variables);
        self
    }

    /// There is no usual place: every user has to name one.
    pub fn with_required_endpoint(mut self) -> Self {
        self.needs_endpoint = true;
        self
    }

    /// Sets what the value of a base URL's variable means as a URL.
    pub fn with_base_url_reader(mut self, read: fn(&str) -> String) -> Self {
        self.read_base_url = read;
        self
    }

    /// Sets the headers that the adapter sets itself, in lower case.
    pub fn with_owned_headers(mut self, headers: &'static [&'static str]) -> Self {
        self.owned_headers = headers;
        self
    }

    /// Sets the names by which people call the vendor and its models.
    pub fn with_brands(mut self, brands: &'static [&'static str]) -> Self {
        self.brands = brands;
        self
    }

    /// Sets who is asked when a key is all that is known.
    pub fn with_usual(mut self, participant: Participant) -> Self {
        self.usual = Some(participant);
        self
    }

    /// Sets the models that it knows.
    pub fn with_models(mut self, models: ModelTable) -> Self {
        self.models = models;
        self
    }

    /// Sets what a model can do, as far as that is known without asking.
    pub fn with_capabilities(
        mut self,
        assume: impl Fn(&ModelId) -> Capabilities + Send + Sync + 'static,
    ) -> Self {
        self.assume = Arc::new(assume);
        self
    }

    /// What `model` can do, as far as that is known without asking.
    pub fn capabilities(&self, model: &ModelId) -> Capabilities {
        (self.assume)(model)
    }

    /// Builds an adapter.
    ///
    /// # Errors
    /// The adapter refuses its settings.
    pub fn build(&self, settings: AdapterSettings) -> Result<Arc<dyn Adapter>, ProviderError> {
        (self.build)(settings)
    }
}

impl fmt::Debug for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdapterKind")
            .field("name", &self.name)
            .field("vendor", &self.vendor)
            .finish_non_exhaustive()
    }
}
