//! The contract between a kind of work and its runs.

use std::{fmt, time::Duration};

use forge_core::{
    CallContext, Participant,
    call::CallId,
    storage::journal::{Entry, StreamName},
    tags::Tags,
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::error::RunError;

/// A kind of durable work: a fold over its journal, and a planner that reads nothing but the folded state.
///
/// [`apply`](Self::apply) and [`next`](Self::next) must be pure: the same entries and the same time give the same
/// state and the same step in every run.
pub trait Machine: Send + Sync + Sized + 'static {
    /// An entry of the journal.
    type Event: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Identifies an effect within its stream, and is the same in every run. Two effects in flight at once
    /// have two keys.
    type Key: Clone + PartialEq + fmt::Display + Send + Sync + 'static;
    /// The input of an effect. It is never written to the journal.
    type Effect: Send + 'static;
    /// The result of an effect.
    type Outcome: Send + 'static;
    /// What steers the work while it runs, such as a pause.
    type Command: Send + 'static;
    /// Why the work cannot continue. A failed effect is an outcome and not such an error.
    type Error: From<RunError> + Send;

    /// Applies one entry, made when the work had run for `at`, in whole milliseconds. An intent has to change
    /// the state so that [`next`](Self::next) does not give its effect again: the run plans until the machine
    /// waits.
    fn apply(&mut self, at: Duration, event: &Self::Event);

    /// The next step when the work has run for `now`. Time between two runs does not count.
    ///
    /// # Errors
    /// The work cannot continue in this run, which then ends with this error. The journal stays as it is.
    fn next(&self, now: Duration) -> Result<Next<Self>, Self::Error>;

    /// The entries written before an effect starts. Model calls come with `call`, which belongs in the entry: without it,
    /// the call cannot be accounted for if its run dies.
    fn intended(&self, key: &Self::Key, effect: &Self::Effect, call: Option<&ModelCall>) -> Vec<Self::Event>;

    /// Performs an effect. It is called once the intent is on disk. Dropping the future cancels it. A model
    /// call uses the given context, whose id is that of the intent; other effects get `None`.
    fn perform(
        &self,
        key: &Self::Key,
        effect: Self::Effect,
        cx: Option<CallContext>,
    ) -> BoxFuture<'static, Self::Outcome>;

    /// The entries for an outcome, written in one batch with everything that follows from it at once.
    fn ended(&self, key: &Self::Key, outcome: Self::Outcome) -> Vec<Self::Event>;

    /// The effects that have an intent and no outcome. An effect in flight that is no longer among them is cancelled.
    fn pending(&self) -> Vec<PendingEffect<Self::Key>>;

    /// Decides about an effect that was in flight when an earlier run died, and may or may not have happened.
    /// [`Next::Call`] and [`Next::Act`] start it again under a new intent; [`Next::Record`] records that it is abandoned;
    /// [`Next::Wait`] leaves it pending.
    fn relaunch(&self, key: &Self::Key, now: Duration) -> Result<Next<Self>, Self::Error>;

    /// The entries for a command, none by default. They are written in one batch with everything that follows from them.
    fn command(&mut self, command: Self::Command, now: Duration) -> Vec<Self::Event> {
        let _ = (command, now);
        Vec::new()
    }

    /// When to ask the planner again, whatever else it waits for; `None` by default.
    fn deadline(&self) -> Option<Duration> {
        None
    }

    /// A small summary for lists, kept beside the journal and replaced with every append; none by default.
    /// The journal refuses one of more than 4,096 bytes as JSON.
    fn summary(&self, stream: &StreamName) -> Option<Value> {
        let _ = stream;
        None
    }

    /// Called with entries once they are on disk, to notify observers. It must not block.
    fn written(&mut self, entries: &[(Duration, Self::Event)]) {
        let _ = entries;
    }

    /// Encodes an entry; by default as a JSON object of `at`, in milliseconds, and `event`.
    fn encode(at: Duration, event: &Self::Event) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Stamped { at: millis(at), event })
    }

    /// Decodes an entry, in the form of [`encode`](Self::encode).
    ///
    /// # Errors
    /// An entry that this version does not understand. It is never left out: a state without it would be
    /// another one.
    fn decode(stream: &StreamName, entry: &Entry) -> Result<(Duration, Self::Event), Self::Error> {
        let read = serde_json::from_slice::<Stamped<Self::Event>>(&entry.payload);
        let Stamped { at, event } = read.map_err(|source| RunError::Entry {
            stream: stream.clone(),
            sequence: entry.sequence,
            source,
        })?;
        Ok((Duration::from_millis(at), event))
    }
}

/// An event and its time in milliseconds.
#[derive(Serialize, Deserialize)]
struct Stamped<E> {
    at: u64,
    event: E,
}

/// The next step of the work.
///
/// Exhaustive on purpose: the run has to handle every step that a machine can take.
pub enum Next<M: Machine> {
    /// Write these entries in one batch; they follow from the state alone. An empty list is a wait.
    Record(Vec<M::Event>),
    /// Call a model.
    Call {
        /// The call within the work.
        key: M::Key,
        /// The participant to call.
        participant: Participant,
        /// The tags of the call, besides the work itself.
        tags: Tags,
        /// The input of the question.
        effect: M::Effect,
    },
    /// Perform an effect outside of the process: write files, run a check, spawn a process.
    Act {
        /// The effect within the work.
        key: M::Key,
        /// The input of the effect.
        effect: M::Effect,
    },
    /// Ask a question that may be asked again at any time, so that it needs no intent. It is dropped when another step
    /// comes next.
    Ask {
        /// The question within the work.
        key: M::Key,
        /// The input of the question.
        effect: M::Effect,
    },
    /// Wait until an effect ends, a command arrives, or the work has run for `until`.
    Wait {
        /// When to plan again.
        until: Option<Duration>,
    },
    /// The work is over, or cannot continue in this run. Effects in flight are cancelled.
    Done,
}

impl<M: Machine> fmt::Debug for Next<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(events) => write!(f, "Record {}", events.len()),
            Self::Call { key, participant, .. } => write!(f, "Call {key} {}", participant.display_name),
            Self::Act { key, .. } => write!(f, "Act {key}"),
            Self::Ask { key, .. } => write!(f, "Ask {key}"),
            Self::Wait { until } => write!(f, "Wait {until:?}"),
            Self::Done => f.write_str("Done"),
        }
    }
}

/// A model call as recorded in its intent: enough to account for it if its run dies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelCall {
    /// Its id in the accounts, chosen before the call starts.
    pub id: CallId,
    /// The participant to call.
    pub participant: Participant,
    /// The tags of the call, besides the work itself.
    #[serde(default)]
    pub tags: Tags,
}

impl ModelCall {
    /// The call `id` of a participant.
    pub fn new(id: CallId, participant: Participant) -> Self {
        Self { id, participant, tags: Tags::default() }
    }

    /// The same call with tags.
    pub fn with_tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }
}

/// An effect that has an intent and no outcome.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PendingEffect<K> {
    /// The effect within the work.
    pub key: K,
    /// The model call, if it is one.
    pub call: Option<ModelCall>,
}

impl<K> PendingEffect<K> {
    /// An effect without a model call.
    pub fn act(key: K) -> Self {
        Self { key, call: None }
    }

    /// A model call.
    pub fn call(key: K, call: ModelCall) -> Self {
        Self { key, call: Some(call) }
    }
}

/// Whole milliseconds, rounded down.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
