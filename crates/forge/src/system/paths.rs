//! Where the user's files belong.

use std::path::{Path, PathBuf};

/// The file looked for in the working directory.
pub(crate) const PROJECT_FILE: &str = "forge.yaml";
/// The file in the user's own folder.
pub(crate) const OWN_FILE: &str = "config.yaml";

/// The user's folders, as the environment gives them. A program that has its own makes them with
/// [`Paths::at`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Paths {
    /// Where the user's configuration is: `$XDG_CONFIG_HOME/forge`, else `~/.config/forge`.
    pub config: Option<PathBuf>,
    /// Where what is remembered is: `$FORGE_HOME`, else `$XDG_STATE_HOME/forge`, else `~/.local/state/forge`.
    pub state: Option<PathBuf>,
}

impl Paths {
    /// The folders that the variables name. An empty variable counts as unset.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // The second is what Windows calls it.
        let home = set("HOME").or_else(|| set("USERPROFILE"));
        // A relative folder does not count (XDG Base Directory Specification).
        let folder = |name: &str, below_home: &str| {
            let named = set(name).filter(|path| path.is_absolute());
            let base = named.or_else(|| Some(home.as_ref()?.join(below_home)))?;
            Some(base.join("forge"))
        };
        Self {
            config: folder("XDG_CONFIG_HOME", ".config"),
            state: set("FORGE_HOME").or_else(|| folder("XDG_STATE_HOME", ".local/state")),
        }
    }

    /// These folders.
    pub fn at(config: impl Into<PathBuf>, state: impl Into<PathBuf>) -> Self {
        Self { config: Some(config.into()), state: Some(state.into()) }
    }

    /// The file that holds where none is named: `forge.yaml` in the working directory, else `config.yaml` in the
    /// user's own folder; `None` if neither is there. Tells whether it is the project's.
    pub(crate) fn config_file(&self) -> Option<(PathBuf, bool)> {
        let project = Path::new(PROJECT_FILE);
        if project.exists() {
            return Some((project.to_owned(), true));
        }
        let own = self.config.as_ref()?.join(OWN_FILE);
        own.exists().then_some((own, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Paths {
        Paths::read(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_folders_follow_the_variables_in_their_order() {
        let paths =
            read(&[("HOME", "/home/me"), ("XDG_CONFIG_HOME", "relative"), ("XDG_STATE_HOME", "/state")]);
        assert_eq!(paths, Paths::at("/home/me/.config/forge", "/state/forge"));
        let paths = read(&[("FORGE_HOME", "/forge"), ("XDG_STATE_HOME", "/state"), ("HOME", "")]);
        assert_eq!((paths.config, paths.state), (None, Some("/forge".into())));
        assert_eq!(read(&[]), Paths::default());
    }
}
