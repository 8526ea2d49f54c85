//! What the user is told when something fails: what, why, what next, under a stable code.

use std::{error::Error, fmt, path::Path, process::ExitCode};

use forge::{
    ConversationError, ErrorKind, ProviderError,
    error::Phase,
    session::SessionError,
    storage::{access::AuditFault, journal::JournalError},
    store::StoreError,
};
use serde_json::{Map, Value, json};

use crate::layout::clean;

/// A failure of the command.
#[derive(Debug)]
pub(crate) struct CliError {
    code: Code,
    what: String,
    why: Vec<String>,
    next: String,
    exit: u8,
    /// What else a program should know, as fields of the JSON object.
    facts: Box<Map<String, Value>>,
}

/// The command did not reach its end for a reason of its own.
const FAILED: u8 = 1;
/// The command line or a file is wrong.
const USAGE: u8 = 2;
/// No provider could answer.
const NO_PROVIDER: u8 = 3;
/// A budget refused.
const BUDGET: u8 = 4;

/// What failed, as scripts know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    /// Nothing is said.
    Quiet,
    Failed,
    Usage,
    File,
    Content,
    Config,
    Store,
    Session,
    Audit,
    Provider(ErrorKind),
}

impl CliError {
    pub(crate) fn failed(what: impl Into<String>, cause: &dyn Error) -> Self {
        Self::new(Code::Failed, what, FAILED).because(causes(cause))
    }

    fn new(code: Code, what: impl Into<String>, exit: u8) -> Self {
        let (why, next, facts) = (Vec::new(), String::new(), Box::default());
        Self { code, what: what.into(), why, next, exit, facts }
    }

    fn because(self, why: Vec<String>) -> Self {
        Self { why, ..self }
    }

    /// The same, with fields for the JSON object.
    pub(crate) fn with_facts(mut self, facts: Value) -> Self {
        if let Value::Object(facts) = facts {
            self.facts.extend(facts);
        }
        self
    }

    /// The same, with what to do next.
    pub(crate) fn with_next(self, next: impl Into<String>) -> Self {
        Self { next: next.into(), ..self }
    }

    /// The result cannot be written. A reader that has seen enough and closed its end (`| head`) is no
    /// failure and is not spoken of.
    pub(crate) fn stdout(error: &std::io::Error) -> Self {
        let failure = Self::failed("the result cannot be written to stdout", error);
        let closed = error.kind() == std::io::ErrorKind::BrokenPipe;
        if closed { Self { code: Code::Quiet, exit: 0, ..failure } } else { failure }
    }

    /// A value on the command line is wrong.
    pub(crate) fn usage(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(Code::Usage, what, USAGE).with_next(next)
    }

    /// A file cannot be read.
    pub(crate) fn file(path: &Path, cause: &dyn Error) -> Self {
        let what = format!("{} cannot be read", path.display());
        let error = Self::new(Code::File, what, USAGE).because(vec![cause.to_string()]);
        error.with_next("check the path and its permissions")
    }

    /// A file does not hold what it should.
    pub(crate) fn content(path: &Path, what: &str, cause: &dyn Error) -> Self {
        let what = format!("{} is not {what}", path.display());
        let error = Self::new(Code::Content, what, USAGE).because(vec![cause.to_string()]);
        error.with_next("correct the file")
    }

    /// A configuration has mistakes, which are told already.
    pub(crate) fn config(path: &Path, counted: &str) -> Self {
        let what = format!("{} cannot be used: {counted}", path.display());
        Self::new(Code::Config, what, USAGE)
            .with_next("correct the file; `forge config check` reads it without sending anything")
    }

    /// The accounts cannot be read or written.
    pub(crate) fn store(error: &StoreError) -> Self {
        let why = error.source().map(causes).unwrap_or_default();
        // A filter comes from the command line.
        let exit = if matches!(error, StoreError::Filter { .. }) { USAGE } else { FAILED };
        Self::new(Code::Store, error.to_string(), exit).because(why)
    }

    /// A session cannot start, go on or be read.
    pub(crate) fn session(error: &SessionError) -> Self {
        let (next, exit) = match error {
            SessionError::Plan(_) => ("configure more providers, or choose another `--mode`", USAGE),
            SessionError::Unknown(_)
            | SessionError::Foreign(_)
            | SessionError::Exists(_)
            | SessionError::Journal(JournalError::BadName { .. }) => ("see `forge sessions list`", USAGE),
            SessionError::Prompt(_) => ("correct the template", USAGE),
            SessionError::Running { .. } | SessionError::Journal(JournalError::Held { .. }) => {
                ("wait for the other run to end", FAILED)
            }
            _ => ("see `forge doctor`", FAILED),
        };
        let why = error.source().map(causes).unwrap_or_default();
        Self::new(Code::Session, error.to_string(), exit).because(why).with_next(next)
    }

    /// A conversation cannot be read or written.
    pub(crate) fn conversation(error: &ConversationError) -> Self {
        let failure = Self::failed("the conversation is not kept", error);
        failure.with_next("begin a new one, or see `forge doctor`")
    }

    /// The log is not as it was written.
    pub(crate) fn audit(fault: &AuditFault) -> Self {
        let next = "compare it with a backup: somebody wrote to the file past this program";
        Self::new(Code::Audit, fault.to_string(), FAILED).with_next(next)
    }

    pub(crate) fn provider(error: &ProviderError) -> Self {
        let exit = match error.kind {
            // A provider did answer; code 3 promises that none could.
            _ if error.phase == Phase::AfterOutput => FAILED,
            _ if error.is_of_budget() => BUDGET,
            // The request itself is at fault, and no other provider would mend it.
            ErrorKind::InvalidRequest | ErrorKind::Unsupported => USAGE,
            ErrorKind::Cancelled => FAILED,
            _ => NO_PROVIDER,
        };
        let why = error.source().map(causes).unwrap_or_default();
        let failure = Self::new(Code::Provider(error.kind), error.to_string(), exit);
        failure.because(why).with_next(error.kind.next_step())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        self.exit.into()
    }

