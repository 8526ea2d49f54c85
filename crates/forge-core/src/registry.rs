//! From a vendor's name to a running adapter.

use std::{fmt, sync::Arc, time::Duration};

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::{
    Adapter, AdapterKind, Capabilities, ModelId, ModelRequest, ModelRow, ModelTable, ProviderError,
    ProviderId,
};

/// How to reach a vendor. `None` means the adapter's default.
#[derive(Clone)]
#[allow(clippy::exhaustive_structs, reason = "every adapter has to heed each of them")]
pub struct AdapterSettings {
    /// The name under which the provider is configured.
    pub id: ProviderId,
    /// The credential.
    pub api_key: Option<SecretString>,
    /// Where the vendor's API begins, as the vendor's own SDK would take it.
    pub base_url: Option<String>,
    /// Headers sent with every request, beside the adapter's own.
    pub headers: Vec<(String, SecretString)>,
    /// The HTTP proxy to go through. Its address may hold a password.
    pub proxy: Option<String>,
    /// Certificates in PEM of authorities that are trusted beside those of the system.
    pub ca_certificates: Option<String>,
    /// The clocks of a call.
    pub timeouts: Option<Timeouts>,
    /// What the configuration says about models, over what the adapter knows of them.
    pub models: Arc<ModelTable>,
    /// The vendor whose habits hold, of those that the kind knows; `None` leaves it to the address.
    pub dialect: Option<String>,
    /// Settings that only this kind of adapter has.
    pub options: Map<String, Value>,
}

impl fmt::Debug for AdapterSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            api_key,
            base_url,
            headers,
            proxy,
            ca_certificates,
            timeouts,
            models,
            dialect,
            options,
        } = self;
        let proxy = proxy.as_ref().map(|_| "[redacted]");
        f.debug_struct("AdapterSettings")
            .field("id", id)
            .field("api_key", api_key)
            .field("base_url", base_url)
            .field("headers", headers)
            .field("proxy", &proxy)
            .field("ca_certificates", &ca_certificates.is_some())
            .field("timeouts", timeouts)
            .field("models", models)
            .field("dialect", dialect)
            .field("options", options)
            .finish()
    }
}

impl AdapterSettings {
    /// Settings with nothing but a name.
    pub fn new(id: impl Into<ProviderId>) -> Self {
        Self {
            id: id.into(),
            api_key: None,
            base_url: None,
            headers: Vec::new(),
            proxy: None,
            ca_certificates: None,
            timeouts: None,
            models: Arc::default(),
            dialect: None,
            options: Map::new(),
        }
    }

    /// What the configuration says about `model`.
    pub fn said_of(&self, model: &ModelId) -> Option<&ModelRow> {
        self.models.find_id(model)
    }

    /// The model as which the vendor's dialect treats `model`, usually itself.
    pub fn like<'a>(&'a self, model: &'a ModelId) -> &'a ModelId {
        self.said_of(model).and_then(|row| row.like.as_ref()).unwrap_or(model)
    }

    /// What `model` can do if `assume` knows what the vendor's own models can.
    pub fn capabilities(
        &self,
        model: &ModelId,
        assume: impl FnOnce(&ModelId) -> Capabilities,
    ) -> Capabilities {
        let assumed = assume(self.like(model));
        self.said_of(model).map_or(assumed, |row| row.capabilities_over(assumed))
    }

    /// Refuses a request that needs what the configuration says `model` cannot do.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported).
    pub fn check(&self, model: &ModelId, request: &ModelRequest) -> Result<(), ProviderError> {
        match self.said_of(model).and_then(|row| row.abilities.lacking(request)) {
            Some(what) => Err(ProviderError::unsupported(self.id.as_str(), model, what)),
            None => Ok(()),
        }
    }
}

/// The clocks of a call; the deadline of the whole call stands in the
/// [`CallContext`](crate::CallContext) and holds beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "every adapter has to keep each of the clocks")]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// From sending the request to the first content event of a stream.
    pub first_event: Duration,
    /// Between content events of a stream. Keep-alives do not count, and neither does time in which
    /// the caller does not read.
    pub gap: Duration,
    /// From sending the request to the end of the reply. A reply in one piece has this one only.
    pub total: Duration,
}

impl Timeouts {
    /// 5 s, 120 s, 45 s and 600 s: for vendors that answer as fast as they can.
    pub const USUAL: Self = Self {
        connect: Duration::from_secs(5),
        first_event: Duration::from_secs(120),
        gap: Duration::from_secs(45),
        total: Duration::from_secs(600),
    };
}

impl Default for Timeouts {
    /// The [usual ones](Self::USUAL).
    fn default() -> Self {
        Self::USUAL
    }
}

/// The kinds of adapters that there are, in the order in which they were registered. Crates with adapters are
/// registered once; files and tests then name them.
#[derive(Default)]
pub struct AdapterRegistry {
    kinds: Vec<AdapterKind>,
}

