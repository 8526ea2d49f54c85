//! From a vendor's name to a running adapter.

use std::{fmt, sync::Arc};

use crate::{
    error::ProviderError,
    id::{ModelId, ProviderId},
    model::{Capabilities, ModelTable},
    provider::{Adapter, AdapterKind, AdapterSettings},
};

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
    use secrecy::SecretString;

    use super::*;
    use crate::error_kind::ErrorKind;

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
