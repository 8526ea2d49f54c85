//! The tools of the context server, as models read of them.

use forge_index::Kind;
use rmcp::model::Tool;
use serde_json::{Value, json};

use crate::tool::{read_only, tool};

/// The five tools. Clients keep them in the caches of prompts: neither their order nor their words change while a server runs.
pub(super) fn all() -> Vec<Tool> {
    [map(), find(), refs(), outline(), impact()].map(read_only).into()
}

fn map() -> Tool {
    tool(
        "map",
        "Overview of a code base: the files and definitions that matter most by what uses them, as lines of text that fit \
         budget_tokens. Begin here in code that you do not know.",
        &[],
        &json!({
            "budget_tokens": {"type": "integer", "minimum": 100, "maximum": 20000, "description": "default 2000"},
            "focus": {"type": "string", "description": "a path or symbol whose surroundings come first"},
            "root": root(),
        }),
    )
}

fn find() -> Tool {
    let kinds: Vec<_> =
        Kind::ALL.iter().filter(|kind| kind.is_definition()).map(|kind| kind.as_str()).collect();
    tool(
        "find",
        "Where something is defined: path:line, kind, head and documentation of each definition. Give symbol (`run`, \
         `Engine::run`, `Engine.run`) or regex (matched against names).",
        &[],
        &json!({
            "symbol": {"type": "string"},
            "regex": {"type": "string"},
            "kind": {"type": "string", "enum": kinds},
            "root": root(),
        }),
    )
}

fn refs() -> Tool {
    tool(
        "refs",
        "What uses a symbol: path:line of each use, the surest first. exact: bound by the rules of the language; same-file: a \
         member of that name in the file; import: an import was followed; name-only: nothing but the name is the same. Better than \
         searching for text: comments and other meanings are left out.",
        &["symbol"],
        &json!({
            "symbol": {"type": "string", "description": "such as `run` or `Engine::run`"},
            "in": {"type": "string", "description": "only uses below this path"},
            "root": root(),
        }),
    )
}

fn outline() -> Tool {
    tool(
        "outline",
        "What a file defines, with line numbers and documentation. Cheaper than reading the file.",
        &["path"],
        &json!({"path": {"type": "string", "description": "from the root"}, "root": root()}),
    )
}

fn impact() -> Tool {
    tool(
        "impact",
        "What a change reaches: callers, tests that cover it, and owners. Give paths that are changed, or diff (unified, as of \
         `git diff`). Ask before you change what others use, and to know which tests to run.",
        &[],
        &json!({
            "paths": {"type": "array", "items": {"type": "string"}},
            "diff": {"type": "string"},
            "depth": {"type": "integer", "minimum": 1, "maximum": 5, "description": "how many times uses are followed; default 2"},
            "root": root(),
        }),
    )
}

fn root() -> Value {
    json!({"type": "string", "description": "which folder, if there are several"})
}
