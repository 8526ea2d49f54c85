//! What clients may call the models beyond the names that the configuration has anyway.

use forge::{ModelId, ParticipantRole, ProviderId};
use forge_core::storage::access::matches_pattern;

/// The names of models that a server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelNames {
    /// Names of the server's own, which go before all others.
    pub aliases: Vec<ModelAlias>,
    /// Whether roles can be asked for by their names.
    pub roles: bool,
    /// Whether pools can be asked for by their names.
    pub pools: bool,
    /// Whether providers and their models can be asked for by their names.
    pub providers: bool,
    /// The name that stands in for one that nobody has; without it, such a request is refused.
    pub default: Option<String>,
}

impl Default for ModelNames {
    /// Everything that the configuration has, by its own name.
    fn default() -> Self {
        Self { aliases: Vec::new(), roles: true, pools: true, providers: true, default: None }
    }
}

/// A name of the server's own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelAlias {
    /// The name, or a pattern in which `*` stands for any letters.
    pub name: String,
    /// Who answers.
    pub target: AliasTarget,
}

/// Who answers under an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AliasTarget {
    /// The chain of a role.
    Role(ParticipantRole),
    /// A member of a pool.
    Pool(ProviderId),
    /// A provider.
    Provider {
        /// Which.
        id: ProviderId,
        /// The model that it is asked for.
        model: AliasModel,
    },
}

/// The model that an alias asks its provider for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AliasModel {
    /// The one that the provider is set up for.
    #[default]
    Own,
    /// The one of the client's name, if the provider is known to have it.
    Same,
    /// This one.
    Named(ModelId),
}

impl ModelAlias {
    /// An alias.
    pub fn new(name: impl Into<String>, target: AliasTarget) -> Self {
        Self { name: name.into(), target }
    }

    /// Whether it stands for many names.
    pub(crate) fn is_pattern(&self) -> bool {
        self.name.contains('*')
    }
}

impl ModelNames {
    /// The aliases that hold for a name: its own first, then the patterns in their order.
    pub(crate) fn aliases(&self, name: &str) -> impl Iterator<Item = &ModelAlias> {
        let exact = self.aliases.iter().filter(move |alias| alias.name == name);
        let patterns = self.aliases.iter().filter(move |alias| alias.name != name && alias.is_pattern());
        exact.chain(patterns.filter(move |alias| matches_pattern(&alias.name, name)))
    }
}
