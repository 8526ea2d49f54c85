//! What a command answers.

use serde_json::Value;

/// What a command answers.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct CommandAnswer {
    /// For people; Markdown or a table, with a line feed at its end, or empty.
    pub text: String,
    /// The same for programs, if there is more to it than the text.
    pub data: Option<Value>,
    /// What whoever typed it should know beside the answer, a line each.
    pub notes: Vec<String>,
    /// Whether the text is Markdown of a model.
    pub markdown: bool,
    /// Whether the conversation ends with it.
    pub ends: bool,
}

impl CommandAnswer {
    /// An answer of this text.
    pub fn text(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        Self { text, ..Self::default() }
    }

    /// The same with what programs read of it.
    pub fn with_data(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }

    /// The same with a line beside the answer.
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}
