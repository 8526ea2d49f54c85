//! The official Python client of the Model Context Protocol, its inspector and its conformance suite against the built command.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    command::forge,
    gateway::{self, Gateway},
    python::{installed, python, say, skipped},
};

/// The script as usual, with a Python of its own: the packages do not go together with those of others.
fn with_own(own: &Path, script: &str) -> Option<Command> {
    let usual = python(script)?;
    let mut command = Command::new(own);
    command.args(usual.get_args()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    Some(command)
}

#[test]
fn the_official_client_lists_calls_cancels_and_waits_for_a_long_council() {
    let Some(own) = installed("mcp/bin/python") else { return };
    if !own.exists() {
        skipped("the package mcp is not installed; run `tests/interop/setup FOLDER` again");
        return;
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("mcp-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("lib.rs"), "fn canary() {}\n").unwrap();
    let Some(mut command) = with_own(&own, "mcp_client.py") else { return };
    let output = command.arg("stdio").arg(forge().get_program()).arg(&folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    say(said.trim());
    assert_eq!(said.lines().count(), 4, "{said}");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_conformance_suite_finds_nothing_that_is_not_expected() {
    let Some(own) = installed("conformance/bin/python") else { return };
    let Some(suite) = installed("conformance/node_modules/@modelcontextprotocol/conformance") else { return };
    if !own.exists() || !suite.exists() {
        skipped("the conformance suite is not installed; run `tests/interop/setup FOLDER` again");
        return;
    }
    let Some(mut command) = with_own(&own, "conformance.py") else { return };
    let server = Gateway::mcp(gateway::folder("conformance"));
    let output = command.arg(&server.url).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    say(said.trim());
    assert_eq!(said.lines().count(), 4, "{said}");
}

#[test]
fn the_inspector_lists_and_calls_over_both_transports() {
    let Some(own) = installed("conformance/bin/python") else { return };
    let Some(inspector) = installed("conformance/node_modules/@modelcontextprotocol/inspector") else {
        return;
    };
    if !own.exists() || !inspector.exists() {
        skipped("the inspector is not installed; run `tests/interop/setup FOLDER` again");
        return;
    }
    let Some(mut command) = with_own(&own, "inspector.py") else { return };
    let folder = gateway::folder("inspector");
    let server = Gateway::mcp(folder.clone());
    command.arg(forge().get_program()).arg(&server.url).current_dir(folder.join("code"));
    let output = command.env("HOME", &folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    say(said.trim());
    assert_eq!(said.lines().count(), 2, "{said}");
}
