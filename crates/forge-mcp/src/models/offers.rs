//! What the model server offers people beside its tools: two prompts, and the report of a run.

use rmcp::model::{JsonObject, Prompt, PromptArgument, ResourceTemplate};

use super::{ModelMcpServer, budget, result};
use crate::{call::Call, failure::Failure};

/// Where the report of a run is, with its name in the middle.
const REPORT: (&str, &str) = ("forge://run/", "/report");

/// The prompts, each with what has to be said for it.
const PROMPTS: [(&str, &str, &str, &str); 2] = [
    (
        "council",
        "question",
        "Have several models answer a question together, with findings and decisions.",
        "Put this to Forge's tool `council`. Write its question so that somebody who has seen nothing of this conversation can answer \
         it, name the files that matter, and call `estimate` first if it may be expensive. If the answer is a handle, call `run` until \
         it is done. Then tell me the outcome, every finding that was rejected and why, and what it cost.",
    ),
    (
        "challenge",
        "claim",
        "Have a model of another vendor attack a claim or a change.",
        "Put this to Forge's tool `challenge`, with yourself as `author` and the files that matter. Check each objection against the \
         code before you tell me which of them hold.",
    ),
];

/// The prompts, always the same in the same order.
pub(crate) fn prompts() -> Vec<Prompt> {
    let prompt = |(name, argument, about, _): &(&str, &str, &str, &str)| {
        Prompt::new(*name, Some(*about), Some(vec![PromptArgument::new(*argument).with_required(true)]))
    };
    PROMPTS.iter().map(prompt).collect()
}

/// What a prompt says; `None` if there is none of this name, or its argument is missing.
pub(crate) fn prompt(name: &str, given: Option<&JsonObject>) -> Option<String> {
    let (_, argument, _, text) = PROMPTS.iter().find(|(known, ..)| *known == name)?;
    let said = given?.get(*argument)?.as_str()?;
    Some(format!("{text}\n\n{said}"))
}

/// The one kind of resource.
pub(crate) fn template() -> ResourceTemplate {
    ResourceTemplate::new(format!("{}{{id}}{}", REPORT.0, REPORT.1), "report")
        .with_description("The report of a council, by its run")
        .with_mime_type("text/markdown")
}

impl ModelMcpServer {
    /// The report at this address, of a run of whoever calls.
    pub(crate) async fn resource(&self, uri: &str, call: &Call) -> Result<String, Failure> {
        let name =
            uri.strip_prefix(REPORT.0).and_then(|rest| rest.strip_suffix(REPORT.1)).unwrap_or_default();
        let cx = budget::context(&self.system, &call.caller);
        let (name, state) = self.state_of(name, cx.tags.key().unwrap_or_default()).await?;
        Ok(result::report(&name, &state))
    }
}
