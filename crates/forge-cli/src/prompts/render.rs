//! `forge prompts render`.

use std::process::ExitCode;

use forge::prompt::{Prompt, PromptError};
use serde_json::{Map, Value, json};

use super::desk::Desk;
use crate::{args::PromptsRender, error::CliError, files, terminal};

pub(super) fn run(desk: &Desk, args: &PromptsRender) -> Result<ExitCode, CliError> {
    let stored = args.at.as_deref().map(|at| desk.at(&args.name, at)).transpose()?;
    let set = stored.as_ref().unwrap_or(&desk.set);
    let prompt = set.get(&args.name).ok_or_else(|| super::desk::unknown(&args.name, set))?;
    let values = values(prompt, args)?;
    let text = set.render(&args.name, &values).map_err(|error| wrong(&error))?;
    if desk.json {
        let object = json!({
            "simulated": desk.simulated, "name": prompt.name, "hash": prompt.version,
            "number": desk.number(prompt), "text": text,
        });
        terminal::json(&object)?;
    } else {
        terminal::out(&format!("{text}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The values of the file, and over them those of the command line.
fn values(prompt: &Prompt, args: &PromptsRender) -> Result<Map<String, Value>, CliError> {
    let mut values = Map::new();
    if let Some(path) = &args.file {
        let text = if path.as_os_str() == "-" { files::standard_input()? } else { files::read(path)? };
        values = serde_json::from_str(&text)
            .map_err(|error| CliError::content(path, "a JSON object of variables", &error))?;
    }
    for variable in &args.variables {
        let Some((name, text)) = variable.split_once('=') else {
            return Err(CliError::usage(
                format!("`{variable}` sets no variable"),
                "write `--var NAME=VALUE`",
            ));
        };
        values.insert(name.to_owned(), value(prompt, name, text)?);
    }
    Ok(values)
}

/// What is declared as a text is one; what else is declared is JSON; what says nothing of its form is JSON if it can be.
fn value(prompt: &Prompt, name: &str, text: &str) -> Result<Value, CliError> {
    let schema = prompt.front.properties().find(|(known, _)| *known == name).map(|(_, schema)| schema);
    let kind = schema.and_then(|schema| schema["type"].as_str());
    let parsed = serde_json::from_str(text);
    match (kind, parsed) {
        (Some("string"), _) | (None, Err(_)) => Ok(text.into()),
        (_, Ok(value)) => Ok(value),
        (Some(kind), Err(error)) => {
            let error = CliError::failed(format!("`{name}` is no JSON"), &error);
            Err(error.with_next(format!("write a value of the type `{kind}` as JSON")))
        }
    }
}

/// A prompt that cannot be rendered with these values.
pub(super) fn wrong(error: &PromptError) -> CliError {
    CliError::usage(
        format!("{error}: {}", error.source.detail().map_or_else(|| error.source.to_string(), str::to_owned)),
        "`forge prompts show NAME` lists its variables; set them with `--var NAME=VALUE`",
    )
}
