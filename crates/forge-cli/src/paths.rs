//! Where the environment comes in: its variables, and the folders that they name.

use forge::Paths;

/// The variable, unless it is empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the command is where the environment comes in")]
    let value = std::env::var(name).ok();
    // Empty counts as unset: a script that blanks a variable means just that.
    value.filter(|value| !value.is_empty())
}

/// Whether the variable is there and empty, so that it counts as unset.
pub(crate) fn is_empty(name: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "the command is where the environment comes in")]
    std::env::var_os(name).is_some_and(|value| value.to_string_lossy().trim().is_empty())
}

/// The user's folders.
pub(crate) fn paths() -> Paths {
    Paths::read(variable)
}
