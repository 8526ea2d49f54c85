//! Tools that read files.

use std::{path::Path, sync::Arc};

use forge_core::request::FunctionTool;
use forge_edit::{EditPath, Workspace};
use forge_index::{holds_secrets, is_ignored};
use ignore::WalkBuilder;
use serde_json::{Value, json};

use super::toolbox::{Blocking, Tool, number, text};

/// Lines of a file that are shown at once.
const MAX_LINES: usize = 600;
/// Files that are listed.
const MAX_FILES: usize = 500;

/// `read_file` and `list_files` below a folder. Links are not followed; what ignore rules leave out and what holds secrets by
/// its name is refused.
pub fn file_tools(root: &Path) -> Vec<Arc<dyn Tool>> {
    let root: Arc<Path> = root.into();
    let read = FunctionTool::new(
        "read_file",
        json!({"type": "object", "properties": {
            "path": {"type": "string", "description": "from the root of the workspace"},
            "first_line": {"type": "integer", "minimum": 1}, "last_line": {"type": "integer", "minimum": 1},
        }, "required": ["path"], "additionalProperties": false}),
    )
    .with_description("The lines of a file with their numbers; at most 600 at once.");
    let list = FunctionTool::new(
        "list_files",
        json!({"type": "object", "properties": {
            "folder": {"type": "string", "description": "from the root; all of it if unset"},
        }, "additionalProperties": false}),
    )
    .with_description("The files of a folder and of those below it; at most 500.");
    let of = Arc::clone(&root);
    vec![
        Blocking::tool(read, move |input| read_file(&of, input)),
        Blocking::tool(list, move |input| list_files(&root, input)),
    ]
}

/// The text of a file that models may read.
pub(crate) fn readable(root: &Path, path: &str) -> Result<String, String> {
    let path = EditPath::new(path).map_err(|why| format!("{path}: {why}"))?;
    let relative = Path::new(path.as_str());
    if holds_secrets(relative) {
        return Err(format!("{path}: files of this name hold secrets and are not read"));
    }
    let workspace = Workspace::open(root).map_err(|why| why.to_string())?;
    let bytes = workspace.read(&path).map_err(|why| format!("{path}: {why}"))?;
    let bytes =
        bytes.ok_or_else(|| format!("{path}: there is no such file; `list_files` lists those that are"))?;
    if is_ignored(root, relative) {
        return Err(format!("{path}: an ignore rule leaves it out"));
    }
    String::from_utf8(bytes).map_err(|_| format!("{path}: it is no text"))
}

fn read_file(root: &Path, input: &Value) -> Result<String, String> {
    let path = text(input, "path");
    let content = readable(root, path)?;
    let all = content.lines().count();
    let first = number(input, "first_line").unwrap_or(1).max(1);
    let last = number(input, "last_line").unwrap_or(usize::MAX).min(first.saturating_add(MAX_LINES - 1));
    if all == 0 {
        return Ok(format!("{path} is empty"));
    }
    if first > all || last < first {
        return Err(format!("{path} has {all} lines; {first} to {last} are none of them"));
    }
    let lines = content.lines().enumerate().skip(first - 1).take(last - first + 1);
    let mut shown = String::new();
    for (at, line) in lines {
        shown += &format!("{:>5} {line}\n", at + 1);
    }
    if last < all {
        shown += &format!("[lines {} to {all} follow]\n", last + 1);
    }
    Ok(shown)
}

/// The files below a root that may be read, sorted.
pub(crate) fn listed(root: &Path, folder: &str) -> Result<Vec<String>, String> {
    let folder = folder.trim_matches('/');
    let missing = || format!("{folder}: there is no such folder");
    let root = &root.canonicalize().map_err(|why| why.to_string())?;
    let below = match folder {
        "" | "." => root.clone(),
        folder => {
            let path = EditPath::new(folder).map_err(|why| format!("{folder}: {why}"))?;
            root.join(path.as_str()).canonicalize().map_err(|_| missing())?
        }
    };
    // A link may lead anywhere.
    if !below.is_dir() || !below.starts_with(root) {
        return Err(missing());
    }
    let mut walk = WalkBuilder::new(&below);
    walk.hidden(false)
        .parents(false)
        .git_global(false)
        .git_exclude(false)
        .require_git(false)
        .follow_links(false);
    walk.filter_entry(|entry| entry.file_name() != ".git");
    let files = walk.build().flatten().filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
    let mut names: Vec<String> = files
        .filter_map(|entry| {
            let relative = entry.path().strip_prefix(root).ok()?;
            if holds_secrets(relative) { None } else { relative.to_str().map(str::to_owned) }
        })
        .collect();
    names.sort_unstable();
    Ok(names)
}

fn list_files(root: &Path, input: &Value) -> Result<String, String> {
    let names = listed(root, text(input, "folder"))?;
    let more = names.len().saturating_sub(MAX_FILES);
    let mut shown = names.into_iter().take(MAX_FILES).collect::<Vec<_>>().join("\n");
    if more > 0 {
        shown += &format!("\n[and {more} more; name a folder]");
    }
    Ok(if shown.is_empty() { "there are no files".to_owned() } else { shown })
}
