//! The kinds of errors, and what each means for routing.

use serde::{Deserialize, Serialize};

/// What went wrong, in the vocabulary that routing decisions are made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "routing judges every kind, and has no arm for unknown ones")]
pub enum ErrorKind {
    /// Too many requests or tokens for now.
    RateLimited,
    /// The vendor has no capacity, or the model is still loading.
    Overloaded,
    /// The vendor failed.
    Server,
    /// A clock ran out: connecting, first event, gap between events, or the deadline.
    Timeout,
    /// The connection failed.
    Transport,
    /// The reply ended before the vendor said that it was complete.
    Truncated,
    /// The credential is missing, wrong or expired.
    Authentication,
    /// The credential may not do this.
    Permission,
    /// The credential has no money or no quota left; waiting a little does not help.
    QuotaExhausted,
    /// The vendor does not know the model.
    ModelNotFound,
    /// A circuit breaker on our side refused the call.
    CircuitOpen,
    /// The prompt does not fit into the model's window.
    ContextTooLong,
    /// A filter of the vendor refused the prompt.
    ContentFiltered,
    /// The model declined.
    Refusal,
    /// The request is wrong.
    InvalidRequest,
    /// The request needs a feature that the model or adapter does not have.
    Unsupported,
    /// The caller gave up.
    Cancelled,
    /// A budget on our side refused the call.
    BudgetExceeded,
    /// The vendor refuses the state that came with the request: a signature, an encrypted thought.
    StateRejected,
    /// The vendor's reply could not be understood.
    Decode,
    /// The reply ended well and holds no answer.
    Empty,
    /// The model wrote what its vendor could not use, such as a broken tool call.
    Malformed,
}

/// How far the call had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "a call is before, within or after its output")]
pub enum Phase {
    /// Nothing was sent: nothing is billed.
    BeforeSend,
    /// The request went out, no content came back.
    // Of a failure that nobody placed: it may be billed, and nothing is known to have reached the caller.
    #[default]
    BeforeOutput,
    /// Content was handed to the caller.
    AfterOutput,
}

/// What to do about a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "whoever follows advice has to know all of it")]
pub enum Advice {
    /// Retry on the same route within the retry budget, then go to the next.
    RetryThenNext,
    /// Once more on the same route without the state that vendors hand out, then go to the next.
    RetryStripped,
    /// Go to the next route.
    Next,
    /// Go to the next route whose context window is larger.
    NextIfLarger,
    /// Go to the next route only if the chain says so for this kind.
    NextIfAllowed,
    /// Give up.
    Stop,
}

/// What a failed attempt says about the health of its route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "whoever follows advice has to know all of it")]
pub enum BreakerEffect {
    /// Nothing: the route is not at fault.
    Ignored,
    /// One failure.
    Counts,
    /// The route is unusable at once and stays so until a probe succeeds. The credential is benched.
    OpensSticky,
}

