//! Where files are looked for, and which of them are there.

use std::path::Path;

use serde_json::json;

use super::Finding;
use crate::{metrics, paths::paths};

pub(super) fn findings(named: Option<&Path>) -> Vec<Finding> {
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
    all.filter_map(|(what, path)| Some(finding(what, &path?))).collect()
}

fn finding(what: &str, path: &Path) -> Finding {
    let is_there = path.exists();
    let state = if is_there { "" } else { " (not there)" };
    let text = format!("{what}: {}{state}", path.display());
    Finding::good("path", text, json!({"what": what, "path": path, "exists": is_there}))
}
