//! The official Python client of the Model Context Protocol against the built command.

use std::{fs, path::PathBuf};

use crate::{
    command::forge,
    python::{installed, python, say, skipped},
};

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
    // The script as usual, with a Python of its own: the packages do not go together with those of others.
    let Some(usual) = python("mcp_client.py") else { return };
    let mut command = std::process::Command::new(own);
    command.args(usual.get_args()).arg("stdio").arg(forge().get_program()).arg(&folder);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    say(said.trim());
    assert_eq!(said.lines().count(), 4, "{said}");
    fs::remove_dir_all(&folder).unwrap();
}
