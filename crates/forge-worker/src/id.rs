use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest name of a worker, in bytes: it is part of the name of a tmux session and of a socket's path.
const LONGEST: usize = 64;

/// The name of a worker: 1 to 64 of `A-Z a-z 0-9 _ -`, so that it can stand in a path, a tmux target and a branch.
///
/// ```
/// # use forge_worker::WorkerId;
/// let id: WorkerId = "claude-code-sonnet-alpha".parse()?;
/// assert_eq!(id.as_str(), "claude-code-sonnet-alpha");
/// assert!("../alpha".parse::<WorkerId>().is_err() && "=alpha:0".parse::<WorkerId>().is_err());
/// # Ok::<_, forge_worker::InvalidWorkerId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkerId(String);

impl WorkerId {
    /// A worker's name.
    ///
    /// # Errors
    ///
    /// Where the name is empty, longer than 64 bytes, holds another character or begins with `-`, which a command would take for a
    /// flag.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidWorkerId> {
        let name = name.into();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if name.is_empty() || name.len() > LONGEST || name.starts_with('-') || !name.bytes().all(allowed) {
            return Err(InvalidWorkerId(name));
        }
        Ok(Self(name))
    }

    /// The name as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that cannot be the name of a worker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot be the name of a worker: 1 to 64 letters of ASCII, digits, `_` and `-`, not beginning with `-`"
)]
pub struct InvalidWorkerId(String);

impl TryFrom<String> for WorkerId {
    type Error = InvalidWorkerId;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl From<WorkerId> for String {
    fn from(id: WorkerId) -> Self {
        id.0
    }
}

impl FromStr for WorkerId {
    type Err = InvalidWorkerId;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}
