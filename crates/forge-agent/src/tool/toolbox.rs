//! What a tool is, and the tools of an agent.

use std::{fmt, sync::Arc};

use forge_core::request::{FunctionTool, ToolInput};
use forge_prompt::{clean, shorten};
use futures_util::future::BoxFuture;
use serde_json::Value;

/// Bytes of one result that a model is told.
pub const MAX_OUTPUT: usize = 24 << 10;

/// Something that a model can have done.
pub trait Tool: Send + Sync {
    /// Its name, what it is for, and the schema of its input.
    fn definition(&self) -> FunctionTool;

    /// Does it. The input is a JSON object and may be any; what is wrong with it is said in the result.
    fn run(&self, input: Value) -> BoxFuture<'static, ToolOutput>;
}

/// What a tool says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolOutput {
    /// The result, or what went wrong and what to do instead.
    pub text: String,
    /// Whether it went wrong.
    pub is_error: bool,
}

impl ToolOutput {
    /// A result.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: false }
    }

    /// What went wrong.
    pub fn error(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: true }
    }

    /// At most [`MAX_OUTPUT`] bytes, without hidden characters.
    fn capped(mut self) -> Self {
        let text = clean(&self.text);
        let (head, left_out) = shorten(&text, MAX_OUTPUT);
        self.text = match left_out {
            0 => head.to_owned(),
            more => format!("{head}\n[{more} more bytes are left out; ask for less]"),
        };
        self
    }
}

impl From<Result<String, String>> for ToolOutput {
    fn from(result: Result<String, String>) -> Self {
        result.map_or_else(Self::error, Self::new)
    }
}

/// The tools of an agent. Clones share them.
#[derive(Clone, Default)]
pub struct Toolbox(Arc<[Arc<dyn Tool>]>);

impl Toolbox {
    /// These tools. Of two with one name, the first is called.
    pub fn new(tools: Vec<Arc<dyn Tool>>) -> Self {
        Self(tools.into())
    }

    /// The same tools and this one.
    pub fn with(&self, tool: Arc<dyn Tool>) -> Self {
        Self(self.0.iter().cloned().chain([tool]).collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What models are told of them.
    pub fn definitions(&self) -> impl Iterator<Item = FunctionTool> {
        self.0.iter().map(|tool| tool.definition())
    }

    /// Calls the tool of this name. One that is not there, and input that is no object, are results that say so.
    pub fn run(&self, name: &str, input: &ToolInput) -> BoxFuture<'static, ToolOutput> {
        let Some(tool) = self.0.iter().find(|tool| tool.definition().name == name) else {
            let known: Vec<String> = self.definitions().map(|tool| tool.name).collect();
            let said = format!("there is no tool `{name}`; there are {}", known.join(", "));
            return Box::pin(async { ToolOutput::error(said) });
        };
        let Some(input) = input.as_json().filter(|input| input.is_object()) else {
            return Box::pin(async { ToolOutput::error("the input is no JSON object") });
        };
        let running = tool.run(input.clone());
        Box::pin(async { running.await.capped() })
    }
}

impl fmt::Debug for Toolbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.definitions().map(|tool| tool.name)).finish()
    }
}

/// What a blocking tool does.
type Run = dyn Fn(&Value) -> Result<String, String> + Send + Sync;

/// A tool that is one function. It runs on a thread that may block.
pub(super) struct Blocking {
    definition: FunctionTool,
    run: Arc<Run>,
}

impl Blocking {
    pub(super) fn tool(
        definition: FunctionTool,
        run: impl Fn(&Value) -> Result<String, String> + Send + Sync + 'static,
    ) -> Arc<dyn Tool> {
        Arc::new(Self { definition, run: Arc::new(run) })
    }
}

impl Tool for Blocking {
    fn definition(&self) -> FunctionTool {
        self.definition.clone()
    }

    fn run(&self, input: Value) -> BoxFuture<'static, ToolOutput> {
        let run = Arc::clone(&self.run);
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || run(&input)).await;
            done.map_or_else(|_| ToolOutput::error("the tool broke off"), ToolOutput::from)
        })
    }
}

/// A text of the input; empty if it is not there.
pub(super) fn text<'v>(input: &'v Value, name: &str) -> &'v str {
    input.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A number of the input.
pub(super) fn number(input: &Value, name: &str) -> Option<usize> {
    input.get(name)?.as_u64()?.try_into().ok()
}
