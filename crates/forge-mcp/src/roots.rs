//! The folders that a server may read.

use std::{
    io,
    path::{Path, PathBuf},
};

/// The folders that a server may read, and nothing else.
#[derive(Debug, Clone)]
pub struct Roots(Vec<PathBuf>);

/// Why a folder is not one that a server may read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// There is no folder.
    #[error("no folder is named that may be read")]
    None,
    /// The whole disk, the home folder, or one around it: what lies there is not meant for models.
    #[error("{} may not be read as a whole, but the folder of a project may", .0.display())]
    TooMuch(PathBuf),
    /// It is not there, is no folder or cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The folder as it was given.
        path: PathBuf,
        /// What the system says.
        #[source]
        why: io::Error,
    },
}

impl Roots {
    /// These folders. `home` is that of the user, which is refused as a whole like everything around it.
    ///
    /// # Errors
    /// No folder, one that cannot be read, or one that holds too much.
    pub fn new(folders: impl IntoIterator<Item = PathBuf>, home: Option<&Path>) -> Result<Self, RootsError> {
        let home = home.and_then(|home| home.canonicalize().ok());
        let mut roots = Vec::new();
        for path in folders {
            let whole = path.canonicalize().and_then(|whole| std::fs::read_dir(&whole).map(|_| whole));
            let whole = whole.map_err(|why| RootsError::Unreadable { path, why })?;
            let is_home = home.as_ref().is_some_and(|home| home.starts_with(&whole));
            if whole.parent().is_none() || is_home {
                return Err(RootsError::TooMuch(whole));
            }
            if !roots.contains(&whole) {
                roots.push(whole);
            }
        }
        if roots.is_empty() { Err(RootsError::None) } else { Ok(Self(roots)) }
    }

    /// The folders as whole paths, the first one that of which nothing else is said.
    pub fn folders(&self) -> &[PathBuf] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_and_the_home_folder_and_what_is_around_it_are_no_roots() {
        let home = std::env::temp_dir().join(format!("forge-mcp-home-{}", std::process::id()));
        let project = home.join("project");
        std::fs::create_dir_all(&project).unwrap();
        let roots = |folder: &Path| Roots::new([folder.to_owned()], Some(&home));
        for folder in [Path::new("/"), &home, &home.join("project/.."), home.parent().unwrap()] {
            assert!(matches!(roots(folder), Err(RootsError::TooMuch(_))), "{}", folder.display());
        }
        assert_eq!(roots(&project).unwrap().folders(), [project.canonicalize().unwrap()]);
        assert!(matches!(roots(&home.join("none")), Err(RootsError::Unreadable { .. })));
        assert!(matches!(Roots::new([], None), Err(RootsError::None)));
        std::fs::remove_dir_all(&home).unwrap();
    }
}
