//! The topic of a session.

use forge_core::{Capabilities, request::Part};
use serde::{Deserialize, Serialize};

/// The topic of a session.
///
/// ```
/// use forge_session::{OutputType, Topic};
///
/// let topic = Topic::new("A rate limiter for a public HTTP API")
///     .with_constraint("one process, no database")
///     .with_output(OutputType::Design);
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Topic {
    /// One line. It names the document in lists and reports.
    pub title: String,
    /// The task in full; empty when the title says it all.
    pub description: String,
    /// What the result must keep to, each in one line; line breaks become spaces in prompts.
    pub constraints: Vec<String>,
    /// What to work from. Together they get a share of the prompt, and what does not fit is cut with a
    /// warning.
    pub references: Vec<Reference>,
    /// What kind of document is wanted, which picks the rubric of the critics.
    pub output: OutputType,
}

impl Topic {
    /// A topic of one line, for a document of any kind.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// The same topic with the task in full.
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The same topic with one more constraint.
    pub fn with_constraint(mut self, constraint: impl Into<String>) -> Self {
        self.constraints.push(constraint.into());
        self
    }

    /// The same topic with one more reference.
    pub fn with_reference(mut self, reference: Reference) -> Self {
        self.references.push(reference);
        self
    }

    /// The same topic with another kind of document.
    pub fn with_output(mut self, output: OutputType) -> Self {
        self.output = output;
        self
    }
}

/// A text, a picture or a document to work from. Whoever makes it has fetched it; a session reads no files and no
/// network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The kind of its source, as prompts call it.
    pub kind: ReferenceKind,
    /// Its file name, address or title.
    pub name: String,
    /// The text itself; empty for a picture or a document.
    #[serde(default)]
    pub text: String,
    /// The picture or the document itself. Models that can read it get it; others are told that there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Part>,
}

impl Reference {
    /// The text of the file `name`. Nothing is read: the caller has the text.
    pub fn file(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { kind: ReferenceKind::File, name: name.into(), text: text.into(), media: None }
    }

    /// The picture or the document `name`.
    pub fn media(name: impl Into<String>, media: Part) -> Self {
        Self { media: Some(media), ..Self::file(name, "") }
    }

    /// Whether a model with these capabilities can read it: any text, or a picture or document of a kind that it takes.
    pub fn is_readable_by(&self, capabilities: &Capabilities) -> bool {
        match &self.media {
            None => true,
            Some(Part::Image { .. }) => capabilities.images,
            Some(Part::Document { .. }) => capabilities.documents,
            Some(_) => false,
        }
    }
}

/// The kind of source of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceKind {
    /// Given with the topic.
    Inline,
    /// A file.
    File,
    /// A web page.
    Url,
    /// A specification that the result must obey.
    Spec,
}

impl ReferenceKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::File => "file",
            Self::Url => "url",
            Self::Spec => "spec",
        }
    }
}

/// The kind of document to write. Each has its own rubric for critics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OutputType {
    /// Requirements that can be tested.
    Specification,
    /// Code.
    Code,
    /// Text that explains.
    Documentation,
    /// A design with its decisions.
    Design,
    /// A change to files, as a unified diff.
    Change,
    /// Anything else.
    #[default]
    Freeform,
}

impl OutputType {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Specification, Self::Code, Self::Documentation, Self::Design, Self::Change, Self::Freeform];

    /// The written name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Specification => "specification",
            Self::Code => "code",
            Self::Documentation => "documentation",
            Self::Design => "design",
            Self::Change => "change",
            Self::Freeform => "freeform",
        }
    }
}
