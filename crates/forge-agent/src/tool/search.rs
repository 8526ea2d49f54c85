//! The tool that searches in files.

use std::{fs::File, io::Read as _, path::Path, sync::Arc};

use forge_core::request::FunctionTool;
use regex::{Regex, RegexBuilder};
use serde_json::{Value, json};

use super::{
    files::listed,
    toolbox::{Blocking, Tool, text},
};

/// Places that are shown.
const MAX_HITS: usize = 100;
/// Bytes of a line that are shown.
const MAX_LINE: usize = 200;
/// Larger files are not searched.
const MAX_FILE: u64 = 2 << 20;
/// The size that a pattern may take when it is compiled.
const MAX_PATTERN: usize = 1 << 20;

/// `search` below a folder: words as they are, or a regular expression, in the files that `list_files` lists.
pub fn search_tool(root: &Path) -> Arc<dyn Tool> {
    let definition = FunctionTool::new(
        "search",
        json!({"type": "object", "properties": {
            "text": {"type": "string", "description": "what stands in the line"},
            "regex": {"type": "boolean", "description": "whether `text` is a regular expression"},
            "folder": {"type": "string", "description": "from the root; all of it if unset"},
        }, "required": ["text"], "additionalProperties": false}),
    )
    .with_description("The lines that hold a text, with file and number; at most 100.");
    let root = root.to_owned();
    Blocking::tool(definition, move |input| search(&root, input))
}

fn search(root: &Path, input: &Value) -> Result<String, String> {
    let wanted = text(input, "text");
    if wanted.is_empty() {
        return Err("`text` is empty".to_owned());
    }
    let is_regex = input.get("regex").and_then(Value::as_bool).unwrap_or_default();
    let pattern = if is_regex { wanted.to_owned() } else { regex::escape(wanted) };
    let pattern =
        RegexBuilder::new(&pattern).size_limit(MAX_PATTERN).build().map_err(|why| why.to_string())?;
    let (mut shown, mut hits) = (String::new(), 0);
    for path in listed(root, text(input, "folder"))? {
        // Only what is looked at changes the count, so that a folder with large files answers as quickly as another.
        let Some(content) = content(&root.join(&path)) else { continue };
        for (number, line) in matches(&content, &pattern) {
            hits += 1;
            if hits <= MAX_HITS {
                let line: String = line.chars().take(MAX_LINE).collect();
                shown += &format!("{path}:{number}: {}\n", line.trim_end());
            }
        }
    }
    Ok(match hits {
        0 => "nothing is found".to_owned(),
        _ if hits > MAX_HITS => format!("{shown}[and {} more places]\n", hits - MAX_HITS),
        _ => shown,
    })
}

fn matches<'c>(content: &'c str, pattern: &Regex) -> impl Iterator<Item = (usize, &'c str)> {
    content.lines().enumerate().filter(|(_, line)| pattern.is_match(line)).map(|(at, line)| (at + 1, line))
}

/// The text of a file that is not too large; `None` for others.
fn content(path: &Path) -> Option<String> {
    let file = File::open(path).ok()?;
    let mut text = String::new();
    let length = file.take(MAX_FILE + 1).read_to_string(&mut text).ok()?;
    (length as u64 <= MAX_FILE).then_some(text)
}
