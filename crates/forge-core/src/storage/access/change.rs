//! What can be done to keys and teams, and why it is refused.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    super::StorageError,
    audit::AuditEvent,
    key::{Allowance, ClientKey, KeySecret, KeyState, SecretDigest, Team},
};

/// One change of the keys and teams, by its name in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccessChange {
    /// A key was made.
    KeyCreated {
        /// The key.
        key: ClientKey,
    },
    /// A key got another secret.
    KeyRotated {
        /// Which key.
        id: Arc<str>,
        /// The digest of the new secret.
        digest: SecretDigest,
        /// Until when the one before opens the key as well.
        previous_until: DateTime<Utc>,
        /// From when on the key is refused, in place of the time that held before; `None` is never.
        expires_at: Option<DateTime<Utc>>,
    },
    /// What a key may use is another.
    KeySet {
        /// Which key.
        id: Arc<str>,
        /// The whole of it, in the place of what held before.
        allowance: Allowance,
    },
    /// A key is let in again.
    KeyEnabled {
        /// Which key.
        id: Arc<str>,
    },
    /// A key is refused for now.
    KeyDisabled {
        /// Which key.
        id: Arc<str>,
    },
    /// A key is refused for ever.
    KeyRevoked {
        /// Which key.
        id: Arc<str>,
    },
    /// A team was made, or its allowance is another.
    TeamSet {
        /// The team.
        team: Team,
    },
    /// A team is gone.
    TeamDeleted {
        /// Its name.
        name: Arc<str>,
    },
}

impl AccessChange {
    /// The id of the key or the name of the team that it is about.
    pub fn subject(&self) -> &str {
        match self {
            Self::KeyCreated { key } => &key.id,
            Self::KeyRotated { id, .. }
            | Self::KeySet { id, .. }
            | Self::KeyEnabled { id }
            | Self::KeyDisabled { id }
            | Self::KeyRevoked { id } => id,
            Self::TeamSet { team } => &team.name,
            Self::TeamDeleted { name } => name,
        }
    }

    /// Its name in the log.
    pub fn action(&self) -> &'static str {
        match self {
            Self::KeyCreated { .. } => "key_created",
            Self::KeyRotated { .. } => "key_rotated",
            Self::KeySet { .. } => "key_set",
            Self::KeyEnabled { .. } => "key_enabled",
            Self::KeyDisabled { .. } => "key_disabled",
            Self::KeyRevoked { .. } => "key_revoked",
            Self::TeamSet { .. } => "team_set",
            Self::TeamDeleted { .. } => "team_deleted",
        }
    }

    /// The change as the log keeps it; `key_name` is what the key is called that it is about. Neither a secret nor the
    /// digest of one is in it: whoever reads the log learns nothing to try keys against.
    pub fn event(&self, key_name: Option<&str>, at: DateTime<Utc>, by: &str) -> AuditEvent {
        let ms = |time: &Option<DateTime<Utc>>| time.map(|time| time.trunc_subsecs(3));
        let detail = match self {
            Self::KeyCreated { key } => json!({
                "name": key.name,
                "team": key.team,
                "expires_at": ms(&key.expires_at),
                "allowance": key.allowance,
            }),
            Self::KeyRotated { previous_until, expires_at, .. } => {
                let previous_until = previous_until.trunc_subsecs(3);
                json!({ "name": key_name, "previous_until": previous_until, "expires_at": ms(expires_at) })
            }
            Self::KeySet { allowance, .. } => json!({ "name": key_name, "allowance": allowance }),
            Self::KeyEnabled { .. } | Self::KeyDisabled { .. } | Self::KeyRevoked { .. } => {
                json!({ "name": key_name })
            }
            Self::TeamSet { team } => json!({ "allowance": team.allowance }),
            Self::TeamDeleted { .. } => json!({}),
        };
        AuditEvent::new(at, by, self.action(), self.subject()).with_detail(detail.to_string())
    }

    /// Makes the change of a key that is there; changes of other kinds leave it as it is. Secrets that no longer open the
    /// key at `now` are forgotten.
    ///
    /// # Errors
    /// A revoked key stays revoked.
    pub fn apply(&self, key: &mut ClientKey, now: DateTime<Utc>) -> Result<(), AccessError> {
        if key.state == KeyState::Revoked {
            return Err(AccessError::Revoked { id: Arc::clone(&key.id) });
        }
        match self {
            Self::KeyRotated { digest, previous_until, expires_at, .. } => {
                for secret in &mut key.secrets {
                    secret.until =
                        Some(secret.until.map_or(*previous_until, |until| until.min(*previous_until)));
                }
                key.secrets.retain(|secret| secret.until.is_none_or(|until| until > now));
                key.secrets.insert(0, KeySecret::new(*digest));
                key.expires_at = *expires_at;
            }
            Self::KeySet { allowance, .. } => key.allowance = allowance.clone(),
            Self::KeyEnabled { .. } => key.state = KeyState::Active,
            Self::KeyDisabled { .. } => key.state = KeyState::Disabled,
            Self::KeyRevoked { .. } => {
                key.state = KeyState::Revoked;
                key.secrets.clear();
            }
            _ => {}
        }
        Ok(())
    }
}

/// Why a change of keys or teams was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// There is no key of this id or name.
    #[error("there is no key `{id}`")]
    UnknownKey {
        /// What was asked for.
        id: Arc<str>,
    },
    /// There is no team of this name.
    #[error("there is no team `{name}`")]
    UnknownTeam {
        /// What was asked for.
        name: Arc<str>,
    },
    /// Another key has the id. Whoever made it makes another.
    #[error("there is a key {id} already")]
    IdTaken {
        /// The id.
        id: Arc<str>,
    },
    /// Another key has the name, or had it.
    #[error("the name `{name}` belongs to the key {id}, and accounts know keys by their names")]
    NameTaken {
        /// The name.
        name: Arc<str>,
        /// The key that has it.
        id: Arc<str>,
    },
    /// The key was revoked.
    #[error("the key {id} was revoked, which is for ever")]
    Revoked {
        /// Which key.
        id: Arc<str>,
    },
    /// Keys belong to the team.
    #[error("the team `{name}` has keys that are not revoked: {keys}")]
    TeamInUse {
        /// The team.
        name: Arc<str>,
        /// How many keys that are not revoked.
        keys: u64,
    },
    /// The storage behind it failed.
    #[error("the keys could not be read or written")]
    Storage(#[from] StorageError),
}
