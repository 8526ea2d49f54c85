//! What is said about a model's abilities, where somebody knows better than the adapter.

use serde::{Deserialize, Serialize};

use crate::{
    model::{Capabilities, Efforts},
    request::{Effort, ModelRequest},
};

/// What is said about the abilities of a model; `None` leaves it to the adapter. The fields are those of
/// [`Capabilities`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Abilities {
    /// Takes pictures.
    pub images: Option<bool>,
    /// Takes documents.
    pub documents: Option<bool>,
    /// Takes recordings.
    pub audio: Option<bool>,
    /// Calls tools.
    pub tools: Option<bool>,
    /// Can be made to call a tool.
    pub forced_tool_choice: Option<bool>,
    /// Answers in JSON that obeys a schema.
    pub structured_output: Option<bool>,
    /// Takes a temperature and its siblings.
    pub sampling: Option<bool>,
    /// Takes stop sequences.
    pub stop_sequences: Option<bool>,
    /// Continues a last message of the assistant's.
    pub prefill: Option<bool>,
    /// The effort levels it takes; none if it does not think.
    pub efforts: Option<Vec<Effort>>,
}

impl Abilities {
    /// The effort levels as a set.
    pub fn effort_set(&self) -> Option<Efforts> {
        self.efforts.as_deref().map(Efforts::of)
    }

    /// What the model can do if the adapter assumes `assumed`.
    pub fn over(&self, assumed: Capabilities) -> Capabilities {
        Capabilities {
            images: self.images.unwrap_or(assumed.images),
            documents: self.documents.unwrap_or(assumed.documents),
            audio: self.audio.unwrap_or(assumed.audio),
            tools: self.tools.unwrap_or(assumed.tools),
            forced_tool_choice: self.forced_tool_choice.unwrap_or(assumed.forced_tool_choice),
            structured_output: self.structured_output.unwrap_or(assumed.structured_output),
            sampling: self.sampling.unwrap_or(assumed.sampling),
            stop_sequences: self.stop_sequences.unwrap_or(assumed.stop_sequences),
            prefill: self.prefill.unwrap_or(assumed.prefill),
            efforts: self.effort_set().unwrap_or(assumed.efforts),
            ..assumed
        }
    }

    /// What is said here, and in `other` where nothing is said here.
    pub fn or(&self, other: &Self) -> Self {
        Self {
            images: self.images.or(other.images),
            documents: self.documents.or(other.documents),
            audio: self.audio.or(other.audio),
            tools: self.tools.or(other.tools),
            forced_tool_choice: self.forced_tool_choice.or(other.forced_tool_choice),
            structured_output: self.structured_output.or(other.structured_output),
            sampling: self.sampling.or(other.sampling),
            stop_sequences: self.stop_sequences.or(other.stop_sequences),
            prefill: self.prefill.or(other.prefill),
            efforts: self.efforts.clone().or_else(|| other.efforts.clone()),
        }
    }

    /// The feature that `request` needs and that the model is said not to have.
    pub fn lacking(&self, request: &ModelRequest) -> Option<&'static str> {
        // Only a plain no refuses. Where nothing is said the vendor judges, who knows its model better.
        let (no, outline) = (Some(false), request.outline());
        // Effort and sampling are missing here: they are tuning, which is left out with a warning.
        [
            (self.tools == no && outline.tools, "tools"),
            (self.forced_tool_choice == no && outline.forced_tool, "a forced tool call"),
            (self.structured_output == no && outline.schema, "an answer that obeys a schema"),
            (self.images == no && outline.images, "pictures"),
            (self.documents == no && outline.documents, "documents"),
            (self.audio == no && outline.audio, "recordings"),
        ]
        .into_iter()
        .find_map(|(lacks, what)| lacks.then_some(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_wins_and_what_is_not_said_is_assumed() {
        let assumed =
            Capabilities { tools: true, images: true, context_tokens: Some(7), ..Capabilities::default() };
        let said =
            Abilities { images: Some(false), efforts: Some(vec![Effort::Low]), ..Abilities::default() };
        let able = said.over(assumed);
        assert!(able.tools && !able.images && able.context_tokens == Some(7));
        assert_eq!(able.efforts, Efforts::of(&[Effort::Low]));
        assert_eq!(Abilities::default().over(assumed), assumed);
        assert_eq!(Abilities { tools: Some(false), ..Abilities::default() }.or(&said).images, Some(false));
    }

    #[test]
    fn only_what_is_said_to_be_lacking_is_lacking() {
        let request = ModelRequest::new("").with_tool_choice(crate::request::ToolChoice::Required);
        assert_eq!(Abilities::default().lacking(&request), None);
        let unable = Abilities { forced_tool_choice: Some(false), ..Abilities::default() };
        assert_eq!(unable.lacking(&request), Some("a forced tool call"));
        assert_eq!(unable.lacking(&ModelRequest::new("")), None);
    }
}
