//! Configuration files as users write them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

mod batch;
mod broken;
mod cast;
mod closed;
mod commands;
mod conversation;
mod events;
mod good;
mod hostile;
mod models;
mod offline;
mod own_adapter;
mod reference;
mod schema;
mod scripted;
mod section;

use std::{io, path::Path};

use forge::{
    AdapterRegistry, ModelTable,
    config::{ConfigError, ConfigFile, Loader, Lookup, Trust},
};

/// The variables and files of a machine with a key for each vendor.
#[derive(Debug)]
struct Machine;

impl Lookup for Machine {
    fn variable(&self, name: &str) -> Option<String> {
        let value = match name {
            "ANTHROPIC_API_KEY" | "OPENAI_API_KEY" | "GOOGLE_API_KEY" => "sk-test-secret",
            "BROKEN_KEY" => "sk-test-secret\r\nX-Other: 1",
            _ => return None,
        };
        Some(value.into())
    }

    fn file(&self, path: &str) -> io::Result<String> {
        match path {
            "/run/secrets/key" => Ok("sk-test-secret\n".into()),
            "/etc/ca.pem" => Ok("-----BEGIN CERTIFICATE-----\n".into()),
            "/etc/motd" => Ok("welcome\n".into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Loads `text` as `forge.yaml` on 2026-11-20.
fn load(text: &str, trust: Trust) -> Result<ConfigFile, ConfigError> {
    load_with(&Machine, text, trust)
}

fn load_with(lookup: &dyn Lookup, text: &str, trust: Trust) -> Result<ConfigFile, ConfigError> {
    let (registry, models): (AdapterRegistry, ModelTable) = (forge::registry(), forge::models());
    let today = "2026-11-20".parse().unwrap();
    Loader::new(&registry, &models, today, lookup).with_trust(trust).load("forge.yaml", text)
}

/// A path in the workspace.
fn workspace(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
