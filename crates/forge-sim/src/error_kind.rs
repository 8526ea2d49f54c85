use serde::Deserialize;

/// A kind of refusal. Status, type, code and text are the vendor's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// A bad parameter.
    InvalidRequest,
    /// A prompt beyond the context window.
    ContextLength,
    /// A missing or wrong key.
    Authentication,
    /// Billing is not in order, or prepaid credit is used up.
    Billing,
    /// The key may not do this.
    Permission,
    /// The model does not exist.
    ModelNotFound,
    /// The path does not exist.
    NotFound,
    /// The body is too large.
    TooLarge,
    /// Another request is in the way.
    Conflict,
    /// Too many requests in a minute.
    RateLimited,
    /// Too many tokens in a minute.
    TokensLimited,
    /// The day's quota is used up.
    DayQuota,
    /// Credit or spend limit is used up; waiting does not help.
    QuotaExhausted,
    /// Too much traffic for everyone (529, 503).
    Overloaded,
    /// The model is still being loaded (503).
    Loading,
    /// An internal error.
    Server,
    /// The vendor's own deadline passed.
    Timeout,
    /// An HTML page from a proxy, 502.
    BadGateway,
}

impl ErrorKind {
    /// The name used in scenarios and journals.
    pub const fn id(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::ContextLength => "context_length",
            Self::Authentication => "authentication",
            Self::Billing => "billing",
            Self::Permission => "permission",
            Self::ModelNotFound => "model_not_found",
            Self::NotFound => "not_found",
            Self::TooLarge => "too_large",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate_limited",
            Self::TokensLimited => "tokens_limited",
            Self::DayQuota => "day_quota",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Overloaded => "overloaded",
            Self::Loading => "loading",
            Self::Server => "server",
            Self::Timeout => "timeout",
            Self::BadGateway => "bad_gateway",
        }
    }
}
