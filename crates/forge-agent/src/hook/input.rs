//! What a hook is told.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::{Hook, HookEvent, HookSubject};
use crate::glob;

/// A tool that a model uses.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::exhaustive_structs, reason = "the contract names these fields")]
pub struct HookTool {
    /// Its name.
    pub name: String,
    /// What the model gives to it.
    pub input: Value,
    /// What came of it, once it has run.
    pub response: Option<Value>,
}

/// An event, as those know it in whose work it happens.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::exhaustive_structs, reason = "whoever fires an event says all of it")]
pub struct HookInput {
    /// The session: `session_id`.
    pub session: String,
    /// The workflow, if it is one: `workflow_id`.
    pub workflow: Option<String>,
    /// The folder in which the work is done, and in which hooks run.
    pub cwd: PathBuf,
    /// The tool: `tool_name`, `tool_input` and `tool_response`.
    pub tool: Option<HookTool>,
    /// The files that are concerned, with `/` between names, seen from `cwd`.
    pub paths: Vec<String>,
    /// What else is known, such as `prompt` or `message`. The fields above win.
    pub fields: Map<String, Value>,
}

impl HookInput {
    /// The input that a program wrote for an event in the form that hooks get.
    ///
    /// # Errors
    /// Which field has the wrong type.
    pub fn read(mut fields: Map<String, Value>) -> Result<Self, String> {
        let mut text = |key: &str| match fields.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("`{key}` is no text")),
        };
        let (session, workflow, cwd) = (text("session_id")?, text("workflow_id")?, text("cwd")?);
        let (name, _) = (text("tool_name")?, text("hook_event_name")?);
        let (input, response) = (fields.remove("tool_input"), fields.remove("tool_response"));
        let paths = fields.remove("paths").map_or(Ok(Vec::new()), serde_json::from_value);
        Ok(Self {
            session: session.unwrap_or_default(),
            workflow,
            cwd: cwd.unwrap_or_default().into(),
            tool: name.map(|name| HookTool { name, input: input.unwrap_or_default(), response }),
            paths: paths.map_err(|_| "`paths` is no list of texts")?,
            fields,
        })
    }

    /// What stands on standard input of a hook.
    pub(super) fn to_json(&self, event: HookEvent) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("session_id".to_owned(), json!(self.session));
        if let Some(workflow) = &self.workflow {
            fields.insert("workflow_id".to_owned(), json!(workflow));
        }
        fields.insert("cwd".to_owned(), json!(self.cwd.to_string_lossy()));
        fields.insert("hook_event_name".to_owned(), json!(event));
        if let Some(tool) = &self.tool {
            fields.insert("tool_name".to_owned(), json!(tool.name));
            fields.insert("tool_input".to_owned(), tool.input.clone());
            if let Some(response) = &tool.response {
                fields.insert("tool_response".to_owned(), response.clone());
            }
        }
        if event.subject() == HookSubject::Paths || !self.paths.is_empty() {
            fields.insert("paths".to_owned(), json!(self.paths));
        }
        for (key, value) in &self.fields {
            fields.entry(key).or_insert_with(|| value.clone());
        }
        fields
    }

    /// Whether the hook is meant.
    pub(super) fn is_for(&self, hook: &Hook) -> bool {
        let Some(matcher) = hook.matcher.as_deref().filter(|it| !it.is_empty()) else { return true };
        match hook.event.subject() {
            HookSubject::Tool => self.tool.iter().any(|tool| glob::word_matches(matcher, &tool.name)),
            HookSubject::Paths => self.paths.iter().any(|path| glob::path_matches(matcher, path)),
            HookSubject::Nothing => true,
        }
    }
}
