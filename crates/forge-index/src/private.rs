//! Files that are nobody's to read: secrets by their names, and what ignore rules leave out.

use std::{ffi::OsStr, path::Path};

use ignore::WalkBuilder;

/// Folders whose files are nobody's business but their program's.
const PRIVATE: [&str; 7] = [".git", ".hg", ".svn", ".ssh", ".aws", ".gnupg", ".kube"];
/// Files that hold secrets, by their whole names.
const SECRET_NAMES: [&str; 8] =
    [".env", ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".htpasswd", ".git-credentials"];
/// The same by what their names begin with.
const SECRET_BEGINNINGS: [&str; 6] = [".env.", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "credentials"];
/// The same by their endings.
const SECRET_ENDINGS: [&str; 8] = ["pem", "key", "p12", "pfx", "jks", "keystore", "kdbx", "ppk"];
/// Endings of files with values and no code, which hold secrets if their name says so.
const VALUES: [&str; 8] = ["", "json", "yaml", "yml", "toml", "ini", "txt", "env"];

/// Whether a file holds secrets by its name: keys, files of environments, what programs keep for themselves. The path is one from the
/// root.
pub fn holds_secrets(relative: &Path) -> bool {
    let word =
        |text: Option<&OsStr>| text.map(|text| text.to_string_lossy().to_lowercase()).unwrap_or_default();
    let is_private =
        relative.components().any(|part| PRIVATE.contains(&word(Some(part.as_os_str())).as_str()));
    let (name, ending) = (word(relative.file_name()), word(relative.extension()));
    let is_example = [".example", ".sample", ".template"].iter().any(|end| name.ends_with(end));
    let says_so = ["secret", "credential", "password"].iter().any(|part| name.contains(part));
    is_private
        || SECRET_NAMES.contains(&name.as_str())
        || !is_example && SECRET_BEGINNINGS.iter().any(|begin| name.starts_with(begin))
        || SECRET_ENDINGS.contains(&ending.as_str())
        || says_so && VALUES.contains(&ending.as_str())
}

/// Whether the rules of `.gitignore` and `.ignore` below the root leave the file out. Only the folders above it are looked into.
pub fn is_ignored(root: &Path, relative: &Path) -> bool {
    let wanted = root.join(relative);
    let target = wanted.clone();
    let mut walk = WalkBuilder::new(root);
    walk.hidden(false).parents(false).git_global(false).git_exclude(false).require_git(false);
    walk.filter_entry(move |entry| target.starts_with(entry.path()));
    !walk.build().flatten().any(|entry| entry.path() == wanted)
}
