//! From a call to its answer.

use forge_index::{Changes, Index, IndexError, Kind};
use rmcp::model::JsonObject;
use serde::Deserialize;

use super::text;
use crate::{failure::Failure, tool::arguments};

/// Tokens of a map unless the caller says otherwise.
const MAP_TOKENS: usize = 2_000;
const MAX_MAP_TOKENS: usize = 20_000;
const DEPTH: usize = 2;
const MAX_DEPTH: usize = 5;

/// Answers one tool from an index and the arguments of a call.
pub(super) type Question = fn(&mut Index, Option<JsonObject>) -> Result<String, Failure>;

/// What answers the tool of this name.
pub(super) fn question(tool: &str) -> Option<Question> {
    Some(match tool {
        "map" => map,
        "find" => find,
        "refs" => refs,
        "outline" => outline,
        "impact" => impact,
        _ => return None,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapArguments {
    budget_tokens: Option<usize>,
    focus: Option<String>,
}

fn map(index: &mut Index, given: Option<JsonObject>) -> Result<String, Failure> {
    let MapArguments { budget_tokens, focus } = arguments(given)?;
    let budget = budget_tokens.unwrap_or(MAP_TOKENS).min(MAX_MAP_TOKENS);
    let focus: Vec<_> = focus.into_iter().collect();
    Ok(text::map(&index.map(budget, &focus).map_err(|error| refused(&error))?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FindArguments {
    symbol: Option<String>,
    regex: Option<String>,
    kind: Option<String>,
}

fn find(index: &mut Index, given: Option<JsonObject>) -> Result<String, Failure> {
    let FindArguments { symbol, regex, kind } = arguments(given)?;
    let kind = kind.as_deref().map(known_kind).transpose()?;
    let rows = match (&symbol, &regex) {
        (Some(symbol), None) => index.find(symbol, kind),
        (None, Some(regex)) => index.find_pattern(regex, kind),
        _ => return Err(Failure::arguments("give one of `symbol` and `regex`")),
    };
    let rows = rows.map_err(|error| refused(&error))?;
    match symbol.filter(|_| rows.rows.is_empty()) {
        Some(symbol) => Err(no_such(index, &symbol, kind)),
        None => Ok(text::rows(&rows)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefsArguments {
    symbol: String,
    r#in: Option<String>,
}

fn refs(index: &mut Index, given: Option<JsonObject>) -> Result<String, Failure> {
    let RefsArguments { symbol, r#in } = arguments(given)?;
    let refused = |error| refused(&error);
    let rows = index.refs(&symbol, r#in.as_deref()).map_err(refused)?;
    if rows.rows.is_empty() && index.find(&symbol, None).map_err(refused)?.rows.is_empty() {
        return Err(no_such(index, &symbol, None));
    }
    Ok(text::rows(&rows))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutlineArguments {
    path: String,
}

fn outline(index: &mut Index, given: Option<JsonObject>) -> Result<String, Failure> {
    let OutlineArguments { path } = arguments(given)?;
    Ok(text::outline(&index.outline(&path).map_err(|error| refused(&error))?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImpactArguments {
    #[serde(default)]
    paths: Vec<String>,
    diff: Option<String>,
    depth: Option<usize>,
}

fn impact(index: &mut Index, given: Option<JsonObject>) -> Result<String, Failure> {
    let ImpactArguments { paths, diff, depth } = arguments(given)?;
    let refused = |error| refused(&error);
    let changes = match &diff {
        Some(diff) if paths.is_empty() => Changes::of_diff(diff).map_err(refused)?,
        None if !paths.is_empty() => Changes::of_paths(&paths),
        _ => return Err(Failure::arguments("give one of `paths` and `diff`")),
    };
    let impact = index.impact(&changes, depth.unwrap_or(DEPTH).min(MAX_DEPTH)).map_err(refused)?;
    let is_unknown = impact.changed.is_empty() && diff.is_none();
    if let Some(path) = impact.unknown.first().filter(|_| is_unknown) {
        // Says why.
        index.outline(path).map_err(refused)?;
    }
    Ok(text::impact(&impact))
}

fn known_kind(text: &str) -> Result<Kind, Failure> {
    let found = Kind::ALL.iter().find(|kind| kind.is_definition() && kind.as_str() == text);
    found.copied().ok_or_else(|| Failure::arguments(format!("`{text}` is no kind of definition")))
}

/// Nothing has the name. Those that contain it may be meant.
fn no_such(index: &mut Index, symbol: &str, kind: Option<Kind>) -> Failure {
    let next = match index.like(symbol, kind) {
        names if names.is_empty() => "`map` shows what is there".to_owned(),
        names => format!("these are there: {}", names.join(", ")),
    };
    Failure::new("not_found", format!("nothing defines `{symbol}`"), next)
}

pub(super) fn refused(error: &IndexError) -> Failure {
    let (code, next) = match error {
        IndexError::Pattern { .. } => {
            ("bad_arguments", "correct it, or give `symbol` to find a name as it is")
        }
        IndexError::Symbol(_) => ("bad_arguments", "name it as in the code, such as `Engine::run`"),
        IndexError::Path { .. } => ("not_found", "paths are named from the root; `map` shows some"),
        IndexError::Diff(_) => ("bad_arguments", "give what `git diff` writes"),
        _ => ("unreadable", "the folder has to be there when the server answers"),
    };
    Failure::new(code, error.to_string(), next)
}
