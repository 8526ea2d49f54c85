//! What the user is told when something fails: what, why, what next, under a stable code.

use std::{error::Error, fmt, path::Path, process::ExitCode};

use forge::{ErrorKind, JournalError, Phase, ProviderError, session::SessionError, store::StoreError};
use serde_json::{Value, json};

use crate::show::clean;

/// A failure of the command.
#[derive(Debug)]
pub(crate) struct CliError {
    code: &'static str,
    what: String,
    why: Vec<String>,
    next: String,
    exit: u8,
}

/// The command did not reach its end for a reason of its own.
const FAILED: u8 = 1;
/// The command line or a file is wrong.
const USAGE: u8 = 2;
/// No provider could answer.
const NO_PROVIDER: u8 = 3;
/// A budget refused.
const BUDGET: u8 = 4;

/// In place of a code: nothing is said.
const QUIET: &str = "";

impl CliError {
    pub(crate) fn failed(what: impl Into<String>, cause: &dyn Error) -> Self {
        Self { code: "E001", what: what.into(), why: causes(cause), next: String::new(), exit: FAILED }
    }

    /// The result cannot be written. A reader that has seen enough and closed its end (`| head`) is no
    /// failure and is not spoken of.
    pub(crate) fn stdout(error: &std::io::Error) -> Self {
        let failure = Self::failed("the result cannot be written to stdout", error);
        let closed = error.kind() == std::io::ErrorKind::BrokenPipe;
        if closed { Self { code: QUIET, exit: 0, ..failure } } else { failure }
    }

    /// A value on the command line is wrong.
    pub(crate) fn usage(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { code: "E002", what: what.into(), why: Vec::new(), next: next.into(), exit: USAGE }
    }

    /// A file cannot be read.
    pub(crate) fn file(path: &Path, cause: &dyn Error) -> Self {
        let what = format!("{} cannot be read", path.display());
        let next = "check the path and its permissions".to_owned();
        Self { code: "E003", what, why: vec![cause.to_string()], next, exit: USAGE }
    }

    /// A file does not hold what it should.
    pub(crate) fn content(path: &Path, what: &str, cause: &dyn Error) -> Self {
        let what = format!("{} is not {what}", path.display());
        Self {
            code: "E004",
            what,
            why: vec![cause.to_string()],
            next: "correct the file".into(),
            exit: USAGE,
        }
    }

    /// A configuration has mistakes, which are told already.
    pub(crate) fn config(path: &Path, counted: &str) -> Self {
        let what = format!("{} cannot be used: {counted}", path.display());
        let next = "correct the file; `forge config check` reads it without sending anything".to_owned();
        Self { code: "E005", what, why: Vec::new(), next, exit: USAGE }
    }

    /// The accounts cannot be read or written.
    pub(crate) fn store(error: &StoreError) -> Self {
        let why = error.source().map(causes).unwrap_or_default();
        let exit = if matches!(error, StoreError::Filter { .. }) { USAGE } else { FAILED };
        Self { code: "E006", what: error.to_string(), why, next: String::new(), exit }
    }

    /// A session cannot start, go on or be read.
    pub(crate) fn session(error: &SessionError) -> Self {
        let (next, exit) = match error {
            SessionError::Plan(_) => ("configure more providers, or choose another `--mode`", USAGE),
            SessionError::Unknown(_)
            | SessionError::Exists(_)
            | SessionError::Journal(JournalError::BadName { .. }) => ("see `forge sessions list`", USAGE),
            SessionError::Prompt(_) => ("correct the template", USAGE),
            SessionError::Journal(JournalError::Held { .. }) => ("wait for the other run to end", FAILED),
            _ => ("see `forge doctor`", FAILED),
        };
        let why = error.source().map(causes).unwrap_or_default();
        Self { code: "E007", what: error.to_string(), why, next: next.to_owned(), exit }
    }

    pub(crate) fn provider(error: &ProviderError) -> Self {
        let exit = match error.kind {
            _ if error.phase == Phase::AfterOutput => FAILED,
            ErrorKind::BudgetExceeded => BUDGET,
            ErrorKind::InvalidRequest | ErrorKind::Unsupported => USAGE,
            ErrorKind::Cancelled => FAILED,
            _ => NO_PROVIDER,
        };
        let why = error.source().map(causes).unwrap_or_default();
        let next = error.kind.next_step().to_owned();
        Self { code: code(error.kind), what: error.to_string(), why, next, exit }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        self.exit.into()
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "code": self.code, "message": self.what, "causes": self.why, "next": self.next })
    }
}

fn causes(error: &dyn Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    texts
}

/// The stable code of a provider's failure.
const fn code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::RateLimited => "E010",
        ErrorKind::Overloaded => "E011",
        ErrorKind::Server => "E012",
        ErrorKind::Timeout => "E013",
        ErrorKind::Transport => "E014",
        ErrorKind::Truncated => "E015",
        ErrorKind::Authentication => "E016",
        ErrorKind::Permission => "E017",
        ErrorKind::QuotaExhausted => "E018",
        ErrorKind::ModelNotFound => "E019",
        ErrorKind::CircuitOpen => "E020",
        ErrorKind::ContextTooLong => "E021",
        ErrorKind::ContentFiltered => "E022",
        ErrorKind::Refusal => "E023",
        ErrorKind::InvalidRequest => "E024",
        ErrorKind::Unsupported => "E025",
        ErrorKind::Cancelled => "E026",
        ErrorKind::BudgetExceeded => "E027",
        ErrorKind::Decode => "E028",
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code == QUIET {
            return Ok(());
        }
        writeln!(f, "error[{}]: {}", self.code, clean(&self.what))?;
        for why in &self.why {
            writeln!(f, "  because: {}", clean(why))?;
        }
        if !self.next.is_empty() {
            writeln!(f, "  next: {}", self.next)?;
        }
        Ok(())
    }
}
