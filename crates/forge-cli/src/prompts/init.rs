//! `forge prompts init`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use forge::{
    PROJECT_PROMPTS,
    prompt::{PromptFile, PromptOrigin, PromptSet},
};
use serde_json::json;

use super::desk;
use crate::{args::PromptsInit, config, error::CliError, terminal};

/// A prompt to begin with. It says what each key is for.
const SAMPLE: &str = include_str!("sample.md.jinja");

pub(super) fn run(
    named: Option<&Path>,
    args: &PromptsInit,
    quiet: bool,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let name = format!("{}.md.jinja", args.name);
    let built_in = PromptSet::built_in().ok();
    let copied = built_in.as_ref().and_then(|set| set.get(&args.name)).map(|prompt| prompt.file.text.clone());
    let text = copied.as_deref().unwrap_or(SAMPLE);
    // Before anything is written: a name that leads elsewhere is none.
    let file = PromptFile::new(&*name, text);
    PromptSet::with([(PromptOrigin::Configured, vec![file])])
        .map_err(|mistakes| CliError::usage(mistakes.to_string(), "choose a name such as `release-notes`"))?;
    let folder = match &args.dir {
        Some(folder) => folder.clone(),
        None => desk::plan(named)?.configured.unwrap_or_else(|| PathBuf::from(PROJECT_PROMPTS)),
    };
    let path = folder.join(&name);
    let parent = path.parent().unwrap_or(&folder);
    fs::create_dir_all(parent)
        .map_err(|error| CliError::failed(format!("{} cannot be made", parent.display()), &error))?;
    config::write_new(&path, text, args.force)?;
    if as_json {
        let object = json!({ "name": args.name, "file": path, "copied": copied.is_some() });
        terminal::json(&object)?;
    }
    let next = if args.dir.is_none() && folder == Path::new(PROJECT_PROMPTS) {
        "; `forge config trust` has the project's prompts used"
    } else {
        ""
    };
    terminal::note(quiet, &format!("wrote {}; `forge prompts check` reads it{next}", path.display()));
    Ok(ExitCode::SUCCESS)
}
