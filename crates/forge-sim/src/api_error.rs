use crate::error_kind::ErrorKind;
use crate::limits::Exceeded;
use crate::scenario::{ErrorSpec, ErrorStyle, RetryAfter, StreamError};

/// A refusal on its way to a dialect, which gives it the vendor's status, words and form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) kind: ErrorKind,
    pub(crate) status: Option<u16>,
    pub(crate) message: Option<String>,
    pub(crate) param: Option<String>,
    pub(crate) code: Option<String>,
    /// Boxed, since errors travel in many results and few carry a hint.
    pub(crate) retry_after: Box<RetryAfter>,
    pub(crate) should_retry: Option<bool>,
    pub(crate) style: ErrorStyle,
    /// Prompt size and context window of a `ContextLength` refusal.
    pub(crate) window: Option<(u64, u64)>,
    /// The limit that was reached, where it is a real one.
    pub(crate) limit: Option<Box<ExceededLimit>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExceededLimit {
    pub(crate) model: String,
    pub(crate) exceeded: Exceeded,
}

impl ApiError {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self {
            kind,
            status: None,
            message: None,
            param: None,
            code: None,
            retry_after: Box::default(),
            should_retry: None,
            style: ErrorStyle::Usual,
            window: None,
            limit: None,
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest).with_message(message)
    }

    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    pub(crate) fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub(crate) fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The wait to hint at: the scripted one, else what a real limit knows, unless the script wants none.
    pub(crate) fn wait_seconds(&self) -> Option<f64> {
        let hint = &*self.retry_after;
        if *hint != RetryAfter::default() {
            return hint.seconds.filter(|_| !hint.none);
        }
        self.limit.as_ref().map(|limit| limit.exceeded.wait.as_secs_f64())
    }

    /// The vendor's text, or the given one where the error brings none.
    pub(crate) fn text(&self, usual: &str) -> String {
        self.message.clone().unwrap_or_else(|| usual.to_owned())
    }
}

impl From<&ErrorSpec> for ApiError {
    fn from(spec: &ErrorSpec) -> Self {
        Self {
            status: spec.status,
            message: spec.message.clone(),
            code: spec.code.clone(),
            retry_after: Box::new(spec.retry_after.clone()),
            should_retry: spec.should_retry,
            style: spec.style,
            ..Self::new(spec.kind)
        }
    }
}

impl From<&StreamError> for ApiError {
    fn from(spec: &StreamError) -> Self {
        // No status and no hint: the head of the reply has gone out before its error.
        Self {
            message: spec.message.clone(),
            code: spec.code.clone(),
            style: spec.style,
            ..Self::new(spec.kind)
        }
    }
}
