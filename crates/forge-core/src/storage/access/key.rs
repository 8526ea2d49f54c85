//! A client's key, its team, and what they may use.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    storage::budget::{BudgetRule, Period, Scope},
    usage::Money,
};

/// A key by which a client is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClientKey {
    /// What stands in the key itself, so that it is found without trying all of them. No secret.
    pub id: Arc<str>,
    /// What accounts, budgets and people call it. No other key gets the name, not even later: it would inherit what was
    /// spent.
    pub name: Arc<str>,
    /// The team whose allowance holds as well.
    pub team: Option<Arc<str>>,
    /// When it was made. Times of a key are kept to the millisecond.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it is let in.
    pub state: KeyState,
    /// The secrets that open it: the present one first, then those that were rotated out and are not over.
    pub secrets: Vec<KeySecret>,
    /// What it may use.
    pub allowance: Allowance,
}

/// Whether a key is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "whoever asks has to follow each of them")]
pub enum KeyState {
    /// It is.
    #[default]
    Active,
    /// Not for now.
    Disabled,
    /// Never again.
    Revoked,
}

/// A secret that opens a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeySecret {
    /// The digest of the secret.
    pub digest: SecretDigest,
    /// From when on it no longer opens the key, once another has taken its place.
    pub until: Option<DateTime<Utc>>,
}

impl KeySecret {
    /// A secret that opens the key until another takes its place.
    pub fn new(digest: SecretDigest) -> Self {
        Self { digest, until: None }
    }
}

/// The SHA-256 of a key's secret. The secret is 32 random bytes, so that it cannot be guessed from its digest and needs no
/// slow hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// The digest of these bytes.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Whether both are the same, in a time that does not tell where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).fold(0, |differing, (one, other)| differing | (one ^ other)) == 0
    }
}

impl fmt::Display for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The beginning tells two of them apart, and a log needs no more of it.
        let [first, second, ..] = self.0;
        write!(f, "SecretDigest({first:02x}{second:02x}..)")
    }
}

impl Serialize for SecretDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let byte = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
        let digest = bytes.and_then(|bytes| bytes.try_into().ok());
        digest.map(Self).ok_or_else(|| D::Error::custom("a digest has 64 hexadecimal digits"))
    }
}

/// Several keys that share an allowance, beside what each of them may use by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Team {
    /// Its name.
    pub name: Arc<str>,
    /// What all of its keys together may use.
    pub allowance: Allowance,
}

impl Team {
    /// A team with this allowance.
    pub fn new(name: impl Into<Arc<str>>, allowance: Allowance) -> Self {
        Self { name: name.into(), allowance }
    }

    /// The budgets of the team, for [`caps`](crate::storage::budget::caps): they hold for calls with its tag.
    pub fn budget_rules(&self) -> impl Iterator<Item = BudgetRule> {
        rules(&self.allowance, "team", &self.name)
    }
}

/// What a key or a team may use. Unset, there is no limit of that kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Allowance {
    /// Patterns of the names that it may ask for, where `*` stands for any letters. None are every name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Budgets, which are never overrun.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<KeyBudget>,
    /// Requests in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Tokens in a minute, those of prompts and answers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Requests under way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent: Option<u32>,
    /// What a key may do beside asking models. A team has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<KeyScope>,
}

/// What a key may do beside asking models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyScope {
    /// See what happens at the server: the calls of all keys, and what they cost.
    Events,
    /// Attend the sessions of its own and of the other keys of its team: read them, and decide and write in them.
    Attend,
}

impl KeyScope {
    /// The word of it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Attend => "attend",
        }
    }
}

impl Allowance {
    /// Whether this name may be asked for.
    pub fn allows_model(&self, name: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|pattern| matches_pattern(pattern, name))
    }
}

/// A budget of a key or of a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyBudget {
    /// For how long it is summed up.
    pub period: Period,
    /// The most money.
    #[serde(rename = "nano_usd", skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// The most tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
}

impl KeyBudget {
    /// At most this much money in the period.
    pub const fn of_money(period: Period, money: Money) -> Self {
        Self { period, money: Some(money), tokens: None }
    }

    /// At most this many tokens in the period.
    pub const fn of_tokens(period: Period, tokens: u64) -> Self {
        Self { period, money: None, tokens: Some(tokens) }
    }
}

