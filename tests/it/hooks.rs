//! `forge hooks`, on the built command: what runs when, and whom a project makes run it.
#![cfg(unix)]

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use crate::{Said, place::Place, run};

const HOOKS: &str = r#"schema_version: "1.0"
providers: { laptop: { type: local, model: qwen3 } }
hooks:
  guard: { event: PreEdit, matcher: "*.sql", run: [./guard.sh], required: true }
  keys: { event: PreToolUse, matcher: run, run: ["env; echo '{\"decision\": \"ask\", \"reason\": \"sure?\"}' >&2; exit 1"], shell: true }
permissions: { deny: [ { path: "*.pem" } ] }
"#;

/// A project in a folder of its own, whose script refuses changes of SQL.
fn project(name: &str) -> Place {
    let place = Place::new(name);
    fs::write(place.path("forge.yaml"), HOOKS).unwrap();
    write_guard(&place, "sql is frozen");
    place
}

fn write_guard(place: &Place, says: &str) {
    let path = place.path("guard.sh");
    fs::write(&path, format!("#!/bin/sh\ncat > seen.json\necho '{says}' >&2\nexit 2\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn fire(place: &Place, event: &str, input: &str) -> Said {
    let mut command: Command = place.command(&["hooks", "fire", event, "--input", "input.json"]);
    fs::File::create(place.path("input.json")).unwrap().write_all(input.as_bytes()).unwrap();
    run(command.stdin(Stdio::null()))
}

#[test]
fn the_scripts_of_a_projects_hooks_are_trusted_by_their_content() {
    let place = project("hooks-trust");
    let list = || run(&mut place.command(&["hooks", "list"]));
    let said = list();
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(
        said.stderr.contains("forge.yaml:4:10: error[E108]: hooks.guard: this file is not trusted"),
        "{}",
        said.stderr
    );
    // What only denies may stand.
    assert!(!said.stderr.contains("permissions"), "{}", said.stderr);

    let trust = || run(&mut place.command(&["config", "trust", "--yes"]));
    let said = trust();
    assert!(said.code == Some(0) && said.stderr.contains("+echo 'sql is frozen' >&2"), "{}", said.stderr);
    let said = list();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stdout.contains("PreEdit     *.sql  guard (required)  ./guard.sh"), "{}", said.stdout);

    // As after a `git pull`.
    write_guard(&place, "all is well");
    let said = fire(&place, "PreEdit", r#"{"paths": ["a.sql"]}"#);
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(said.stderr.contains("hooks.guard: `guard.sh` is not as you trusted it"), "{}", said.stderr);
    assert!(!fs::exists(place.path("seen.json")).unwrap());
    assert_eq!(trust().code, Some(0));
    assert_eq!(list().code, Some(0));
}

#[test]
fn an_event_is_fired_to_try_what_hooks_say() {
    let place = project("hooks-fire");
    assert_eq!(run(&mut place.command(&["config", "trust", "--yes"])).code, Some(0));
    let said = fire(&place, "PreEdit", r#"{"session_id": "s7", "paths": ["db/a.sql"]}"#);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), "PreEdit: deny; hook `guard`: sql is frozen\n"));
    let seen = fs::read_to_string(place.path("seen.json")).unwrap();
    assert!(
        seen.contains(r#""session_id":"s7""#) && seen.contains(r#""hook_event_name":"PreEdit""#),
        "{seen}"
    );
    let said = fire(&place, "PreEdit", r#"{"paths": ["src/a.rs"]}"#);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), "PreEdit: allow; no hook is meant\n"));

    // One that fails is a warning, and no key goes to it.
    let said = fire(&place, "PreToolUse", r#"{"tool_name": "run"}"#);
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), "PreToolUse: allow\n"));
    assert!(
        said.stderr.contains("warning: the hook `keys` (forge.yaml:5:9) failed: it ended with status 1"),
        "{}",
        said.stderr
    );
    for (event, input, what) in [
        ("PreEdits", "{}", "did you mean `PreEdit`?"),
        ("PreEdit", "[1]", "input.json"),
        ("PreEdit", r#"{"paths": "a.sql"}"#, "`paths` is no list of texts"),
    ] {
        let said = fire(&place, event, input);
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        assert!(said.stderr.contains(what), "{}", said.stderr);
    }
}

#[test]
fn a_program_that_is_not_there_is_told_before_it_is_needed() {
    let place = project("hooks-check");
    let check = || run(&mut place.command(&["hooks", "check"]));
    assert_eq!(run(&mut place.command(&["config", "trust", "--yes"])).code, Some(0));
    assert_eq!(check().code, Some(0), "{}", check().stderr);
    fs::set_permissions(place.path("guard.sh"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = check();
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains("forge.yaml:4:10: the hook `guard` runs `./guard.sh`"), "{}", said.stderr);
}

#[test]
fn hooks_of_the_users_own_file_run_in_every_project_and_before_its_own() {
    let (place, own) = (project("hooks-own"), Place::new("hooks-own-home"));
    let hooks = "schema_version: \"1.0\"\nproviders: { laptop: { type: local, model: qwen3 } }\nhooks:\n  mine: { event: PreEdit, run: [\"echo mine >&2; exit 2\"], shell: true }\n";
    fs::create_dir(own.path("forge")).unwrap();
    fs::write(own.path("forge/config.yaml"), hooks).unwrap();
    let forge = |arguments: &[&str]| run(place.command(arguments).env("XDG_CONFIG_HOME", own.path("")));
    assert_eq!(forge(&["config", "trust", "--yes"]).code, Some(0));
    fs::write(place.path("input.json"), r#"{"paths": ["a.sql"]}"#).unwrap();
    let said = forge(&["hooks", "fire", "PreEdit", "--input", "input.json"]);
    assert_eq!(
        (said.code, said.stdout.as_str()),
        (Some(1), "PreEdit: deny; hook `mine`: mine\n"),
        "{}",
        said.stderr
    );
    assert!(!fs::exists(place.path("seen.json")).unwrap());
    let listed = forge(&["hooks", "list"]).stdout;
    assert!(listed.contains("config.yaml:4:9\n") && listed.contains("forge.yaml:4:10"), "{listed}");
}
