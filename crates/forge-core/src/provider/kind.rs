//! What is known of an adapter before one is built.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    error::ProviderError,
    id::ModelId,
    model::{Capabilities, ModelTable},
    participant::{ModelProvider, Participant},
    provider::{Adapter, AdapterSettings},
};

type Build = dyn Fn(AdapterSettings) -> Result<Arc<dyn Adapter>, ProviderError> + Send + Sync;
type Assume = dyn Fn(&ModelId) -> Capabilities + Send + Sync;

/// A vendor whose servers speak the dialect of a kind with habits of their own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CompatibleVendor {
    /// Its name in files, which is also the family of its models.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// Where its API usually begins; `None` if every user has a place of their own.
    pub base_url: Option<String>,
    /// The variable in which its key usually stands.
    pub key_variable: Option<String>,
    /// Its hosts. One that begins with a dot stands for all hosts that end so.
    pub hosts: Vec<String>,
    /// Where this was read.
    pub source: String,
    /// The day on which it was read.
    pub checked: String,
}

impl CompatibleVendor {
    /// Whether `url` is a place of this vendor.
    pub fn serves(&self, url: &str) -> bool {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        // Only the host decides: a vendor's name in a path or a query does not make a place the vendor's.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // What stands before an `@` is a user's name, and may look like a host.
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
        self.hosts.iter().any(|known| match known.strip_prefix('.') {
            // With the dot, so that no host counts whose name only ends like the vendor's.
            Some(_) => host.ends_with(known.as_str()),
            None => host == *known,
        })
    }
}

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
    /// Whether its calls are made of calls of other providers, each of which is tried again, limited, and accounted for by
    /// itself. It has no key and no model of its own.
    pub is_composite: bool,
    /// The headers that the adapter sets itself, in lower case.
    pub owned_headers: &'static [&'static str],
    /// Names by which people call the vendor and its models.
    pub brands: &'static [&'static str],
    /// Who is asked when a key is all that is known.
    pub usual: Option<Participant>,
    /// The models that it knows, with limits, dates and prices.
    pub models: ModelTable,
    /// Other vendors that it reaches, each with its habits.
    pub compatible: Vec<CompatibleVendor>,
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
            is_composite: false,
            owned_headers: &[],
            brands: &[],
            usual: None,
            models: ModelTable::default(),
            compatible: Vec::new(),
            assume: Arc::new(|_| Capabilities::default()),
            build: Arc::new(build),
        }
    }

    /// Sets the family of its models.
    pub fn with_vendor(mut self, vendor: ModelProvider) -> Self {
        self.vendor = vendor;
        self
    }

    /// It needs a key, which usually stands in one of these variables.
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

    /// Its calls are made of calls of other providers.
    pub fn composite(mut self) -> Self {
        self.is_composite = true;
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

    /// Sets the other vendors that it reaches.
    pub fn with_compatible(mut self, vendors: Vec<CompatibleVendor>) -> Self {
        self.compatible = vendors;
        self
    }

    /// The vendor whose habits hold: the one that is named, or else the one at this address. `None` is the kind's own.
    pub fn compatible(&self, named: Option<&str>, base_url: Option<&str>) -> Option<&CompatibleVendor> {
        match named {
            // A name that is not known is nobody, and no reason to guess by the address.
            Some(named) => self.compatible.iter().find(|vendor| vendor.id == named),
            None => self.compatible.iter().find(|vendor| base_url.is_some_and(|url| vendor.serves(url))),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendor_is_known_by_its_host() {
        let hosts = vec!["api.one.com".to_owned(), ".two.net".to_owned()];
        let vendor = CompatibleVendor { hosts, ..CompatibleVendor::default() };
        for url in
            ["https://api.one.com/v1", "api.one.com", "http://API.One.com:443", "https://eu.two.net/x?y"]
        {
            assert!(vendor.serves(url), "{url}");
        }
        for url in ["https://api.one.com.evil.org", "https://two.net", "https://evil.org/api.one.com", ""] {
            assert!(!vendor.serves(url), "{url}");
        }
    }
}
