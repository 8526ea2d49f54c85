//! `forge mcp install`: a program's configuration, printed or written.

use std::{fs, path::Path, process::ExitCode};

use serde_json::{Map, Value, json};

use super::program::{self, Form, Server};
use crate::{
    args::{McpInstall, McpProgram},
    error::CliError,
    files,
    terminal::{self, note},
};

pub(super) fn install(args: &McpInstall, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let servers = servers(args);
    let path = args.file.clone().or_else(|| program::file(args.program));
    if args.write {
        let path =
            path.ok_or_else(|| CliError::usage("there is no home folder", "name the file with `--file`"))?;
        let before = if path.exists() { files::read(&path)? } else { String::new() };
        let after = merged(args.program, &path, &before, &servers)?;
        if let Some(folder) = path.parent() {
            let failed = |error: std::io::Error| {
                CliError::failed(format!("{} cannot be made", folder.display()), &error)
            };
            fs::create_dir_all(folder).map_err(failed)?;
        }
        files::write(&path, &after, quiet)?;
        if as_json {
            terminal::json(&json!({"path": path, "text": after, "written": true}))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let text = merged(args.program, Path::new("nothing"), "", &servers)?;
    if as_json {
        terminal::json(&json!({"path": path, "text": text, "written": false}))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(path) = path {
        note(quiet, &format!("{} has to say this; `--write` adds it there:", path.display()));
    }
    terminal::out(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Two servers and not one: a program may be given the one that spends nothing alone.
fn servers(args: &McpInstall) -> Vec<Server> {
    let context = ("forge-context", vec!["mcp", "serve", "--context"]);
    let models = ("forge-models", vec!["mcp", "serve", "--models"]);
    match (args.context, args.models) {
        (true, _) => vec![context],
        (_, true) => vec![models],
        _ => vec![context, models],
    }
}

/// The text of a file with the servers in it. Everything else in it stays.
fn merged(program: McpProgram, path: &Path, before: &str, servers: &[Server]) -> Result<String, CliError> {
    match program::form(program) {
        Form::Json => with_json(program, path, before, servers),
        Form::Toml => with_toml(program, path, before, servers),
    }
}

fn with_json(program: McpProgram, path: &Path, before: &str, servers: &[Server]) -> Result<String, CliError> {
    let broken = |why: &dyn std::error::Error| {
        // Comments would be lost, and what is no JSON would be guessed at.
        let next = "add by hand what this prints without `--write`; the file stays as it is";
        CliError::content(path, "a JSON object without comments", why).with_next(next)
    };
    let mut object: Map<String, Value> = match before.trim() {
        "" => Map::new(),
        text => serde_json::from_str(text).map_err(|error| broken(&error))?,
    };
    let key = program::key(program);
    let Value::Object(known) = object.entry(key).or_insert_with(|| json!({})) else {
        return Err(broken(&std::io::Error::other(format!("`{key}` is no object"))));
    };
    for server in servers {
        known.insert(server.0.to_owned(), program::entry(program, server));
    }
    let text = serde_json::to_string_pretty(&object);
    Ok(text.map_err(|error| CliError::failed("the configuration cannot be written", &error))? + "\n")
}

fn with_toml(program: McpProgram, path: &Path, before: &str, servers: &[Server]) -> Result<String, CliError> {
    let broken = |why: &dyn std::error::Error| {
        let next = "correct it first; the file stays as it is";
        CliError::content(path, "TOML", why).with_next(next)
    };
    let mut document: toml_edit::DocumentMut =
        before.parse().map_err(|error: toml_edit::TomlError| broken(&error))?;
    let key = program::key(program);
    let known = document.entry(key).or_insert_with(|| {
        let mut table = toml_edit::Table::new();
        // No line for the table itself, which holds nothing but tables.
        table.set_implicit(true);
        table.into()
    });
    let Some(known) = known.as_table_like_mut() else {
        return Err(broken(&std::io::Error::other(format!("`{key}` is no table"))));
    };
    for server in servers {
        let mut table = toml_edit::Table::new();
        for (key, value) in program::entry(program, server).as_object().into_iter().flatten() {
            table.insert(key, toml_edit::Item::Value(toml(value)));
        }
        known.insert(server.0, table.into());
    }
    Ok(document.to_string())
}

/// A value of an entry: texts, lists of them, and counts.
fn toml(value: &Value) -> toml_edit::Value {
    match value {
        Value::Array(list) => list.iter().map(toml).collect::<toml_edit::Array>().into(),
        Value::Number(number) => number.as_i64().unwrap_or_default().into(),
        other => other.as_str().unwrap_or_default().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [McpProgram; 7] = [
        McpProgram::ClaudeCode,
        McpProgram::Codex,
        McpProgram::Opencode,
        McpProgram::Gemini,
        McpProgram::Vscode,
        McpProgram::Cursor,
        McpProgram::Zed,
    ];

    fn both() -> Vec<Server> {
        vec![
            ("forge-context", vec!["mcp", "serve", "--context"]),
            ("forge-models", vec!["mcp", "serve", "--models"]),
        ]
    }

    #[test]
    fn what_stands_in_a_file_stays_and_a_second_time_changes_nothing() {
        for program in ALL {
            let key = program::key(program);
            let before = match program::form(program) {
                Form::Json => format!(
                    r#"{{"theme": "dark", "{key}": {{"other": {{"command": "x"}}}}, "last": [1, 2]}}"#
                ),
                Form::Toml => format!(
                    "# mine\nmodel = \"m\" # kept\n\n[{key}.other]\ncommand = \"x\"\n\n[tui]\na = 1\n"
                ),
            };
            let once = merged(program, Path::new("f"), &before, &both()).unwrap();
            for kept in ["other", "forge-context", "forge-models", "--models"] {
                assert!(once.contains(kept), "{program:?}: {once}");
            }
            let kept: &[&str] = match program::form(program) {
                Form::Json => &["\"theme\": \"dark\"", "\"last\""],
                Form::Toml => &["# mine", "# kept", "[tui]\na = 1"],
            };
            assert!(kept.iter().all(|kept| once.contains(kept)), "{program:?}: {once}");
            assert_eq!(merged(program, Path::new("f"), &once, &both()).unwrap(), once, "{program:?}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_refused() {
        for (program, before) in [
            (McpProgram::ClaudeCode, "{"),
            (McpProgram::Vscode, "// mine\n{}"),
            (McpProgram::Cursor, "[]"),
            (McpProgram::Gemini, r#"{"mcpServers": []}"#),
            (McpProgram::Codex, "a = "),
            (McpProgram::Codex, "mcp_servers = 1"),
        ] {
            assert!(merged(program, Path::new("f"), before, &both()).is_err(), "{program:?} {before}");
        }
    }

    #[test]
    fn an_empty_file_gets_the_servers_alone() {
        let text = merged(McpProgram::Codex, Path::new("f"), "", &both()[..1]).unwrap();
        let expected = "[mcp_servers.forge-context]\ncommand = \"forge\"\nargs = [\"mcp\", \"serve\", \"--context\"]\ntool_timeout_sec = 60\n";
        assert_eq!(text, expected);
        let text = merged(McpProgram::Opencode, Path::new("f"), " \n", &both()[..1]).unwrap();
        let expected = json!({"mcp": {"forge-context": {
            "type": "local", "command": ["forge", "mcp", "serve", "--context"], "enabled": true, "timeout": 60_000,
        }}});
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    }
}
