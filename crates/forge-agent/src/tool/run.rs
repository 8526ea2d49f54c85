//! The tool that runs a command.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use forge_core::request::FunctionTool;
use forge_prompt::clean;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::toolbox::{Tool, ToolOutput};
use crate::process::{self, Ended, Limits};

/// The name of the tool, also where rules mean it.
pub(crate) const RUN: &str = "run";
/// After this time a command is ended with all that it started.
const TIMEOUT: Duration = Duration::from_mins(5);
/// Bytes of an output that are read.
const MAX_OUTPUT: usize = 1 << 20;
/// Bytes of its end that are told: what went wrong mostly stands last.
const MAX_TOLD: usize = 8 << 10;

/// `run` in a folder, with this environment. Whether a command may run is for whoever calls the tool to decide; `commands` are
/// those that are named to the model, as [`Permissions::commands`](crate::permission::Permissions::commands) has them.
pub fn run_tool(root: &Path, env: BTreeMap<String, String>, commands: &[String]) -> Arc<dyn Tool> {
    let definition = FunctionTool::new(
        RUN,
        json!({"type": "object", "properties": {
            "command": {"type": "array", "items": {"type": "string"}, "minItems": 1,
                "description": "the program and its arguments; no shell reads them"},
        }, "required": ["command"], "additionalProperties": false}),
    )
    .with_description(format!(
        "Runs a command in the root, as the files are there now, and tells the end of its output. What may run: {}.",
        commands.join("; ")
    ));
    Arc::new(Run { definition, root: root.into(), env: Arc::new(env) })
}

struct Run {
    definition: FunctionTool,
    root: Arc<Path>,
    env: Arc<BTreeMap<String, String>>,
}

impl Tool for Run {
    fn definition(&self) -> FunctionTool {
        self.definition.clone()
    }

    fn run(&self, input: Value) -> BoxFuture<'static, ToolOutput> {
        let (root, env) = (Arc::clone(&self.root), Arc::clone(&self.env));
        Box::pin(async move {
            let Some(argv) = command(&input) else {
                return ToolOutput::error("`command` is a list of words, the program first");
            };
            let limits = Limits { timeout: TIMEOUT, output: MAX_OUTPUT };
            match process::run(&argv, &root, &env, &[], limits).await {
                Ok(Ended { exit, stdout, stderr, .. }) => {
                    let output = end_of(&format!("{}{}", stdout.text(), stderr.text()));
                    ToolOutput { text: format!("{exit}\n{output}"), is_error: !exit.is_success() }
                }
                Err(why) => ToolOutput::error(format!("`{}` cannot be started: {why}", argv[0])),
            }
        })
    }
}

/// The words of a command; `None` if there are none, or something else.
pub(crate) fn command(input: &Value) -> Option<Vec<String>> {
    let words = input.get("command")?.as_array()?;
    let words = words.iter().map(|word| word.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
    Some(words).filter(|words| !words.is_empty())
}

/// The end of what a program wrote.
pub(crate) fn end_of(output: &str) -> String {
    let output = clean(output);
    let from = output.ceil_char_boundary(output.len().saturating_sub(MAX_TOLD));
    output[from..].trim().to_owned()
}
