//! What is wrong with a configuration, and where.

use std::fmt;

use serde::Serialize;

use crate::{code, path::KeyPath};

/// One mistake in a configuration, or one thing its author should know.
///
/// `Display` gives `roles.critic.fallback[1]: there is no provider or pool `frist`; did you mean `first`?`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable code: `E1..` for mistakes, `W1..` for warnings.
    pub code: &'static str,
    /// Where it is, by keys; the file's reader finds the line.
    pub path: KeyPath,
    /// Whether it is about the key itself or about its value.
    #[serde(skip)]
    pub about: About,
    /// What is wrong, without a full stop. It shows no value that may be a secret.
    pub message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Whether a problem is about a key or about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl Problem {
    /// A problem with the value at `path`.
    pub fn new(code: &'static str, path: KeyPath, message: impl Into<String>) -> Self {
        Self { code, path, about: About::Value, message: message.into(), hint: None }
    }

    /// The same problem with what to write instead.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same problem, about the key.
    pub fn about_key(mut self) -> Self {
        self.about = About::Key;
        self
    }

    /// That only a trusted file may set the value at `path`, because it `does` something.
    pub fn untrusted(path: KeyPath, does: &str) -> Self {
        let message = format!("this file is not trusted, and it {does}");
        Self::new(code::UNTRUSTED, path, message).with_hint("read the file, then run `forge config trust`")
    }

    /// Whether the configuration can be used all the same: the first letter of the code says so.
    pub fn is_warning(&self) -> bool {
        self.code.starts_with('W')
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_root() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_it_is_written_in_code() {
        let path = KeyPath::ROOT.key("roles").key("critic").key("fallback").index(1);
        let problem =
            Problem::new("E110", path, "there is no provider `frist`").with_hint("did you mean `first`?");
        assert_eq!(
            problem.to_string(),
            "roles.critic.fallback[1]: there is no provider `frist`; did you mean `first`?"
        );
    }
}
