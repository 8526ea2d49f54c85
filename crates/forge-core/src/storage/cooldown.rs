//! The door to what vendors asked for and what outlives the process that was told.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::error_kind::ErrorKind;

/// Until when a vendor wants no calls on one route.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cooldown {
    /// Which provider, model, address and key; the key cannot be told from it.
    pub route: String,
    /// What the vendor refused the last call for.
    pub cause: ErrorKind,
    /// When calls are welcome again.
    pub until: DateTime<Utc>,
}

impl Cooldown {
    /// A cooldown of `route`.
    pub fn new(route: impl Into<String>, cause: ErrorKind, until: DateTime<Utc>) -> Self {
        Self { route: route.into(), cause, until }
    }
}

/// Keeps cooldowns, so that the next process does not ask again what was refused to this one.
///
/// Losing one costs a call that is refused; nothing here fails.
pub trait CooldownStore: fmt::Debug + Send + Sync {
    /// Those that are not over. May read a file; it is asked when a configuration is loaded.
    fn cooldowns(&self) -> Vec<Cooldown>;

    /// Keeps one in the place of an earlier one of the same route. Never blocks.
    fn keep(&self, cooldown: Cooldown);
}

/// Keeps nothing.
impl CooldownStore for () {
    fn cooldowns(&self) -> Vec<Cooldown> {
        Vec::new()
    }

    fn keep(&self, _: Cooldown) {}
}
