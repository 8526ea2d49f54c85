//! Conversations that are kept: question by question, with any model.
//!
//! A conversation is a stream of the journal, beside those of sessions. What it costs stands in the accounts under its name.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use forge_core::{
    CallContext, Message, ModelId, ModelRequest, ModelResponse, Money, ParticipantRole, ProviderId,
    storage::journal::{Batch, Claim, Journal, JournalError, StreamInfo, StreamName},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{sessions::session_name, system::System};

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
    exchanges: Vec<Exchange>,
    entries: u64,
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
        Self { journal, name, exchanges: Vec::new(), entries: 0, cost: Money::ZERO, title: None }
    }

    /// Its name, under which its calls stand in the accounts as those of a session.
    pub fn name(&self) -> &StreamName {
        &self.name
    }

    /// What models are told of it: what was said since it was last cleared.
    pub fn exchanges(&self) -> &[Exchange] {
        &self.exchanges
    }

    /// The known cost of all of it.
    pub fn cost(&self) -> Money {
        self.cost
    }

    /// What was said so far, and this question.
    pub fn request(&self, question: &str) -> ModelRequest {
        let said = self
            .exchanges
            .iter()
            .flat_map(|one| [Message::user(one.question.clone()), Message::assistant(one.answer.clone())]);
        let messages = said.chain([Message::user(question)]);
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
        self.append(Entry::Exchanged(Exchange {
            at: cx.timer.now(),
            question: question.to_owned(),
            answer: response.text().into_owned(),
            role: cx.participant.role.clone(),
            provider: response.participant.provider_id.clone(),
            model: response.model.clone(),
            cost,
        }))
        .await
    }

    /// Models are not told what was said so far. The journal keeps it.
    ///
    /// # Errors
    /// As for [`keep`](Self::keep).
    pub async fn clear(&mut self) -> Result<(), ConversationError> {
        if self.exchanges.is_empty() { Ok(()) } else { self.append(Entry::Cleared).await }
    }

    async fn append(&mut self, entry: Entry) -> Result<(), ConversationError> {
        let payload = serde_json::to_vec(&entry).map_err(ConversationError::Unwritable)?;
        // Claimed for the moment alone: whoever goes on elsewhere meanwhile is noticed by the number of entries.
        let claim =
            Claim::new(format!("conversation-{}", std::process::id()), std::time::Duration::from_secs(10));
        let fence = self.journal.claim(&self.name, &claim).await?;
        let title = self.title.clone().or_else(|| title(&entry));
        let summary = json!({"kind": KIND, "title": title, "entries": self.entries + 1});
        let batch = Batch::new(self.entries, vec![payload]).with_summary(summary);
        let appended = self.journal.append(&self.name, fence, batch).await;
        self.journal.release(&self.name, fence).await?;
        appended?;
        self.apply(entry);
        Ok(())
    }

    fn apply(&mut self, entry: Entry) {
        self.entries += 1;
        self.title = self.title.take().or_else(|| title(&entry));
        match entry {
            Entry::Exchanged(exchange) => {
                self.cost += exchange.cost.unwrap_or_default();
                self.exchanges.push(exchange);
            }
            Entry::Cleared => self.exchanges.clear(),
        }
    }
}

fn title(entry: &Entry) -> Option<String> {
    let Entry::Exchanged(exchange) = entry else { return None };
    Some(exchange.question.lines().next().unwrap_or_default().chars().take(TITLE).collect())
}
