//! Conversations that are kept: question by question, with any model.
//!
//! A conversation is a stream of the journal, beside those of sessions. What it costs stands in the accounts under its name.
//! Who is asked and what is carried belongs to it as well, so that the next process goes on with both.

mod carried;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use forge_core::{
    CallContext, Message, ModelId, ModelRequest, ModelResponse, Money, ParticipantRole, ProviderId,
    storage::journal::{Batch, Claim, Journal, JournalError, StreamInfo, StreamName},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::carried::Carrying;
pub use self::carried::{Carried, CarriedWhat};
use crate::{asked::Asked, sessions::session_name, system::System};

/// What the summary of a stream says of a conversation.
const KIND: &str = "conversation";
/// Characters of the first question that stand for the whole.
const TITLE: usize = 80;

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Exchange {
    /// When the answer had ended.
    pub at: DateTime<Utc>,
    /// What was asked.
    pub question: String,
    /// What was answered.
    pub answer: String,
    /// The role that was asked.
    pub role: ParticipantRole,
    /// The configured provider that answered.
    pub provider: ProviderId,
    /// The model that answered.
    pub model: ModelId,
    /// What it cost, if that is known.
    #[serde(rename = "cost_nano_usd")]
    pub cost: Option<Money>,
}

/// An entry of the journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Entry {
    Exchanged(Exchange),
    /// What was said before is not told to models any more.
    Cleared,
    /// What is carried has changed.
    Context(ContextChange),
    /// Others are asked from now on.
    Turned(Asked),
}

/// A change of what a conversation carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContextChange {
    /// Something of the workspace is put beside what was said.
    Add {
        /// Its name.
        name: String,
    },
    /// This is carried no more.
    Drop {
        /// Its number.
        number: u64,
    },
    /// This is carried whatever the budget says.
    Pin {
        /// Its number.
        number: u64,
    },
    /// Nothing is carried any more but what is pinned.
    Clear,
    /// A call carries at most about so many tokens beside its question; 0 for any number.
    Budget {
        /// The tokens.
        tokens: u64,
    },
}

/// About how many tokens a text has: one for four bytes. Nobody is asked for the exact number.
pub(crate) fn tokens(text: &str) -> u64 {
    text.len().div_ceil(4) as u64
}

/// Why a conversation cannot be read or gone on with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConversationError {
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What was said cannot be written down.
    #[error("what was said cannot be written down")]
    Unwritable(#[source] serde_json::Error),
    /// The stream is none, or one of a later version.
    #[error("`{0}` is not a conversation that this version can read")]
    Foreign(StreamName),
}

/// A conversation, as one process has it. Two may go on with the same; what the slower one says is then refused.
#[derive(Debug)]
pub struct Conversation {
    journal: Arc<dyn Journal>,
    name: StreamName,
    carrying: Carrying,
    asked: Option<Asked>,
    entries: u64,
    /// What is written with the first exchange: a conversation in which nothing was said is none.
    waiting: Vec<Entry>,
    cost: Money,
    title: Option<String>,
}

impl Conversation {
    /// A new one. It is written with its first exchange.
    ///
    /// # Errors
    /// None that are known: its name is made of the letters of names.
    pub fn begin(system: &System) -> Result<Self, ConversationError> {
        Ok(Self::empty(system, session_name()?))
    }