impl ClientKey {
    /// A key that is let in, with this secret.
    pub fn new(
        id: impl Into<Arc<str>>,
        name: impl Into<Arc<str>>,
        digest: SecretDigest,
        created_at: DateTime<Utc>,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            team: None,
            created_at,
            expires_at: None,
            state: KeyState::Active,
            secrets: vec![KeySecret::new(digest)],
            allowance: Allowance::default(),
        }
    }

    /// Whether this secret opens the key at `now`.
    pub fn is_opened_by(&self, digest: &SecretDigest, now: DateTime<Utc>) -> bool {
        let is_over = |until: Option<DateTime<Utc>>| until.is_some_and(|until| until <= now);
        let opens = |secret: &KeySecret| secret.digest.matches(digest) && !is_over(secret.until);
        self.state == KeyState::Active && !is_over(self.expires_at) && self.secrets.iter().any(opens)
    }

    /// The budgets of the key, for [`caps`](crate::storage::budget::caps): they hold for calls with its tag.
    pub fn budget_rules(&self) -> impl Iterator<Item = BudgetRule> {
        rules(&self.allowance, "key", &self.name)
    }
}

fn rules(allowance: &Allowance, key: &'static str, value: &Arc<str>) -> impl Iterator<Item = BudgetRule> {
    allowance.budgets.iter().map(move |budget| {
        let scope = Scope::Tag { key: key.into(), value: Some(Arc::clone(value)) };
        BudgetRule::new(scope, budget.period).with_money(budget.money).with_tokens(budget.tokens)
    })
}

/// Whether a name is of a pattern, in which `*` stands for any letters, none included.
pub fn matches_pattern(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut last = None;
    for piece in pieces {
        // The piece before was in the middle: the first place is as good as any.
        if let Some(middle) = last.replace(piece) {
            let Some((_, after)) = rest.split_once(middle) else { return false };
            rest = after;
        }
    }
    last.map_or_else(|| rest.is_empty(), |end: &str| rest.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_holds_for_the_whole_name() {
        for (pattern, name, holds) in [
            ("coder", "coder", true),
            ("coder", "coders", false),
            ("*", "", true),
            ("*", "anything", true),
            ("claude-*", "claude-opus-5", true),
            ("claude-*", "gpt-5.6", false),
            ("*-mini", "gpt-5.6-mini", true),
            ("*-mini", "gpt-5.6-mini-2", false),
            ("role:*:*", "role:a", false),
            ("a*a", "a", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
            ("a**c", "abc", true),
            ("", "x", false),
        ] {
            assert_eq!(matches_pattern(pattern, name), holds, "{pattern} {name}");
        }
    }

    #[test]
    fn a_key_is_opened_by_its_secrets_while_they_hold() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (old, new) = (SecretDigest::new([1; 32]), SecretDigest::new([2; 32]));
        let mut key = ClientKey::new("abc", "ci", old, at("2026-11-01T00:00:00Z"));
        assert!(key.is_opened_by(&old, at("2026-11-02T00:00:00Z")));
        assert!(!key.is_opened_by(&new, at("2026-11-02T00:00:00Z")));
        key.secrets[0].until = Some(at("2026-11-03T00:00:00Z"));
        key.secrets.insert(0, KeySecret::new(new));
        assert!(key.is_opened_by(&old, at("2026-11-02T23:59:59Z")));
        assert!(!key.is_opened_by(&old, at("2026-11-03T00:00:00Z")));
        key.expires_at = Some(at("2026-11-05T00:00:00Z"));
        assert!(key.is_opened_by(&new, at("2026-11-04T00:00:00Z")));
        assert!(!key.is_opened_by(&new, at("2026-11-05T00:00:00Z")));
        for state in [KeyState::Disabled, KeyState::Revoked] {
            key.state = state;
            assert!(!key.is_opened_by(&new, at("2026-11-04T00:00:00Z")));
        }
    }

    #[test]
    fn a_digest_is_written_as_hexadecimal_digits_and_read_back() {
        let digest = SecretDigest::new(std::array::from_fn(|at| u8::try_from(at * 7).unwrap()));
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<SecretDigest>(&json).unwrap(), digest);
        for wrong in ["\"\"", "\"zz\"", "\"0\"", "7"] {
            assert!(serde_json::from_str::<SecretDigest>(wrong).is_err(), "{wrong}");
        }
    }
}
