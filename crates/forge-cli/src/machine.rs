//! What the machine says about the user: variables, and where files belong.

use std::path::{Path, PathBuf};

/// The variable, unless it is empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the command is where the environment comes in")]
    let value = std::env::var(name).ok();
    value.filter(|value| !value.is_empty())
}

/// Where the user's configuration belongs: `$XDG_CONFIG_HOME/forge`, else `~/.config/forge`.
pub(crate) fn config_folder() -> Option<PathBuf> {
    folder("XDG_CONFIG_HOME", ".config")
}

/// Where what the command remembers belongs: `$FORGE_HOME`, else `$XDG_STATE_HOME/forge`, else
/// `~/.local/state/forge`.
pub(crate) fn state_folder() -> Option<PathBuf> {
    variable("FORGE_HOME").map(PathBuf::from).or_else(|| folder("XDG_STATE_HOME", ".local/state"))
}

/// Our folder in the one that `variable` names, else in the one below the user's home. A relative one does
/// not count (XDG Base Directory Specification).
fn folder(name: &str, below_home: &str) -> Option<PathBuf> {
    let named = variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || variable("HOME").or_else(|| variable("USERPROFILE"));
    let base = named.or_else(|| home().map(|home| Path::new(&home).join(below_home)))?;
    Some(base.join("forge"))
}
