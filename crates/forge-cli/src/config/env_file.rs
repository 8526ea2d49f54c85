//! A file of variables beside the work: it is never loaded, but whoever forgot to load it is told so.

use std::{fs::File, io::Read as _, path::Path};

use forge::config::{Report, code};

/// The usual name of such a file.
const NAME: &str = ".env";

/// What loads it into a shell.
pub(crate) const LOAD: &str = "set -a; . ./.env; set +a";

/// So much of it is looked at.
const MOST: u64 = 256 * 1024;

/// Says in `reports` how to set the variables that are missing and stand in the file of the folder.
pub(super) fn explain(reports: &mut [Report], folder: &Path) {
    let is_missing = |report: &Report| [code::UNSET_VARIABLE, "E128"].contains(&report.code);
    if !reports.iter().any(is_missing) {
        return;
    }
    let names = names(folder);
    if names.is_empty() {
        return;
    }
    for report in reports.iter_mut().filter(|report| is_missing(report)) {
        let hint = report.hint.as_deref().unwrap_or_default();
        // Only names are compared: what the file sets them to is read nowhere.
        let words = report.message.split('`').chain(hint.split([' ', ',']));
        if words.into_iter().any(|word| names.iter().any(|name| name == word)) {
            report.hint =
                Some(format!("`{NAME}` in this folder sets it, but is not loaded by itself: run `{LOAD}`"));
        }
    }
}

/// The variables that the file of the folder sets.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut text = String::new();
    let read = File::open(folder.join(NAME)).and_then(|file| file.take(MOST).read_to_string(&mut text));
    if read.is_err() {
        return Vec::new();
    }
    text.lines().filter_map(name).map(str::to_owned).collect()
}

/// The name of the variable that a line sets.
fn name(line: &str) -> Option<&str> {
    let line = line.trim();
    let (name, _) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let name = name.trim();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some(name)
}
