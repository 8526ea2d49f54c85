//! Numbers that stand for words in the file. They never change their meaning.

use forge_core::{
    ErrorKind,
    storage::{access::KeyState, accounts::CallStatus},
};

pub(crate) const SUCCESS: i64 = 0;
pub(crate) const FAILURE: i64 = 1;
pub(crate) const RETRY: i64 = 2;
pub(crate) const CANCELLED: i64 = 3;
pub(crate) const KILLED: i64 = 4;

/// A key that was revoked.
pub(crate) const REVOKED: i64 = 2;

/// Whether an attempt with this status ended by itself: it was neither dropped nor killed.
pub(crate) const fn has_outcome(status: i64) -> bool {
    !matches!(status, CANCELLED | KILLED)
}

pub(crate) const fn status_code(status: CallStatus) -> i64 {
    match status {
        CallStatus::Success => SUCCESS,
        CallStatus::Failure => FAILURE,
        CallStatus::Retry => RETRY,
        CallStatus::Cancelled => CANCELLED,
        CallStatus::Killed => KILLED,
    }
}

pub(crate) const fn status(code: i64) -> CallStatus {
    match code {
        SUCCESS => CallStatus::Success,
        RETRY => CallStatus::Retry,
        CANCELLED => CallStatus::Cancelled,
        KILLED => CallStatus::Killed,
        _ => CallStatus::Failure,
    }
}

pub(crate) const fn key_state_code(state: KeyState) -> i64 {
    match state {
        KeyState::Active => 0,
        KeyState::Disabled => 1,
        KeyState::Revoked => REVOKED,
    }
}

pub(crate) const fn key_state(code: i64) -> KeyState {
    match code {
        0 => KeyState::Active,
        1 => KeyState::Disabled,
        // A state of a later version must let nobody in.
        _ => KeyState::Revoked,
    }
}

pub(crate) const fn error_code(kind: ErrorKind) -> i64 {
    match kind {
        ErrorKind::RateLimited => 1,
        ErrorKind::Overloaded => 2,
        ErrorKind::Server => 3,
        ErrorKind::Timeout => 4,
        ErrorKind::Transport => 5,
        ErrorKind::Truncated => 6,
        ErrorKind::Authentication => 7,
        ErrorKind::Permission => 8,
        ErrorKind::QuotaExhausted => 9,
        ErrorKind::ModelNotFound => 10,
        ErrorKind::CircuitOpen => 11,
        ErrorKind::ContextTooLong => 12,
        ErrorKind::ContentFiltered => 13,
        ErrorKind::Refusal => 14,
        ErrorKind::InvalidRequest => 15,
        ErrorKind::Unsupported => 16,
        ErrorKind::Cancelled => 17,
        ErrorKind::BudgetExceeded => 18,
        ErrorKind::Decode => 19,
        ErrorKind::StateRejected => 20,
        ErrorKind::Empty => 21,
        ErrorKind::Malformed => 22,
    }
}

pub(crate) const fn error_kind(code: i64) -> Option<ErrorKind> {
    Some(match code {
        1 => ErrorKind::RateLimited,
        2 => ErrorKind::Overloaded,
        3 => ErrorKind::Server,
        4 => ErrorKind::Timeout,
        5 => ErrorKind::Transport,
        6 => ErrorKind::Truncated,
        7 => ErrorKind::Authentication,
        8 => ErrorKind::Permission,
        9 => ErrorKind::QuotaExhausted,
        10 => ErrorKind::ModelNotFound,
        11 => ErrorKind::CircuitOpen,
        12 => ErrorKind::ContextTooLong,
        13 => ErrorKind::ContentFiltered,
        14 => ErrorKind::Refusal,
        15 => ErrorKind::InvalidRequest,
        16 => ErrorKind::Unsupported,
        17 => ErrorKind::Cancelled,
        18 => ErrorKind::BudgetExceeded,
        19 => ErrorKind::Decode,
        20 => ErrorKind::StateRejected,
        21 => ErrorKind::Empty,
        22 => ErrorKind::Malformed,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_is_read_back_as_itself() {
        let kinds: Vec<_> = (1..23).filter_map(error_kind).collect();
        assert_eq!(kinds.len(), ErrorKind::ALL.len());
        for (kind, code) in kinds.into_iter().zip(1..) {
            assert_eq!(error_code(kind), code);
        }
    }
}