impl AdapterRegistry {
    /// A registry without adapters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a kind; a later one of the same name takes the place of the earlier one.
    pub fn register(&mut self, kind: AdapterKind) -> &mut Self {
        match self.kinds.iter_mut().find(|known| known.name == kind.name) {
            Some(known) => *known = kind,
            None => self.kinds.push(kind),
        }
        self
    }

    /// The kinds, in the order of their registration.
    pub fn kinds(&self) -> &[AdapterKind] {
        &self.kinds
    }

    /// The kind called `name`.
    pub fn kind(&self, name: &str) -> Option<&AdapterKind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }

    /// The names of the kinds, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.kinds.iter().map(|kind| kind.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The models that all kinds know.
    pub fn models(&self) -> ModelTable {
        let mut table = ModelTable::default();
        for kind in &self.kinds {
            table.merge(&kind.models);
        }
        table
    }

    /// The names by which people call the vendors of all kinds and their models.
    pub fn brands(&self) -> Vec<String> {
        self.kinds.iter().flat_map(|kind| kind.brands).map(|brand| (*brand).to_owned()).collect()
    }

    /// What `model` can do when it is reached through an adapter of `kind`, as far as that is known
    /// without asking; `None` for an unknown kind.
    pub fn capabilities(&self, kind: &str, model: &ModelId) -> Option<Capabilities> {
        self.kind(kind).map(|kind| kind.capabilities(model))
    }

    /// Builds an adapter of `kind`.
    pub fn build(&self, kind: &str, settings: AdapterSettings) -> Result<Arc<dyn Adapter>, RegistryError> {
        let found = self.kind(kind).ok_or_else(|| RegistryError::UnknownKind {
            kind: kind.to_owned(),
            known: self.names().join(", "),
        })?;
        let id = settings.id.clone();
        found.build(settings).map_err(|source| RegistryError::Refused { id, source })
    }
}

impl fmt::Debug for AdapterRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kinds.iter().map(|kind| &kind.name)).finish()
    }
}

/// Why an adapter could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Nobody registered this kind.
    #[error("no adapter of type `{kind}` is built in; there are: {known}")]
    UnknownKind {
        /// The kind asked for.
        kind: String,
        /// The kinds there are.
        known: String,
    },
    /// The adapter refuses its settings.
    #[error("provider `{id}` cannot be set up")]
    Refused {
        /// The provider's id.
        id: ProviderId,
        /// Why.
        source: ProviderError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn no_credential_shows_in_the_debug_form() {
        let secret = || SecretString::from("pa55w0rd");
        let settings = AdapterSettings {
            api_key: Some(secret()),
            headers: vec![("x-team".into(), secret())],
            proxy: Some("http://me:pa55w0rd@proxy:3128".into()),
            ..AdapterSettings::new("claude")
        };
        let shown = format!("{settings:?}");
        assert!(shown.contains("claude") && !shown.contains("pa55w0rd"), "{shown}");
    }

    #[test]
    fn an_unknown_kind_names_the_known_ones() {
        let mut registry = AdapterRegistry::new();
        let refuse = |settings: AdapterSettings| {
            Err(ProviderError::new(ErrorKind::InvalidRequest, settings.id.as_str(), "no key"))
        };
        registry.register(AdapterKind::new("openai", refuse)).register(AdapterKind::new("anthropic", refuse));
        assert!(registry.capabilities("opnai", &"m".into()).is_none());
        let error = registry.build("opnai", AdapterSettings::new("x")).unwrap_err();
        assert!(error.to_string().ends_with("there are: anthropic, openai"), "{error}");
        let error = registry.build("openai", AdapterSettings::new("x")).unwrap_err();
        assert!(matches!(error, RegistryError::Refused { source, .. } if source.message == "no key"));
    }

    #[test]
    fn a_later_kind_takes_the_place_of_the_earlier_one_and_its_models_are_known() {
        let refuse = |settings: AdapterSettings| {
            Err(ProviderError::new(ErrorKind::InvalidRequest, settings.id.as_str(), "no key"))
        };
        let table = ModelTable::from_json(
            r#"[{"provider": "mine", "id": "m", "prices": [], "source": "", "checked": ""}]"#,
        );
        let mut registry = AdapterRegistry::new();
        registry
            .register(AdapterKind::new("zz", refuse).with_key(&["ZZ_KEY"]))
            .register(AdapterKind::new("aa", refuse))
            .register(AdapterKind::new("zz", refuse).with_vendor("mine".into()).with_models(table.unwrap()));
        let order: Vec<_> = registry.kinds().iter().map(|kind| kind.name.as_str()).collect();
        assert_eq!((order, registry.names()), (vec!["zz", "aa"], vec!["aa", "zz"]));
        assert!(!registry.kind("zz").unwrap().needs_key);
        assert!(registry.models().find(&"mine".into(), &"m".into()).is_some());
    }
}