/// How a failed attempt is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "one advice for each that has to act")]
pub struct Policy {
    /// Where the call goes.
    pub advice: Advice,
    /// What happens to the route.
    pub breaker: BreakerEffect,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 22] = [
        Self::RateLimited,
        Self::Overloaded,
        Self::Server,
        Self::Timeout,
        Self::Transport,
        Self::Truncated,
        Self::Authentication,
        Self::Permission,
        Self::QuotaExhausted,
        Self::ModelNotFound,
        Self::CircuitOpen,
        Self::ContextTooLong,
        Self::ContentFiltered,
        Self::Refusal,
        Self::InvalidRequest,
        Self::Unsupported,
        Self::Cancelled,
        Self::BudgetExceeded,
        Self::StateRejected,
        Self::Decode,
        Self::Empty,
        Self::Malformed,
    ];

    /// How an attempt that failed in `phase` is treated. The one place where kinds are judged.
    pub const fn policy(self, phase: Phase) -> Policy {
        use {Advice as A, BreakerEffect as B};
        let (advice, breaker) = match self {
            // Only our own limits refuse before anything is sent; the route is not at fault.
            Self::RateLimited if matches!(phase, Phase::BeforeSend) => (A::RetryThenNext, B::Ignored),
            // The vendor or the way to it fails, or is too busy. It may pass, or go on and open the circuit.
            Self::RateLimited
            | Self::Overloaded
            | Self::Server
            | Self::Timeout
            | Self::Transport
            | Self::Truncated => (A::RetryThenNext, B::Counts),
            // The same credential would be refused again.
            Self::Authentication | Self::Permission | Self::QuotaExhausted => (A::Next, B::OpensSticky),
            // Another route may take less money at most.
            // A refusal on our side must not keep a circuit open, and a wrong name says nothing of the
            // server.
            Self::ModelNotFound | Self::CircuitOpen | Self::BudgetExceeded => (A::Next, B::Ignored),
            // A window of the same size or a smaller one would refuse the same prompt.
            Self::ContextTooLong => (A::NextIfLarger, B::Ignored),
            // Whether another model may be asked then is for the role to say.
            Self::ContentFiltered | Self::Refusal | Self::Empty => (A::NextIfAllowed, B::Ignored),
            // The same model may well write it right the next time.
            Self::Malformed => (A::RetryThenNext, B::Ignored),
            // Every other route would refuse the same request, and a cancelled call has nobody to answer.
            Self::InvalidRequest | Self::Unsupported | Self::Cancelled => (A::Stop, B::Ignored),
            // The request is good but for the state, which the same route does not need to answer.
            Self::StateRejected => (A::RetryStripped, B::Ignored),
            // The same server would most likely answer in the same way.
            Self::Decode => (A::Next, B::Counts),
        };
        // What has reached the caller cannot be taken back, and a second reply would not continue the first.
        let advice = if matches!(phase, Phase::AfterOutput) { A::Stop } else { advice };
        Policy { advice, breaker }
    }

    /// The kind's written name, as in JSON and in spans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Server => "server",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
            Self::Truncated => "truncated",
            Self::Authentication => "authentication",
            Self::Permission => "permission",
            Self::QuotaExhausted => "quota_exhausted",
            Self::ModelNotFound => "model_not_found",
            Self::CircuitOpen => "circuit_open",
            Self::ContextTooLong => "context_too_long",
            Self::ContentFiltered => "content_filtered",
            Self::Refusal => "refusal",
            Self::InvalidRequest => "invalid_request",
            Self::Unsupported => "unsupported",
            Self::Cancelled => "cancelled",
            Self::BudgetExceeded => "budget_exceeded",
            Self::StateRejected => "state_rejected",
            Self::Decode => "decode",
            Self::Empty => "empty",
            Self::Malformed => "malformed",
        }
    }

    /// A few words for people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::RateLimited => "rate limited",
            Self::Overloaded => "overloaded",
            Self::Server => "server error",
            Self::Timeout => "timed out",
            Self::Transport => "connection failed",
            Self::Truncated => "reply cut off",
            Self::Authentication => "credential refused",
            Self::Permission => "not permitted",
            Self::QuotaExhausted => "quota exhausted",
            Self::ModelNotFound => "model not found",
            Self::CircuitOpen => "circuit open",
            Self::ContextTooLong => "prompt too long",
            Self::ContentFiltered => "content filtered",
            Self::Refusal => "refused by the model",
            Self::InvalidRequest => "invalid request",
            Self::Unsupported => "unsupported",
            Self::Cancelled => "cancelled",
            Self::BudgetExceeded => "over budget",
            Self::StateRejected => "vendor state refused",
            Self::Decode => "reply not understood",
            Self::Empty => "empty reply",
            Self::Malformed => "malformed reply",
        }
    }

    /// What the user can do next.
    pub const fn next_step(self) -> &'static str {
        match self {
            Self::RateLimited => "wait and try again, or lower the number of calls at once",
            Self::Overloaded | Self::Server => "try again in a while, or use another provider",
            Self::Timeout => "try again, or allow more time",
            Self::Transport => "check the base URL, the network and the proxy settings",
            Self::Truncated => "try again; the reply was not complete",
            Self::Authentication => "check the API key of this provider",
            Self::Permission => "check what this API key may use",
            Self::QuotaExhausted => "check the balance and the spend limit of this account",
            Self::ModelNotFound => "check the model's name, or list the provider's models",
            Self::CircuitOpen => "wait for the provider to recover, or use another",
            Self::ContextTooLong => "shorten the prompt, or use a model with a larger window",
            Self::ContentFiltered | Self::Refusal => "rephrase the prompt, or use another provider",
            Self::InvalidRequest => "correct the request; sending it again does not help",
            Self::Unsupported => "leave the feature out, or use a model that has it",
            Self::Cancelled => "start the call again when you want it",
            Self::BudgetExceeded => "raise the budget, or ask for less",
            Self::StateRejected => "send the conversation without its thoughts and signatures",
            Self::Decode => "check that the base URL belongs to this vendor's API",
            Self::Empty | Self::Malformed => "try again, or use another model",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_to_another_route_after_output() {
        for kind in [ErrorKind::Server, ErrorKind::Authentication, ErrorKind::Decode, ErrorKind::Refusal] {
            assert_ne!(kind.policy(Phase::BeforeOutput).advice, Advice::Stop);
            assert_eq!(kind.policy(Phase::AfterOutput).advice, Advice::Stop);
        }
    }

    #[test]
    fn the_callers_faults_leave_the_breaker_alone() {
        for kind in [
            ErrorKind::InvalidRequest,
            ErrorKind::ContextTooLong,
            ErrorKind::ContentFiltered,
            ErrorKind::Cancelled,
            ErrorKind::BudgetExceeded,
        ] {
            assert_eq!(kind.policy(Phase::AfterOutput).breaker, BreakerEffect::Ignored);
        }
        assert_eq!(ErrorKind::RateLimited.policy(Phase::BeforeSend).breaker, BreakerEffect::Ignored);
        assert_eq!(ErrorKind::RateLimited.policy(Phase::BeforeOutput).breaker, BreakerEffect::Counts);
    }

    #[test]
    fn the_written_name_is_that_of_json() {
        for kind in ErrorKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