    /// Whether nothing is said of it.
    pub(crate) fn is_quiet(&self) -> bool {
        self.code == Code::Quiet
    }

    /// The failure in short.
    pub(crate) fn summary(&self) -> Value {
        json!({ "code": self.code.as_str(), "message": self.what, "causes": self.why, "next": self.next })
    }

    /// What a program is told in place of a result.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = (*self.facts).clone();
        object.insert("error".into(), self.summary());
        object.into()
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

impl Code {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "",
            Self::Failed => "E001",
            Self::Usage => "E002",
            Self::File => "E003",
            Self::Content => "E004",
            Self::Config => "E005",
            Self::Store => "E006",
            Self::Session => "E007",
            Self::Audit => "E008",
            Self::Provider(kind) => match kind {
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
                ErrorKind::StateRejected => "E029",
                ErrorKind::Empty => "E030",
                ErrorKind::Malformed => "E031",
            },
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_quiet() {
            return Ok(());
        }
        // These texts quote vendors and files, which must not steer a terminal.
        writeln!(f, "error[{}]: {}", self.code.as_str(), clean(&self.what))?;
        for why in &self.why {
            writeln!(f, "  because: {}", clean(why))?;
        }
        if !self.next.is_empty() {
            writeln!(f, "  next: {}", self.next)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use forge::storage::budget::BudgetError;

    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn every_budget_that_refuses_is_exit_4_and_a_vendors_quota_is_not() {
        let exit = |kind, budget: Option<BudgetError>| {
            let error = ProviderError::new(kind, "test", "no room");
            let error = error.with(|facts| facts.source = budget.map(|error| Box::new(error) as _));
            CliError::provider(&error).exit
        };
        let cap = || Some(BudgetError::exceeded("provider:claude:day:2026-11-28"));
        assert_eq!(exit(ErrorKind::QuotaExhausted, cap()), BUDGET);
        assert_eq!(exit(ErrorKind::BudgetExceeded, None), BUDGET);
        assert_eq!(exit(ErrorKind::QuotaExhausted, None), NO_PROVIDER);
    }

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");

    const INTRODUCTION: &str = "# Error codes

A failure is written to stderr as `error[CODE]: what`, then why, then what to do next, and stands under `error`
in the object that `--json` prints. The codes are stable; scripts may depend on them. The command's exit code says how it ended:

| Exit code | |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | the command line, a file or the request is wrong |
| 3 | no provider could answer |
| 4 | a budget refused, or a cap ended a review before all was read |
| 5 | done with less than planned: a draft, labelled as one, in place of a synthesis; a review that too few have read |
| 6 | a fault remains that `forge review --fail-on` does not accept |
| 130 | interrupted |

## The command

| Code | What it means | What to do | Exit code |
|---|---|---|---|
| E001 | an operation failed; the causes say which | see the causes, and `forge doctor` | 1 |
| E002 | a value on the command line is wrong | the error says what is allowed there | 2 |
| E003 | a file cannot be read | check the path and its permissions | 2 |
| E004 | a file does not contain what it should | correct the file | 2 |
| E005 | the configuration cannot be used | correct it; `forge config check` reads it without sending anything | 2 |
| E006 | the accounts cannot be read or written | `forge doctor` checks them | 1; 2 for a wrong filter |
| E007 | a session cannot start, go on or be read | the error says which; `forge sessions list` | 1; 2 for a wrong name, plan or template |
| E008 | the log of what was done to keys is not as it was written | compare it with a backup; somebody wrote to the file past this program | 1 |
";

    fn index() -> String {
        let mut page = format!(
            "{INTRODUCTION}\n## Providers\n\nThe last failure of a call, after retries and fallbacks.\n\n\
             | Code | Kind | What it means | What to do | Exit code |\n|---|---|---|---|---|\n"
        );
        for kind in ErrorKind::ALL {
            let error = CliError::provider(&ProviderError::new(kind, "p", ""));
            let (code, name) = (error.code.as_str(), kind.as_str());
            let _ = writeln!(
                page,
                "| {code} | `{name}` | {} | {} | {} |",
                kind.describe(),
                error.next,
                error.exit
            );
        }
        page.push_str(
            "\nThe exit code is 1 where the failure came after a part of the answer.\n\n## Configuration\n\n\
             Told by `forge config check` with file, line and column. `E` cannot be used, `W` is a warning.\n\n\
             | Code | What it means |\n|---|---|\n",
        );
        for (code, meaning) in
            forge::config::code::ALL.iter().chain(forge::router::code::ALL).chain(forge::prompt::code::ALL)
        {
            let _ = writeln!(page, "| {code} | {meaning} |");
        }
        page
    }

    #[test]
    fn the_index_of_codes_in_the_docs_is_that_of_the_code() {
        if crate::paths::variable("FORGE_UPDATE_DOCS").is_some() {
            std::fs::write(FILE, index()).unwrap();
        }
        let file = std::fs::read_to_string(FILE).unwrap();
        assert!(file == index(), "write it anew: FORGE_UPDATE_DOCS=1 cargo test -p forge-cli");
    }

    #[test]
    fn every_code_means_one_thing() {
        let page = index();
        let codes: Vec<&str> =
            page.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()).collect();
        let codes = codes.iter().filter(|code| code.starts_with(['E', 'W']) && code.len() == 4);
        let mut seen = std::collections::BTreeSet::new();
        assert!(codes.clone().count() > 60 && codes.clone().all(|code| seen.insert(code)), "{codes:?}");
    }
}
