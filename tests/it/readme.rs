//! The README's commands do what they are shown for.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use serde_json::Value;

use crate::{forge, place::Place};

const README: &str = include_str!("../../README.md");

/// The lines `$ forge ...` of the README, as words, without what the reader is told about them.
fn commands() -> Vec<Vec<String>> {
    let lines = README.lines().filter_map(|line| line.strip_prefix("$ forge "));
    lines.map(|line| words(line.split('#').next().unwrap_or_default())).collect()
}

/// Words as a shell reads them, as far as double quotes go.
fn words(line: &str) -> Vec<String> {
    let quoted = line.split('"').enumerate().flat_map(|(at, part)| {
        if at % 2 == 1 { vec![part.to_owned()] } else { part.split_whitespace().map(str::to_owned).collect() }
    });
    quoted.collect()
}

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn every_command_of_the_readme_works_as_it_is_shown() {
    let place = Place::new("readme");
    std::fs::write(place.path("notes.md"), "# Notes\n\nThe cache holds at most 100 replies.\n").unwrap();
    std::fs::write(place.path("cities.json"), r#"{"type":"object","properties":{"cities":{"type":"array","items":{"type":"string"}}},"required":["cities"],"additionalProperties":false}"#).unwrap();
    crate::review::repository(&place);
    let commands = commands();
    assert!(commands.len() > 15, "{commands:?}");
    let mut session = String::new();
    for mut command in commands {
        // Servers, which go on until somebody ends them.
        if let Some((_, opening)) =
            [("sim", "VENDOR"), ("serve", "{")].iter().find(|(name, _)| *name == command[0])
        {
            command.extend(["--listen", "127.0.0.1:0"].map(str::to_owned));
            command.extend((command[0] == "serve").then(|| "--json".to_owned()));
            let mut child = forge().args(&command).stdout(Stdio::piped()).spawn().map(Running).unwrap();
            let first = BufReader::new(child.0.stdout.take().unwrap()).lines().next();
            assert!(first.unwrap().unwrap().starts_with(opening), "{command:?}");
            continue;
        }
        if let Some(id) = command.iter_mut().find(|word| word.starts_with("2026")) {
            id.clone_from(&session);
        }
        let asks_nobody =
            ["config", "completions", "index", "log", "man", "top"].contains(&command[0].as_str());
        if !asks_nobody && !command.contains(&"--offline".to_owned()) {
            command.push("--offline".into());
        }
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        let keys =
            ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GOOGLE_API_KEY"].map(|name| (name, "sk-test-readme"));
        let said = crate::run(place.command(&arguments).envs(keys));
        assert_eq!(said.code, Some(0), "{command:?}\n{}\n{}", said.stdout, said.stderr);
        if session.is_empty() && command[0] == "run" {
            let listed = place.run(&["sessions", "list", "--offline", "--json"]);
            let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
            listed["sessions"][0]["session"].as_str().unwrap().clone_into(&mut session);
        }
    }
    for file in ["result.html", "page.html", "forge.yaml"] {
        assert!(std::path::Path::new(&place.path(file)).exists(), "{file}");
    }
}
