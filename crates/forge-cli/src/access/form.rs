//! A key as people and programs are told of it.

use chrono::{DateTime, Utc};
use forge::storage::access::{ClientKey, KeyState};
use serde_json::{Value, json};

use super::allowance;

/// The state in a word, where what is over counts as well.
pub(super) fn state(key: &ClientKey, now: DateTime<Utc>) -> &'static str {
    match key.state {
        KeyState::Revoked => "revoked",
        KeyState::Disabled => "disabled",
        KeyState::Active if key.expires_at.is_some_and(|at| at <= now) => "expired",
        KeyState::Active => "active",
    }
}

/// The key without anything that could be tried against it.
pub(super) fn to_json(key: &ClientKey, now: DateTime<Utc>) -> Value {
    let ends = key.secrets.iter().filter_map(|secret| secret.until).filter(|until| *until > now);
    json!({
        "id": key.id,
        "name": key.name,
        "team": key.team,
        "state": state(key, now),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "previous_secrets_until": ends.collect::<Vec<_>>(),
        "scopes": key.allowance.scopes,
        "allowance": allowance::to_json(&key.allowance),
    })
}
