//! What maps one request, and what it has found out so far.

use forge_core::{ModelId, ProviderError, event::Warning, provider::AdapterSettings, request::Schema};

use crate::profile::Profile;

/// Maps the parts of one request. Its methods stand with what they map: contents, tools and schemas, settings.
pub(crate) struct Mapper<'a> {
    pub(crate) provider: &'a str,
    pub(crate) model: &'a ModelId,
    pub(crate) profile: Profile,
    pub(crate) warnings: Vec<Warning>,
    /// What the answer is to be checked against.
    pub(crate) check: Option<Schema>,
    /// How many cache breakpoints were asked for so far.
    pub(crate) breakpoints: usize,
}

impl<'a> Mapper<'a> {
    pub(crate) fn new(provider: &'a str, model: &'a ModelId, settings: &AdapterSettings) -> Self {
        let profile = Profile::said(settings, model);
        Self { provider, model, profile, warnings: Vec::new(), check: None, breakpoints: 0 }
    }

    pub(crate) fn warn(&mut self, about: &str, message: impl Into<String>) {
        self.warnings.push(Warning::new(about, message));
    }

    pub(crate) fn unsupported(&self, what: &str) -> ProviderError {
        ProviderError::unsupported(self.provider, self.model, what)
    }
}
