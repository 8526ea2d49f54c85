//! `forge keys`, `forge teams` and `forge audit`: who may use a server. They work on the file of the accounts, beside a
//! server that may be running; nothing goes over the network.

mod allowance;
mod audit;
mod form;
mod keys;
mod seal;
mod teams;
mod usage;

use std::error::Error as _;

use forge::{
    config::nearest,
    storage::{
        StorageError,
        access::{AccessChange, AccessError, AccessList, AccessStore as _, ClientKey},
    },
    store::{Store, StoreError},
};

pub(crate) use self::{audit::run as audit, keys::run as keys, teams::run as teams};
use crate::{args::KeysStore, error::CliError, layout, metrics, paths::variable};

/// Letters of the longest name.
const LONGEST: usize = 64;
/// Letters of who did it that the log keeps.
const WHO: usize = 100;

/// The store at work, and how to tell of it.
struct Desk {
    store: Store,
    simulated: bool,
    quiet: bool,
    json: bool,
}

impl Desk {
    fn open(args: KeysStore, quiet: bool, json: bool) -> Result<Self, CliError> {
        let simulated = args.offline;
        Ok(Self { store: metrics::open(simulated)?, simulated, quiet, json })
    }

    async fn list(&self) -> Result<AccessList, CliError> {
        self.store.access().await.map_err(|error| storage(&error))
    }

    async fn change(&self, change: AccessChange) -> Result<(), AccessError> {
        self.store.change_access(change, &by()).await
    }
}

/// Who the user of the machine is, as the log has it.
pub(crate) fn by() -> String {
    let name = ["USER", "LOGNAME"].into_iter().find_map(variable).or_else(uid);
    let name = name.unwrap_or_else(|| "unknown".to_owned());
    layout::cut(&layout::clean(&name).replace(['\n', '\t'], " "), WHO).into_owned()
}

#[cfg(unix)]
fn uid() -> Option<String> {
    // The folder of a process belongs to its user.
    let facts = std::fs::metadata("/proc/self").ok()?;
    Some(format!("uid {}", std::os::unix::fs::MetadataExt::uid(&facts)))
}

#[cfg(not(unix))]
fn uid() -> Option<String> {
    None
}

pub(crate) fn storage(error: &StorageError) -> CliError {
    match error.source().and_then(|source| source.downcast_ref::<StoreError>()) {
        Some(error) => CliError::store(error),
        None => CliError::failed("the keys cannot be read or written", error),
    }
}

/// Why a change was refused, and what to do.
fn refused(error: AccessError, list: &AccessList) -> CliError {
    let what = error.to_string();
    match error {
        AccessError::UnknownKey { id } => unknown_key(&id, list),
        AccessError::UnknownTeam { name } => unknown_team(&name, list),
        AccessError::NameTaken { name, .. } => CliError::usage(
            what,
            format!("choose another name, or give the key another secret: `forge keys rotate {name}`"),
        ),
        AccessError::Revoked { .. } => {
            CliError::usage(what, "make another key under another name: `forge keys create NAME`")
        }
        AccessError::TeamInUse { .. } => {
            CliError::usage(what, "`forge keys list` shows them; revoke them first, for ever")
        }
        AccessError::Storage(error) => storage(&error),
        error => CliError::failed("the change was refused", &error),
    }
}

fn unknown_key(id: &str, list: &AccessList) -> CliError {
    let known = list.keys.iter().flat_map(|key| [&*key.name, &*key.id]);
    let next = nearest(id, known)
        .map_or_else(|| "see `forge keys list`".to_owned(), |near| format!("did you mean `{near}`?"));
    CliError::usage(format!("there is no key `{}`", layout::cut(id, LONGEST)), next)
}

fn unknown_team(name: &str, list: &AccessList) -> CliError {
    let next = nearest(name, list.teams.iter().map(|team| &*team.name)).map_or_else(
        || "see `forge teams list`, or make it: `forge teams set NAME`".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    CliError::usage(format!("there is no team `{}`", layout::cut(name, LONGEST)), next)
}

/// The key of this id or name.
fn find<'a>(list: &'a AccessList, text: &str) -> Result<&'a ClientKey, CliError> {
    // Of a whole key that was pasted only the id counts, and no message may repeat the rest.
    let text = text.strip_prefix("fk_").map_or(text, |rest| rest.split('_').next().unwrap_or_default());
    let by_id = list.keys.iter().find(|key| *key.id == *text);
    let found = by_id.or_else(|| list.keys.iter().find(|key| *key.name == *text));
    found.ok_or_else(|| unknown_key(text, list))
}

/// Whether this may be the name of a key or a team.
fn check_name(what: &str, name: &str) -> Result<(), CliError> {
    // What looks like a key may be one, and is not repeated.
    if name.starts_with("fk_") {
        return Err(CliError::usage(
            format!("the name of a {what} does not begin with `fk_`, as keys do"),
            "choose a name that says who uses it, such as `ci`",
        ));
    }
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let begins = name.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    if begins && name.len() <= LONGEST && name.chars().all(is_letter) {
        return Ok(());
    }
    Err(CliError::usage(
        format!("`{}` cannot be the name of a {what}", layout::cut(name, LONGEST)),
        "write 1 to 64 letters (a to z), digits, `-`, `_` and `.`, beginning with a letter or a digit",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain_and_no_key() {
        for name in ["ci", "a", "7", "team-a_b.c", &"n".repeat(64)] {
            assert!(check_name("key", name).is_ok(), "{name}");
        }
        for name in ["", " ", "a b", "-a", ".a", "a/b", "a:b", "\u{e4}", "a\n", &"n".repeat(65), "fk_x"] {
            assert!(check_name("key", name).is_err(), "{name}");
        }
        let pasted = format!("fk_0123456789_{}", "a".repeat(64));
        let said = check_name("key", &pasted).unwrap_err().to_string();
        assert!(!said.contains("aaaa"), "{said}");
        let said = find(&AccessList::default(), &pasted).unwrap_err().to_string();
        assert!(!said.contains("aaaa") && said.contains("0123456789"), "{said}");
    }
}
