//! The secrets under which servers seal what their clients carry for vendors.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{super::StorageError, AuditEvent};

/// What seals are made and opened with: 32 random bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealSecret([u8; 32]);

impl SealSecret {
    /// The secret of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SealSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealSecret(..)")
    }
}

/// The secrets in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealSecrets {
    /// What seals are made with.
    pub current: SealSecret,
    /// The one before, which opens what was sealed until then.
    pub previous: Option<SealSecret>,
}

impl SealSecrets {
    /// A first secret.
    pub const fn new(current: SealSecret) -> Self {
        Self { current, previous: None }
    }

    /// The same with another one in front. What was the previous one is forgotten.
    pub const fn rotated(self, next: SealSecret) -> Self {
        Self { current: next, previous: Some(self.current) }
    }

    /// That they were rotated, for the log, which learns nothing of them.
    pub fn rotation(at: DateTime<Utc>, by: &str) -> AuditEvent {
        AuditEvent::new(at, by, "seal_rotated", "")
    }
}

/// Keeps the secrets of all servers that share it, so that each opens what another has sealed.
#[async_trait]
pub trait SealStore: fmt::Debug + Send + Sync + 'static {
    /// The secrets in use. Where there is none yet, `first` is the current one from now on; of many who bring one at once,
    /// one is taken.
    ///
    /// # Errors
    /// The storage failed.
    async fn seal_secrets(&self, first: SealSecret) -> Result<SealSecrets, StorageError>;

    /// Makes `next` the current one on behalf of `by`, logs it, and raises the
    /// [version](super::AccessStore::access_version), all or nothing.
    ///
    /// # Errors
    /// The storage failed.
    async fn rotate_seal(&self, next: SealSecret, by: &str) -> Result<(), StorageError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_to_nobody() {
        let secrets = SealSecrets::new(SealSecret::new([0x5e; 32])).rotated(SealSecret::new([0x6f; 32]));
        let shown = format!("{secrets:?}");
        assert!(
            shown.contains("SealSecret(..)") && !shown.contains("94") && !shown.contains("5e"),
            "{shown}"
        );
    }
}