    /// One that was kept.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub async fn open(system: &System, name: StreamName) -> Result<Self, ConversationError> {
        let mut conversation = Self::empty(system, name);
        for entry in conversation.journal.read(&conversation.name, 0).await? {
            let entry = serde_json::from_slice(&entry.payload)
                .map_err(|_| ConversationError::Foreign(conversation.name.clone()))?;
            conversation.apply(entry);
        }
        Ok(conversation)
    }

    /// Whether a stream is a conversation, and not a session.
    pub fn is_one(stream: &StreamInfo) -> bool {
        stream.summary.as_ref().is_some_and(|summary| summary["kind"] == KIND)
    }

    fn empty(system: &System, name: StreamName) -> Self {
        let journal = Arc::clone(system.journal());
        Self {
            journal,
            name,
            carrying: Carrying::default(),
            asked: None,
            entries: 0,
            waiting: Vec::new(),
            cost: Money::ZERO,
            title: None,
        }
    }

    /// Its name, under which its calls stand in the accounts as those of a session.
    pub fn name(&self) -> &StreamName {
        &self.name
    }

    /// Whether nothing was ever written of it.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// What was said and is carried.
    pub fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.carrying.all.iter().filter_map(Carried::said)
    }

    /// All that is carried, in the order in which it came.
    pub fn carried(&self) -> &[Carried] {
        &self.carrying.all
    }

    /// The most tokens that a call carries beside its question; `None` without a limit.
    pub fn budget(&self) -> Option<u64> {
        self.carrying.budget
    }

    /// The numbers of the questions that the next call tells, if so many tokens stand beside them.
    pub fn told(&self, beside: u64) -> Vec<u64> {
        self.carrying.told(beside)
    }

    /// Who was asked last to be asked; `None` if nobody said so.
    pub fn asked(&self) -> Option<&Asked> {
        self.asked.as_ref()
    }

    /// The known cost of all of it.
    pub fn cost(&self) -> Money {
        self.cost
    }

    /// What was said so far, and this question.
    pub fn request(&self, question: &str) -> ModelRequest {
        self.request_with(question, 0)
    }

    /// The same, where the question brings so many tokens of the budget along.
    pub fn request_with(&self, question: &str, beside: u64) -> ModelRequest {
        let messages = self.carrying.messages(beside).chain([Message::user(question)]);
        messages.fold(ModelRequest::new(""), ModelRequest::with_message)
    }

    /// Keeps a question with what was answered to it. It returns when the journal has both.
    ///
    /// # Errors
    /// The journal refused: somebody else goes on with the conversation, or it cannot be written.
    pub async fn keep(
        &mut self,
        question: &str,
        cx: &CallContext,
        response: &ModelResponse,
        cost: Option<Money>,
    ) -> Result<(), ConversationError> {
        self.keep_said(Exchange {
            at: cx.timer.now(),
            question: question.to_owned(),
            answer: response.text().into_owned(),
            role: cx.participant.role.clone(),
            provider: response.participant.provider_id.clone(),
            model: response.model.clone(),
            cost,
        })
        .await
    }

    /// The same for what was answered otherwise, such as by a council.
    pub(crate) async fn keep_said(&mut self, exchange: Exchange) -> Result<(), ConversationError> {
        let mut entries = std::mem::take(&mut self.waiting);
        entries.push(Entry::Exchanged(exchange));
        self.append(entries).await
    }

    /// Changes what is carried.
    ///
    /// # Errors
    /// As for [`keep`](Self::keep).
    pub async fn change(&mut self, change: ContextChange) -> Result<(), ConversationError> {
        self.note(Entry::Context(change)).await
    }

    /// Others are asked from now on.
    ///
    /// # Errors
    /// As for [`keep`](Self::keep).
    pub async fn turn_to(&mut self, asked: Asked) -> Result<(), ConversationError> {
        self.note(Entry::Turned(asked)).await
    }

    /// Writes what says nothing by itself.
    async fn note(&mut self, entry: Entry) -> Result<(), ConversationError> {
        if self.entries > 0 {
            return self.append(vec![entry]).await;
        }
        self.fold(&entry);
        self.waiting.push(entry);
        Ok(())
    }

    /// Models are not told what was said so far. The journal keeps it.
    ///
    /// # Errors
    /// As for [`keep`](Self::keep).
    pub async fn clear(&mut self) -> Result<(), ConversationError> {
        if self.exchanges().next().is_none() { Ok(()) } else { self.append(vec![Entry::Cleared]).await }
    }

    async fn append(&mut self, entries: Vec<Entry>) -> Result<(), ConversationError> {
        let payloads: Result<Vec<_>, _> = entries.iter().map(serde_json::to_vec).collect();
        let payloads = payloads.map_err(ConversationError::Unwritable)?;
        // Claimed for the moment alone: whoever goes on elsewhere meanwhile is noticed by the number of entries.
        let claim =
            Claim::new(format!("conversation-{}", std::process::id()), std::time::Duration::from_secs(10));
        let fence = self.journal.claim(&self.name, &claim).await?;
        let title = self.title.clone().or_else(|| entries.iter().find_map(title));
        let all = self.entries + entries.len() as u64;
        let summary = json!({"kind": KIND, "title": title, "entries": all});
        let batch = Batch::new(self.entries, payloads).with_summary(summary);
        let appended = self.journal.append(&self.name, fence, batch).await;
        self.journal.release(&self.name, fence).await?;
        if let Err(error) = appended {
            // What waits for the first exchange waits for the next try.
            self.waiting.extend(
                entries.into_iter().filter(|one| !matches!(one, Entry::Exchanged(_) | Entry::Cleared)),
            );
            return Err(error.into());
        }
        // What waited has its effect already.
        let waited = if self.entries == 0 { entries.len().saturating_sub(1) } else { 0 };
        self.entries += waited as u64;
        for entry in entries.into_iter().skip(waited) {
            self.apply(entry);
        }
        Ok(())
    }

    fn apply(&mut self, entry: Entry) {
        self.entries += 1;
        self.title = self.title.take().or_else(|| title(&entry));
        self.fold(&entry);
        if let Entry::Exchanged(exchange) = entry {
            self.cost += exchange.cost.unwrap_or_default();
            self.carrying.push(CarriedWhat::Said(exchange));
        }
    }

    fn fold(&mut self, entry: &Entry) {
        let carrying = &mut self.carrying;
        match entry {
            Entry::Exchanged(_) => {}
            Entry::Cleared => carrying.all.retain(|one| one.said().is_none()),
            Entry::Turned(asked) => self.asked = Some(asked.clone()),
            Entry::Context(change) => match change {
                ContextChange::Add { name } => carrying.push(CarriedWhat::Added(name.clone())),
                ContextChange::Drop { number } => carrying.drop(*number),
                ContextChange::Pin { number } => carrying.pin(*number),
                ContextChange::Clear => carrying.all.retain(|one| one.pinned),
                ContextChange::Budget { tokens } => {
                    carrying.budget = Some(*tokens).filter(|tokens| *tokens > 0);
                }
            },
        }
    }
}

fn title(entry: &Entry) -> Option<String> {
    let Entry::Exchanged(exchange) = entry else { return None };
    Some(exchange.question.lines().next().unwrap_or_default().chars().take(TITLE).collect())
}
