//! What a piece of work says about itself.

use std::{fmt, time::Duration};

use forge_core::{CallContext, CallId, Entry, Participant, StreamName, Tags};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{controls::Command, error::RunError};

/// A piece of work: a fold over its journal, and a planner that looks at nothing else.
///
/// [`apply`](Self::apply) and [`next`](Self::next) must be pure: the same entries and the same time give the same
/// state and the same step in every run.
pub trait Machine: Send + Sync + Sized + 'static {
    /// What is written down.
    type Event: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Names an effect within its stream, the same in every run.
    type Key: Clone + PartialEq + fmt::Display + Send + Sync + 'static;
    /// What an effect needs. Never written down.
    type Effect: Send + 'static;
    /// What an effect brings.
    type Outcome: Send + 'static;
    /// Why the work cannot go on. An effect that fails is an outcome, no such error.
    type Error: From<RunError> + Send;

    /// Goes on by one entry, which was made when the work had run for `at`.
    fn apply(&mut self, at: Duration, event: &Self::Event);

    /// What to do when the work has run for `now`; time between two runs does not count.
    fn next(&self, now: Duration) -> Result<Next<Self>, Self::Error>;

    /// What is written down before the effect begins. `call` is there for model calls, and belongs into the entry:
    /// without it the call cannot be accounted for when its run dies.
    fn intended(&self, key: &Self::Key, effect: &Self::Effect, call: Option<&ModelCall>) -> Vec<Self::Event>;

    /// Does it. Dropping the future cancels it. A model call is made with the given context.
    fn perform(
        &self,
        key: &Self::Key,
        effect: Self::Effect,
        cx: Option<CallContext>,
    ) -> BoxFuture<'static, Self::Outcome>;

    /// What is written down of its outcome, as one unit with everything that follows from it at once.
    fn ended(&self, key: &Self::Key, outcome: Self::Outcome) -> Vec<Self::Event>;

    /// The effects that are intended and have no outcome yet. One that is under way and no longer among them is
    /// cancelled.
    fn pending(&self) -> Vec<PendingEffect<Self::Key>>;

    /// An effect was under way when an earlier run died, and may or may not have happened. [`Next::Call`] and
    /// [`Next::Act`] make it again, under a new intent; [`Next::Record`] writes down that it is given up;
    /// [`Next::Wait`] leaves it open.
    fn relaunch(&self, key: &Self::Key, now: Duration) -> Result<Next<Self>, Self::Error>;

    /// What is written down of a command. A machine that takes none goes on undisturbed.
    fn command(&self, command: Command, now: Duration) -> Vec<Self::Event> {
        let _ = (command, now);
        Vec::new()
    }

    /// When the planner wants to be asked again, whatever else it waits for.
    fn deadline(&self) -> Option<Duration> {
        None
    }

    /// What lists say of the work, kept beside the journal.
    fn summary(&self, stream: &StreamName) -> Option<Value> {
        let _ = stream;
        None
    }

    /// Told of entries once they are on disk, for those who watch. It must not block.
    fn written(&mut self, entries: &[(Duration, Self::Event)]) {
        let _ = entries;
    }

    /// An entry as bytes.
    fn encode(at: Duration, event: &Self::Event) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Stamped { at: millis(at), event })
    }

    /// An entry from bytes.
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

/// An event with its time in milliseconds.
#[derive(Serialize, Deserialize)]
struct Stamped<E> {
    at: u64,
    event: E,
}

/// What comes next.
///
/// Exhaustive on purpose: it is what machines say, and the run understands each of them.
pub enum Next<M: Machine> {
    /// Write these down, as one unit; they were decided from the state alone. Without any it is a wait.
    Record(Vec<M::Event>),
    /// Ask a model.
    Call {
        /// Which call of the work it is.
        key: M::Key,
        /// Who is asked.
        participant: Participant,
        /// On whose behalf, beside the work itself.
        tags: Tags,
        /// What is asked.
        effect: M::Effect,
    },
    /// Do something that is seen outside: write files, run a check, spawn a process.
    Act {
        /// Which effect of the work it is.
        key: M::Key,
        /// What to do.
        effect: M::Effect,
    },
    /// Ask somebody, who may be asked as often as need be: it has no intent. It is dropped when something else
    /// comes next.
    Ask {
        /// Which question it is.
        key: M::Key,
        /// What is asked.
        effect: M::Effect,
    },
    /// Nothing until an effect ends, a command comes, or the work has run for so long.
    Wait {
        /// When to look again.
        until: Option<Duration>,
    },
    /// The work is over, or cannot go on in this run. What is under way is cancelled.
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

/// A model call as its intent names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelCall {
    /// Its id in the accounts, chosen before it is made.
    pub id: CallId,
    /// Who is asked.
    pub participant: Participant,
    /// On whose behalf, beside the work itself.
    #[serde(default)]
    pub tags: Tags,
}

impl ModelCall {
    /// The call `id` of a participant.
    pub fn new(id: CallId, participant: Participant) -> Self {
        Self { id, participant, tags: Tags::default() }
    }

    /// The same call on behalf of others.
    pub fn with_tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }
}

/// An effect without an outcome.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PendingEffect<K> {
    /// Which one it is.
    pub key: K,
    /// The model call, if it is one.
    pub call: Option<ModelCall>,
}

impl<K> PendingEffect<K> {
    /// An effect of which the accounts know nothing.
    pub fn act(key: K) -> Self {
        Self { key, call: None }
    }

    /// A model call.
    pub fn call(key: K, call: ModelCall) -> Self {
        Self { key, call: Some(call) }
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
