//! Variables that are set and change nothing, though somebody may think that they do.

use std::{collections::BTreeSet, path::Path};

use serde_json::json;

use super::{Check, Configured, VARIABLES};
use crate::{
    config::env_file,
    paths::{is_empty, variable},
};

const TOPIC: &str = "ignored";

pub(super) fn checks(configured: Option<&Configured>) -> Vec<Check> {
    let mut found: Vec<_> = empty().chain(without_feature()).chain(proxies()).collect();
    match configured {
        Some(configured) => found.extend(unused(configured)),
        None => found.extend(beaten()),
    }
    found.extend(not_loaded(configured));
    found
}

fn check(name: &str, why: &str, next: String) -> Check {
    let facts = json!({"variables": [name], "why": why});
    Check::note(TOPIC, format!("{name}: {why}"), facts, next)
}

/// Variables in which a key or an address stands.
fn of_adapters() -> BTreeSet<String> {
    let registry = forge::registry();
    let of_kind = |kind: &forge::AdapterKind| {
        let own = kind.key_variables.iter().chain(kind.base_url_variables).map(|name| (*name).to_owned());
        let others = kind.compatible.iter().filter_map(|vendor| vendor.key_variable.clone());
        own.chain(others).collect::<Vec<_>>()
    };
    registry.kinds().iter().flat_map(of_kind).collect()
}

fn empty() -> impl Iterator<Item = Check> {
    let names = of_adapters().into_iter().chain(VARIABLES.map(str::to_owned));
    let empty = names.filter(|name| is_empty(name));
    empty.map(|name| check(&name, "it is empty, which counts as unset", format!("unset {name}")))
}

fn without_feature() -> Option<Check> {
    let name = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let is_set = variable(name).is_some() && !cfg!(feature = "otlp");
    let next = format!("build with `--features otlp`, or unset {name}");
    is_set.then(|| check(name, "this build sends no spans", next))
}

/// Of two spellings of a proxy's variable, the lower one wins.
fn proxies() -> impl Iterator<Item = Check> {
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"].into_iter();
    names.filter_map(|name| {
        let lower = name.to_ascii_lowercase();
        let differs = variable(name)? != variable(&lower)?;
        differs.then(|| check(name, &format!("{lower} is set too and wins"), format!("unset {name}")))
    })
}

/// Keys beside one that wins, where the environment alone says who is asked.
fn beaten() -> Vec<Check> {
    let registry = forge::registry();
    let of_kind = |names: &[&'static str]| {
        let is_set = |name: &&&str| variable(name).is_some_and(|value| !value.trim().is_empty());
        let mut set = names.iter().filter(is_set).copied();
        let wins = set.next().unwrap_or_default();
        let why = format!("{wins} is set too and wins");
        set.map(|name| check(name, &why, format!("unset {name}"))).collect::<Vec<_>>()
    };
    registry.kinds().iter().flat_map(|kind| of_kind(kind.key_variables)).collect()
}

/// Keys and addresses that the file does not refer to. The file alone says who is asked, and where.
fn unused(configured: &Configured) -> Vec<Check> {
    let file = configured.name();
    let is_unused = |name: &String| variable(name).is_some() && !configured.uses(name);
    let names = of_adapters().into_iter().filter(is_unused);
    let found = names.map(|name| {
        let next = format!("write `${{{name}}}` where {file} needs it, or unset {name}");
        check(&name, &format!("nothing in {file} uses it"), next)
    });
    found.collect()
}

/// What stands in a file of the folder and not in the environment, as far as it is of interest here.
fn not_loaded(configured: Option<&Configured>) -> Option<Check> {
    let adapters = of_adapters();
    let matters = |name: &String| {
        variable(name).is_none()
            && (adapters.contains(name)
                || VARIABLES.contains(&name.as_str())
                || configured.is_some_and(|configured| configured.uses(name)))
    };
    let names: Vec<_> = env_file::names(Path::new("")).into_iter().filter(matters).collect();
    let text = format!("{}: in the file .env, which is not loaded by itself", names.join(", "));
    let facts = json!({"variables": names, "why": "in the file .env, which is not loaded by itself"});
    (!names.is_empty()).then(|| Check::note(TOPIC, text, facts, env_file::LOAD))
}
