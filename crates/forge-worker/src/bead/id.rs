use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// The longest id, in bytes.
const LONGEST: usize = 128;

/// The name of a bead in its queue, such as `fg-123`: up to 128 bytes of letters, digits and signs without white space, not
/// beginning with `-` or `~`.
///
/// ```
/// # use forge_worker::BeadId;
/// assert_eq!("fg-123".parse::<BeadId>()?.as_str(), "fg-123");
/// assert!("".parse::<BeadId>().is_err() && "--help".parse::<BeadId>().is_err() && "a b".parse::<BeadId>().is_err());
/// # Ok::<_, forge_worker::InvalidBeadId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BeadId(Arc<str>);

impl BeadId {
    /// A bead's name.
    ///
    /// # Errors
    ///
    /// Where the name is empty, longer than 128 bytes, holds white space or control characters, or begins with `-`, which a
    /// command would take for a flag, or with `~`.
    pub fn new(name: impl AsRef<str>) -> Result<Self, InvalidBeadId> {
        let name = name.as_ref();
        let wrong = |letter: char| letter.is_whitespace() || letter.is_control();
        if name.is_empty() || name.len() > LONGEST || name.starts_with(['-', '~']) || name.contains(wrong) {
            let shown = name.chars().take(LONGEST).collect();
            return Err(InvalidBeadId(shown));
        }
        Ok(Self(name.into()))
    }

    /// The name as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that cannot be the id of a bead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot be the id of a bead: 1 to 128 bytes without white space, not beginning with `-` or `~`"
)]
pub struct InvalidBeadId(String);

impl TryFrom<String> for BeadId {
    type Error = InvalidBeadId;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl From<BeadId> for String {
    fn from(id: BeadId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl FromStr for BeadId {
    type Err = InvalidBeadId;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}
