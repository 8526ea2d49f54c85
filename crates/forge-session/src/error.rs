//! Why a session cannot start or continue.

use forge_core::storage::journal::{JournalError, StreamName};
use forge_durable::RunError;
use forge_prompt::PromptError;

use crate::{decision::Decision, stage::Stage};

/// Why a session cannot start or continue. A failing model is not such an error: the session then ends with a labelled
/// result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The plan cannot be run.
    #[error("the plan cannot be run")]
    Plan(#[from] PlanError),
    /// The journal refused.
    #[error("the session's journal could not be used")]
    Journal(#[from] JournalError),
    /// Another run of the session is alive.
    #[error("session `{session}` is being run by {holder}")]
    Running {
        /// The session.
        session: StreamName,
        /// Its holder.
        holder: String,
    },
    /// The run failed for a reason that has no variant of its own here.
    #[error("the session could not be run")]
    Run(#[source] RunError),
    /// There is a session of this name already.
    #[error("session `{0}` exists already; resume it or choose another name")]
    Exists(StreamName),
    /// There is no session of this name.
    #[error("there is no session `{0}`")]
    Unknown(StreamName),
    /// Something else is kept under this name, such as a conversation.
    #[error("`{0}` is not a session")]
    Foreign(StreamName),
    /// An entry of the journal cannot be read.
    #[error("entry {sequence} of session `{session}` cannot be read")]
    Entry {
        /// The session.
        session: StreamName,
        /// The entry's place, from 0.
        sequence: u64,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// The journal was written by a later version.
    #[error(
        "session `{session}` was written in version {found} of the journal; this program reads up to {known}"
    )]
    Version {
        /// The session.
        session: StreamName,
        /// Its version.
        found: u32,
        /// The latest version that can be read.
        known: u32,
    },
    /// A prompt could not be rendered.
    #[error("a prompt could not be rendered")]
    Prompt(#[from] PromptError),
}

impl From<RunError> for SessionError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Running { stream, holder } => Self::Running { session: stream, holder },
            RunError::Journal(error) => Self::Journal(error),
            RunError::Entry { stream, sequence, source } => Self::Entry { session: stream, sequence, source },
            error => Self::Run(error),
        }
    }
}

/// Why a command to a session was not carried out. Nothing of it is in the journal.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The session does not run any more.
    #[error("the session does not run any more")]
    Over,
    /// There is no document yet.
    #[error("there is no draft yet")]
    NoDraft,
    /// Somebody else changed the document first.
    #[error(
        "the document is at version {version} by now; bring the two texts together and name that version"
    )]
    Edited {
        /// The newest version.
        version: u32,
        /// Its text.
        text: String,
    },
    /// The critics of a cycle read the document.
    #[error(
        "cycle {cycle} has begun, and its critics read version {version}; the document can be changed once it is over"
    )]
    UnderWay {
        /// The cycle.
        cycle: u32,
        /// The version that they read.
        version: u32,
    },
    /// No panel would read the new text.
    #[error("no panel would read the new text: this session has no further cycle")]
    NoPanel,
    /// The session is a review.
    #[error("a review leaves the document as it is")]
    Review,
    /// Somebody else decided first.
    #[error("{} has decided about cycle {cycle}: {}", by.as_deref().unwrap_or("somebody"), decision.describe())]
    Decided {
        /// The cycle.
        cycle: u32,
        /// Who.
        by: Option<String>,
        /// What.
        decision: Decision,
    },
    /// Nobody is asked about this cycle.
    #[error("nobody is asked for a decision about cycle {cycle} now")]
    NotAsked {
        /// The cycle.
        cycle: u32,
    },
}

/// Why a plan cannot be run. No call is made under such a plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// There is no such lens.
    #[error(
        "there is no lens `{name}`; there are {known}, and `lens.NAME.jinja` in a folder of prompts adds one"
    )]
    NoLens {
        /// Its name.
        name: String,
        /// The names of those that there are.
        known: String,
    },
    /// The session has had as many cycles as any may have.
    #[error("the session has had {had} cycles, and more of them lower the accuracy")]
    TooManyCycles {
        /// The cycles.
        had: u32,
    },
    /// There is a draft, and the mode ends with one.
    #[error("there is a draft already, and mode `direct` does nothing beyond one")]
    NothingToDo,
    /// The session judges a document and revises nothing.
    #[error("a session that judges a document has no text of its own to go on with")]
    NothingToRevise,
    /// There is no document, and the mode judges one.
    #[error("there is no document, and mode `judge` judges one that is there")]
    NothingToJudge,
    /// There is nothing to write about.
    #[error("the topic has neither a title nor a description")]
    NoTopic,
    /// A stage has nobody to ask.
    #[error("the {stage} stage has no participant")]
    NoParticipant {
        /// The stage.
        stage: Stage,
    },
    /// A participant's provider is not among those given.
    #[error("provider `{provider}` of participant `{participant}` is not configured")]
    NoProvider {
        /// The provider's id.
        provider: String,
        /// The participant's display name.
        participant: String,
    },
}
