//! A call as the journal has it: its intent, its answer, its failure.

use forge_core::{
    ErrorKind, Money, Participant, ProviderId, TokenCount, call::CallId, error::Phase, event::StopReason,
    route::FailedAttempt, storage::budget::Amount,
};
use serde::{Deserialize, Serialize};

use crate::stage::{CallKey, Purpose};

/// The intent of a call, written before the call is made. It is all that is known of a call whose run died.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The call.
    pub call: CallKey,
    /// Its id in the accounts, chosen before the call is made, so that one that died gets its record.
    pub id: CallId,
    /// Who is asked.
    pub participant: Participant,
    /// Whether it asks for an answer or for the repair of one.
    pub purpose: Purpose,
    /// A hash of the request as JSON, in 16 hexadecimal digits, the same on every machine.
    pub prompt: String,
    /// What it may cost at most. It counts as used until the call ends.
    pub reserved: Amount,
    /// Whether the price is known; if not, the reservation holds no money.
    pub priced: bool,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The text as received, without hidden characters.
    pub raw_content: String,
    /// Why the model stopped.
    pub stop_reason: StopReason,
    /// Who answered, with the model that served the call, which a router may have chosen.
    pub served: Participant,
    /// Tokens by class.
    pub tokens: TokenCount,
    /// What it cost; `None` if the price is unknown.
    pub cost: Option<Money>,
    /// The charge to the budget: the cost, or the reservation if the cost is unknown.
    pub charged: Amount,
    /// Milliseconds from the call to its end.
    pub took: u64,
    /// Attempts that failed before it, in their order.
    pub failed: Vec<Attempt>,
    /// What the caller should know, such as settings that were left out.
    pub warnings: Vec<String>,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The phase of the call in which it failed.
    pub phase: Phase,
    /// In words.
    pub message: String,
    /// The charge to the budget: nothing, or the reservation if the vendor may bill the call.
    pub charged: Amount,
    /// Milliseconds from the call to its end.
    pub took: u64,
    /// Attempts that failed.
    pub failed: Vec<Attempt>,
    /// The partial answer, for a draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
}

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attempt {
    /// The configured provider.
    pub provider: ProviderId,
    /// The model asked for.
    pub model: forge_core::ModelId,
    /// What went wrong.
    pub error: ErrorKind,
    /// In words.
    pub message: String,
}

impl From<&FailedAttempt> for Attempt {
    fn from(failed: &FailedAttempt) -> Self {
        Self {
            provider: failed.provider.clone(),
            model: failed.model.clone(),
            error: failed.error,
            message: failed.message.clone(),
        }
    }
}
