//! The tools of the model server, as models read of them.

use rmcp::model::Tool;
use serde_json::{Value, json};

use crate::tool::{read_only, tool};

/// The six tools. Clients keep them in the caches of prompts: neither their order nor their words change while a server runs.
pub(super) fn all() -> Vec<Tool> {
    vec![ask(), council(), run(), challenge(), read_only(estimate()), read_only(usage())]
}

fn ask() -> Tool {
    tool(
        "ask",
        "Ask another model one question. Answers {text, provider, model, cost_usd, thread}. Give thread back to go on with the \
         conversation, with any model.",
        &["question"],
        &json!({
            "question": {"type": "string"},
            "role": {"type": "string", "description": "who answers, by task: coder, planner, critic, reviewer ..."},
            "model": {"type": "string", "description": "or by name: a provider, a pool, or a model that one of them has"},
            "files": files(),
            "effort": {"type": "string", "enum": ["none", "minimal", "low", "medium", "high", "xhigh", "max"]},
            "thread": {"type": "string"},
        }),
    )
}

fn council() -> Tool {
    tool(
        "council",
        "Several models answer one hard question together: a draft, independent critics, a revision with a decision on every \
         finding, a check. Takes minutes and costs many calls; see estimate. Answers {run, state: done, text, findings, dissents, \
         cost_usd}, or after wait_s {run, state: running, done, left, cost_so_far_usd}: then call run with that run.",
        &["question"],
        &json!({
            "question": {"type": "string", "description": "all that the models need to know; they see nothing else"},
            "files": files(),
            "kind": kind(),
            "budget_usd": {"type": "number", "minimum": 0},
            "wait_s": wait(),
        }),
    )
}

fn run() -> Tool {
    tool(
        "run",
        "Wait for a council, go on with one that is paused or was broken off, also after a restart, or cancel it. Nothing that is \
         paid is asked again. Answers as council does.",
        &["run"],
        &json!({
            "run": {"type": "string", "description": "as council gave it"},
            "wait_s": wait(),
            "cancel": {"type": "boolean", "description": "true: pause it; a later call goes on with it"},
            "show": {"type": "string", "enum": ["findings", "report", "full"], "description": "what of the result; default findings"},
        }),
    )
}

fn challenge() -> Tool {
    tool(
        "challenge",
        "Have a claim or a diff attacked by a model of another vendor: the strongest objections with their evidence, or that none \
         was found. Cheaper than council. Answers {text, provider, model, cost_usd}.",
        &[],
        &json!({
            "claim": {"type": "string"},
            "diff": {"type": "string"},
            "files": files(),
            "author": {"type": "string", "description": "the vendor of whoever made it, who is not asked: anthropic, openai, google ..."},
        }),
    )
}

fn estimate() -> Tool {
    tool(
        "estimate",
        "What a council would take, without asking anybody: calls, low_usd, high_usd, cap_usd, who takes part, and what is missing.",
        &["question"],
        &json!({
            "question": {"type": "string"},
            "files": files(),
            "kind": kind(),
            "budget_usd": {"type": "number", "minimum": 0},
        }),
    )
}

fn usage() -> Tool {
    tool(
        "usage",
        "What calls took: calls, success, latency, tokens, cost, cache hits; what is unknown is null. By provider also its state, \
         open circuit and limits, and in which order roles are asked.",
        &[],
        &json!({
            "since": {"type": "string", "description": "such as 24h or 7d, or a date; all if left out"},
            "by": {"type": "string", "enum": ["model", "provider", "role"]},
        }),
    )
}

fn files() -> Value {
    json!({"type": "array", "items": {"type": "string"}, "description": "paths in the project, or path:10-80 for lines"})
}

fn kind() -> Value {
    json!({"type": "string", "enum": ["plan", "diff", "design", "claim"], "description": "what the question is about"})
}

fn wait() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": 45, "description": "seconds to wait; default 45"})
}
