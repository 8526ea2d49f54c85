use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use serde_json::Value;

/// Which crate may depend on which. What is not here is forbidden.
const ARROWS: [(&str, &[&str]); 28] = [
    ("forge-core", &[]),
    ("forge-config", &[]),
    ("forge-edit", &[]),
    ("forge-http", &["forge-core"]),
    ("forge-anthropic", &["forge-core", "forge-http"]),
    ("forge-openai", &["forge-core", "forge-http"]),
    ("forge-google", &["forge-core", "forge-http"]),
    ("forge-index", &[]),
    ("forge-local", &["forge-core", "forge-http", "forge-openai"]),
    ("forge-layers", &["forge-core"]),
    ("forge-router", &["forge-core", "forge-config", "forge-layers"]),
    ("forge-durable", &["forge-core"]),
    ("forge-prompt", &["forge-core", "forge-config"]),
    ("forge-session", &["forge-core", "forge-durable", "forge-prompt"]),
    (
        "forge-agent",
        &["forge-core", "forge-durable", "forge-edit", "forge-index", "forge-prompt", "forge-session"],
    ),
    ("forge-eval", &["forge-core", "forge-session"]),
    ("forge-worker", &["forge-core"]),
    ("forge-tui", &["forge-core", "forge-worker"]),
    ("forge-sim", &[]),
    ("forge-store", &["forge-core"]),
    ("forge-postgres", &["forge-core"]),
    ("forge-testkit", &["forge-core", "forge-sim"]),
    (
        "forge",
        &[
            "forge-agent",
            "forge-core",
            "forge-config",
            "forge-anthropic",
            "forge-openai",
            "forge-google",
            "forge-http",
            "forge-local",
            "forge-durable",
            "forge-layers",
            "forge-prompt",
            "forge-router",
            "forge-session",
            "forge-sim",
            "forge-store",
            "forge-worker",
        ],
    ),
    ("forge-gateway", &["forge", "forge-core", "forge-http"]),
    ("forge-mcp", &["forge", "forge-index"]),
    (
        "forge-cli",
        &[
            "forge",
            "forge-eval",
            "forge-gateway",
            "forge-index",
            "forge-mcp",
            "forge-sim",
            "forge-tui",
            "forge-worker",
        ],
    ),
    ("forge-benches", &["forge-core", "forge-session"]),
    ("forge-examples", &[]),
];

/// The normal dependencies of each package inside the workspace.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--no-deps"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let inside: BTreeSet<String> = packages.iter().map(name).collect();
    packages
        .iter()
        .map(|package| {
            let normal =
                package["dependencies"].as_array().unwrap().iter().filter(|one| one["kind"].is_null());
            (name(package), normal.map(name).filter(|name| inside.contains(name)).collect())
        })
        .collect()
}

#[test]
fn crates_depend_only_along_the_arrows() {
    let allowed: BTreeMap<_, _> = ARROWS.into_iter().collect();
    for (package, dependencies) in arrows().into_iter().filter(|(package, _)| package != "forge-tests") {
        let known =
            allowed.get(package.as_str()).unwrap_or_else(|| panic!("{package} has no place in the drawing"));
        let extra: Vec<_> = dependencies.iter().filter(|name| !known.contains(&name.as_str())).collect();
        assert!(extra.is_empty(), "{package} must not depend on {extra:?}");
    }
}

#[test]
fn an_adapter_brings_nothing_along_that_it_does_not_need() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "-p", "forge-anthropic", "-e", "normal", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let crates: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    for foreign in [
        "forge-openai",
        "forge-google",
        "forge-local",
        "forge-router",
        "libsqlite3-sys",
        "clap",
        "serde_yaml",
        "yaml_serde",
    ] {
        assert!(!crates.contains(foreign), "{foreign}");
    }
    assert!(crates.contains("forge-http") && crates.len() <= 120, "{} crates", crates.len());
}

#[test]
fn the_command_has_at_most_320_crates() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "-p", "forge-cli", "-e", "normal,build", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let crates: BTreeSet<&str> = text.lines().filter_map(|line| line.split(" (").next()).collect();
    assert!((50..=320).contains(&crates.len()), "{} crates", crates.len());
}

#[test]
fn the_router_holds_no_vendors_name() {
    const NAMES: [&str; 7] = ["anthropic", "openai", "google", "gemini", "claude", "gpt", "ollama"];
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/forge-router/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("resolve/tests.rs") && !path.ends_with("resolve/fixture.rs") {
                let text = fs::read_to_string(&path).unwrap().to_lowercase();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                let held: Vec<_> = NAMES.iter().filter(|name| code.contains(*name)).collect();
                assert!(held.is_empty(), "{} holds {held:?}", path.display());
            }
        }
    }
}
