//! Where files are looked for, and which of them are there.

use std::path::Path;

use serde_json::json;

use super::Check;
use crate::{metrics, paths::paths};

pub(super) fn checks(named: Option<&Path>) -> Vec<Check> {
    let paths = paths();
    let configurations = match named {
        Some(path) => vec![path.to_owned()],
        None => ["forge.yaml".into()]
            .into_iter()
            .chain(paths.config.map(|folder| folder.join("config.yaml")))
            .collect(),
    };
    let accounts = metrics::path(false);
    let of_state = [
        ("state", paths.state.clone()),
        ("accounts", accounts.clone()),
        ("accounts of simulated calls", metrics::path(true)),
        ("spool", accounts.map(|path| path.with_extension("spool"))),
        ("trusted files", paths.state.map(|folder| folder.join("trusted.json"))),
    ];
    let configurations = configurations.into_iter().map(|path| ("configuration", Some(path)));
    let all = configurations.chain(of_state);
    all.filter_map(|(what, path)| Some(check(what, &path?))).collect()
}

fn check(what: &str, path: &Path) -> Check {
    let is_there = path.exists();
    let state = if is_there { "" } else { " (not there)" };
    let text = format!("{what}: {}{state}", path.display());
    Check::good("path", text, json!({"what": what, "path": path, "exists": is_there}))
}
