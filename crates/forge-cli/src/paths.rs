//! Where the environment comes in: its variables, and the folders that they name.

use forge::Paths;

/// The variable, unless it is empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the command is where the environment comes in")]
    let value = std::env::var(name).ok();
    value.filter(|value| !value.is_empty())
}

/// The user's folders.
pub(crate) fn paths() -> Paths {
    Paths::read(variable)
}
