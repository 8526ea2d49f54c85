//! `forge prompts diff`.

use std::process::ExitCode;

use forge::{
    LABEL,
    prompt::{PromptOrigin, PromptSet},
};
use serde_json::json;
use similar::TextDiff;

use super::desk::{self, Desk};
use crate::{args::PromptsDiff, error::CliError, terminal};

/// The file as it is.
pub(super) const FILE: &str = "file";
/// What ships with Forge.
const BUILT_IN: &str = "built-in";

pub(super) fn run(desk: &Desk, args: &PromptsDiff) -> Result<ExitCode, CliError> {
    let name = args.name.as_str();
    let built_in = PromptSet::built_in().ok();
    let built_in = built_in.as_ref().and_then(|set| set.get(name)).map(|prompt| prompt.file.text.clone());
    let is_replaced = desk.set.get(name).is_some_and(|prompt| prompt.origin != PromptOrigin::BuiltIn);
    let usual = if built_in.is_some() && is_replaced { BUILT_IN } else { LABEL };
    let text = |at: &str| match at {
        FILE => Ok(desk.prompt(name)?.file.text.clone()),
        BUILT_IN => built_in.clone().ok_or_else(|| {
            CliError::usage(format!("no prompt `{name}` is built in"), "see `forge prompts list`")
        }),
        at => Ok(desk.version(name, at)?.prompt.text.to_string()),
    };
    if desk.set.get(name).is_none() && desk.versions.iter().all(|one| *one.prompt.name != *name) {
        return Err(desk::unknown(name, &desk.set));
    }
    let (from, to) = (args.from.as_deref().unwrap_or(usual), args.to.as_deref().unwrap_or(FILE));
    let (before, after) = (text(from)?, text(to)?);
    let difference = TextDiff::from_lines(&before, &after);
    let titles = (format!("{name}@{from}"), format!("{name}@{to}"));
    let difference = difference.unified_diff().context_radius(3).header(&titles.0, &titles.1).to_string();
    if desk.json {
        let object = json!({
            "simulated": desk.simulated, "name": name, "from": from, "to": to,
            "same": before == after, "diff": difference,
        });
        terminal::json(&object)?;
    } else if before == after {
        terminal::note(desk.quiet, &format!("{} and {} are the same", titles.0, titles.1));
    } else {
        terminal::out(&difference)?;
    }
    Ok(ExitCode::SUCCESS)
}
