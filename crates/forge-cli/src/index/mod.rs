//! `forge index`: questions about the code in a folder.

mod text;

use std::process::ExitCode;

use forge_index::{Changes, Index, IndexError, Kind, Options, Rows, Status};

use crate::{
    args::{IndexCommand, IndexPlace},
    error::CliError,
    files, layout,
    paths::paths,
    terminal,
};

pub(crate) fn run(command: &IndexCommand, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    let place = match command {
        IndexCommand::Map { place, .. }
        | IndexCommand::Find { place, .. }
        | IndexCommand::Refs { place, .. }
        | IndexCommand::Outline { place, .. }
        | IndexCommand::Impact { place, .. } => place,
    };
    let mut index = open(place)?;
    let shown = answer(&mut index, command, as_json)?;
    if let Some(failure) = index.cache_failure() {
        terminal::note(
            quiet,
            &format!("the index is not kept, so that every run reads all files: {failure}"),
        );
    }
    note_skipped(index.status(), quiet);
    match shown {
        Shown::Json(object) => terminal::json(&object)?,
        Shown::Text(text) => terminal::out(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What stdout gets.
enum Shown {
    Json(serde_json::Value),
    Text(String),
}

impl Shown {
    fn new(
        as_json: bool,
        answer: &impl serde::Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<Self, CliError> {
        if !as_json {
            return Ok(Self::Text(text()));
        }
        let object = serde_json::to_value(answer);
        object
            .map(Self::Json)
            .map_err(|error| CliError::failed("the answer cannot be written as JSON", &error))
    }
}

fn open(place: &IndexPlace) -> Result<Index, CliError> {
    let mut options = Options::default().with_max_rows(place.limit);
    if let Some(state) = paths().state {
        options = options.with_cache(state.join("index"));
    }
    Index::open(&place.root, options).map_err(|error| refused(&error))
}

fn answer(index: &mut Index, command: &IndexCommand, as_json: bool) -> Result<Shown, CliError> {
    let refused = |error: IndexError| refused(&error);
    match command {
        IndexCommand::Map { focus, tokens, .. } => {
            let map = index.map(*tokens, focus).map_err(refused)?;
            Shown::new(as_json, &map, || map.text.clone())
        }
        IndexCommand::Find { symbol, regex, kind, .. } => {
            let kind = kind.as_deref().map(known_kind).transpose()?;
            let rows = if *regex { index.find_pattern(symbol, kind) } else { index.find(symbol, kind) };
            let rows = rows.map_err(refused)?;
            if rows.rows.is_empty() && !regex {
                return Err(no_such(index, symbol, kind));
            }
            listed(as_json, &rows)
        }
        IndexCommand::Refs { symbol, inside, .. } => {
            let rows = index.refs(symbol, inside.as_deref()).map_err(refused)?;
            if rows.rows.is_empty() && index.find(symbol, None).map_err(refused)?.rows.is_empty() {
                return Err(no_such(index, symbol, None));
            }
            listed(as_json, &rows)
        }
        IndexCommand::Outline { path, .. } => {
            let outline = index.outline(path).map_err(refused)?;
            Shown::new(as_json, &outline, || text::outline(&outline))
        }
        IndexCommand::Impact { paths, diff, depth, .. } => {
            let changes = match diff.as_deref() {
                None => Changes::of_paths(paths),
                Some(path) if path.as_os_str() == "-" => {
                    Changes::of_diff(&files::standard_input()?).map_err(refused)?
                }
                Some(path) => Changes::of_diff(&files::read(path)?).map_err(refused)?,
            };
            let impact = index.impact(&changes, *depth).map_err(refused)?;
            let is_unknown = impact.changed.is_empty() && !impact.unknown.is_empty() && diff.is_none();
            if let Some(path) = impact.unknown.first().filter(|_| is_unknown) {
                // Says why.
                index.outline(path).map_err(refused)?;
            }
            Shown::new(as_json, &impact, || text::impact(&impact))
        }
    }
}

fn listed(as_json: bool, rows: &Rows) -> Result<Shown, CliError> {
    Shown::new(as_json, rows, || text::rows(rows))
}

fn known_kind(text: &str) -> Result<Kind, CliError> {
    let definitions = || Kind::ALL.iter().filter(|kind| kind.is_definition());
    let kind = definitions().find(|kind| kind.as_str() == text).copied();
    kind.ok_or_else(|| {
        let names: Vec<_> = definitions().map(|kind| kind.as_str()).collect();
        CliError::usage(
            format!("`{text}` is no kind of definition"),
            format!("choose one of: {}", names.join(", ")),
        )
    })
}

/// Nothing has the name. Those that contain it may be meant.
fn no_such(index: &mut Index, symbol: &str, kind: Option<Kind>) -> CliError {
    let names = index.like(symbol, kind);
    let next = if names.is_empty() {
        "`forge index map` shows what is there; `--root DIR` looks elsewhere".to_owned()
    } else {
        format!("these are there: {}", names.join(", "))
    };
    let what = format!("nothing in {} defines `{symbol}`", index.root().display());
    CliError::usage(layout::clean(&what), layout::clean(&next))
}

fn refused(error: &IndexError) -> CliError {
    let next = match error {
        IndexError::Root { .. } => "name a folder that can be read with `--root`",
        IndexError::Pattern { .. } => "correct it, or leave `--regex` out to find a name as it is",
        IndexError::Symbol(_) => "name it as in the code, such as `Engine::run`",
        IndexError::Path { .. } => "paths are named from the root; `forge index map` shows some",
        IndexError::Diff(_) => "give what `git diff` writes",
        _ => "see `forge help index`",
    };
    CliError::usage(layout::clean(&error.to_string()), next)
}

fn note_skipped(status: &Status, quiet: bool) {
    let skipped = status.skipped;
    let counted = [
        (skipped.unreadable, "unreadable"),
        (skipped.too_large, "too large"),
        (skipped.unparsed, "not parsed"),
    ];
    let shown: Vec<_> =
        counted.iter().filter(|(count, _)| *count > 0).map(|(count, why)| format!("{count} {why}")).collect();
    // What is generated, vendored or binary is left out on purpose.
    if !shown.is_empty() {
        terminal::note(quiet, &format!("left out: {}", shown.join(", ")));
    }
    if status.files == 0 {
        terminal::note(quiet, "there is no code here in a language that is read");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_is_none_names_those_that_are() {
        let error = known_kind("func").unwrap_err();
        assert!(error.summary().to_string().contains("function"));
        assert_eq!(known_kind("method").unwrap(), Kind::Method);
        assert!(known_kind("call").is_err(), "a use is no definition");
    }
}
