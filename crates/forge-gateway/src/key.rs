//! The form of a client's key: `fk_ID_SECRET`, where the id finds the key and the secret opens it.

use std::fmt::Write as _;

use forge_core::{SecretString, storage::access::SecretDigest};
use sha2::{Digest as _, Sha256};

/// Digits of an id.
const ID: usize = 10;
/// Digits of a secret: 32 bytes.
const SECRET: usize = 64;

/// A key that was just made.
#[derive(Debug)]
#[non_exhaustive]
pub struct MintedKey {
    /// The part by which the key is found, 10 hexadecimal digits.
    pub id: String,
    /// What a store keeps of the secret.
    pub digest: SecretDigest,
    /// The key as its client sends it. It is shown once, and nobody can find it out later.
    pub text: SecretString,
}

impl MintedKey {
    /// A new key.
    ///
    /// # Errors
    /// The system has no random bytes to give.
    pub fn new() -> std::io::Result<Self> {
        let id = hex(&random::<{ ID / 2 }>()?);
        Self::of(id)
    }

    /// A new secret for the key of this id.
    ///
    /// # Errors
    /// The system has no random bytes to give.
    pub fn of(id: impl Into<String>) -> std::io::Result<Self> {
        let (id, secret) = (id.into(), secret()?);
        let text = SecretString::from(format!("fk_{id}_{secret}"));
        Ok(Self { id, digest: digest(&secret), text })
    }
}

/// The id and the digest of the secret in a key; `None` if it has not the form of one.
pub(crate) fn parse(text: &str) -> Option<(&str, SecretDigest)> {
    let (id, secret) = text.strip_prefix("fk_")?.split_once('_')?;
    // Only what has the length of a secret is hashed: a client may send a header of any size.
    (id.len() == ID && secret.len() == SECRET).then(|| (id, digest(secret)))
}

fn digest(secret: &str) -> SecretDigest {
    SecretDigest::new(Sha256::digest(secret).into())
}

pub(crate) fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A secret of 32 bytes, as text.
pub(crate) fn secret() -> std::io::Result<String> {
    Ok(hex(&random::<{ SECRET / 2 }>()?))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A text takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use forge_core::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_minted_key_is_read_back_and_shows_no_secret() {
        let key = MintedKey::new().unwrap();
        assert_eq!(parse(key.text.expose_secret()), Some((key.id.as_str(), key.digest)));
        let shown = format!("{key:?}");
        assert!(!shown.contains(key.text.expose_secret()), "{shown}");
        let again = MintedKey::of(key.id.clone()).unwrap();
        assert_eq!(again.id, key.id);
        assert_ne!(again.digest, key.digest);
    }

    #[test]
    fn what_has_not_the_form_of_a_key_is_none() {
        let secret = "a".repeat(64);
        let wrong = [
            "",
            "fk_",
            "sk-test-1",
            "fk_abc_def",
            &format!("fk_0123456789_{secret}0"),
            &format!("fk__{secret}"),
        ];
        for wrong in wrong {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert!(parse(&format!("fk_0123456789_{secret}")).is_some());
    }
}
