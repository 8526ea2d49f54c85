//! Tools that know the code.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use forge_core::request::FunctionTool;
use forge_index::{Index, IndexError, Options, Row, Rows};
use serde_json::{Value, json};

use super::toolbox::{Blocking, Tool, number, text};

/// Tokens of a map unless the model says otherwise, and at most.
const MAP_TOKENS: (usize, usize) = (1_500, 5_000);

type Shared = Mutex<Index>;

/// `outline`, `find_symbol`, `references` and `repo_map` of the code below a folder.
///
/// # Errors
/// The folder cannot be read.
pub fn code_tools(root: &Path) -> Result<Vec<Arc<dyn Tool>>, IndexError> {
    let index = Arc::new(Mutex::new(Index::open(root, Options::default())?));
    let named = |name: &str, field: &str, says: &str| {
        let schema = json!({"type": "object", "properties": {field: {"type": "string"}}, "required": [field],
            "additionalProperties": false});
        FunctionTool::new(name, schema).with_description(says)
    };
    let map = json!({"type": "object", "properties": {"tokens": {"type": "integer", "minimum": 100, "maximum": 5000},
        "focus": {"type": "array", "items": {"type": "string"}, "description": "paths or symbols that matter"}},
        "additionalProperties": false});
    let map = FunctionTool::new("repo_map", map)
        .with_description("The definitions of the workspace that matter most.");
    let tool = |definition, run: fn(&Shared, &Value) -> Result<String, String>| {
        let index = Arc::clone(&index);
        Blocking::tool(definition, move |input| run(&index, input))
    };
    Ok(vec![
        tool(named("outline", "path", "The definitions of a file in their order."), outline),
        tool(named("find_symbol", "symbol", "Where a symbol is defined."), find_symbol),
        tool(named("references", "symbol", "Where a symbol is used, the surest places first."), references),
        tool(map, repo_map),
    ])
}

fn with<T>(shared: &Shared, ask: impl FnOnce(&mut Index) -> Result<T, IndexError>) -> Result<T, String> {
    // An index that panicked in a query has changed nothing that the next answer does not look at again.
    ask(&mut shared.lock().unwrap_or_else(PoisonError::into_inner)).map_err(|why| why.to_string())
}

fn outline(shared: &Shared, input: &Value) -> Result<String, String> {
    let outline = with(shared, |index| index.outline(text(input, "path")))?;
    let lines = outline.items.iter().map(|item| {
        let Row { line, end_line, text, .. } = &item.row;
        format!("{}{line}-{end_line} {text}\n", "  ".repeat(item.depth))
    });
    Ok(lines.collect())
}

fn find_symbol(shared: &Shared, input: &Value) -> Result<String, String> {
    with(shared, |index| index.find(text(input, "symbol"), None)).map(|rows| lines(&rows))
}

fn references(shared: &Shared, input: &Value) -> Result<String, String> {
    with(shared, |index| index.refs(text(input, "symbol"), None)).map(|rows| lines(&rows))
}

fn lines(rows: &Rows) -> String {
    let line = |row: &Row| format!("{}:{} {} ({})\n", row.path, row.line, row.text, row.confidence);
    let mut shown: String = rows.rows.iter().map(line).collect();
    if rows.more > 0 {
        shown += &format!("[and {} more]\n", rows.more);
    }
    if shown.is_empty() { "nothing is found".to_owned() } else { shown }
}

fn repo_map(shared: &Shared, input: &Value) -> Result<String, String> {
    let tokens = number(input, "tokens").unwrap_or(MAP_TOKENS.0).min(MAP_TOKENS.1);
    let focus = input.get("focus").and_then(Value::as_array);
    let focus: Vec<String> =
        focus.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    with(shared, |index| index.map(tokens, &focus)).map(|map| map.text)
}
