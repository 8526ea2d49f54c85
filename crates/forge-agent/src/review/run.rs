//! A review: each piece of a change is judged in a session of its own, and what comes out is placed in the change.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use forge_core::{Money, storage::journal::StreamName};
use forge_session::{
    Caps, Controls, Estimate, OutputType, Plan, Reference, Session, SessionDeps, SessionError, SessionResult,
    Stop, Topic,
};

use super::{
    change::{Change, FileChange},
    finding::{Finding, Open},
    pieces::{Piece, Unread},
    placed::{ReadFile, Reader},
    report::{Coverage, Report, Spent, Status},
    rules,
};

/// Who reads: makes the session that judges a piece.
pub trait Panel: Send + Sync {
    /// What the session runs on, its name, and its plan with these caps: mode `judge`, with `document` as its draft.
    ///
    /// # Errors
    /// Those of the session.
    fn open(
        &self,
        topic: Topic,
        document: String,
        caps: Limits,
    ) -> Result<(SessionDeps, StreamName, Plan), SessionError>;

    /// A session begins.
    fn started(&self, name: &StreamName, controls: Controls);
}

/// The most that a review may take. What is unset limits nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "filled in field by field, the rest by default")]
pub struct Limits {
    /// Money.
    pub money: Option<Money>,
    /// Tokens of every class.
    pub tokens: Option<u64>,
    /// Time.
    pub time: Option<Duration>,
    /// Calls.
    pub calls: Option<u32>,
}

/// What is reviewed, and how.
#[derive(Clone, Default)]
#[allow(clippy::exhaustive_structs, reason = "filled in field by field, the rest by default")]
pub struct Review<'a> {
    /// What it is called.
    pub target: String,
    /// The change, its secrets masked.
    pub change: Change,
    /// The pieces in which it is read, in their order.
    pub pieces: Vec<Piece>,
    /// What the change is for, in the words of whoever asks.
    pub task: String,
    /// What every piece is judged by.
    pub rules: Vec<Reference>,
    /// What goes along with each piece, in the order of the pieces.
    pub around: Vec<Vec<Reference>>,
    /// What has no text to read.
    pub unread: Vec<Unread>,
    /// Findings of scanners, placed already.
    pub scanned: Vec<Finding>,
    /// Fingerprints that are not repeated.
    pub known: BTreeSet<String>,
    /// Of a later review of a branch: the lines that were changed since the one before. Findings on others are known.
    pub fresh: Option<BTreeMap<String, BTreeSet<u32>>>,
    /// Findings of earlier reviews whose passages still stand.
    pub open: Vec<Open>,
    /// How many findings are shown; the rest is folded.
    pub most: usize,
    /// The caps.
    pub limits: Limits,
    /// The text of a file as it is afterwards, where it can be read.
    pub read: Option<ReadFile<'a>>,
}

impl fmt::Debug for Review<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Review")
            .field("target", &self.target)
            .field("pieces", &self.pieces.len())
            .finish_non_exhaustive()
    }
}

/// What one session may have of what is left.
fn left(limits: Limits, spent: Spent) -> Limits {
    let tokens = spent.input_tokens + spent.output_tokens;
    Limits {
        money: limits.money.map(|most| Money::from_nanos(most.nanos().saturating_sub(spent.cost.nanos()))),
        tokens: limits.tokens.map(|most| most.saturating_sub(tokens)),
        time: limits.time.map(|most| most.saturating_sub(Duration::from_millis(spent.duration_ms))),
        calls: limits.calls.map(|most| most.saturating_sub(spent.calls)),
    }
}

impl Limits {
    /// These caps over those of a session.
    pub fn over(self, caps: Caps) -> Caps {
        Caps {
            money: self.money.or(caps.money),
            tokens: self.tokens.or(caps.tokens),
            time: self.time.or(caps.time),
            ..caps
        }
    }
}

impl Review<'_> {
    /// What a panel will take for all pieces. Sends nothing.
    ///
    /// # Errors
    /// A plan that cannot be run, or a prompt template that is wrong.
    pub fn estimate(&self, panel: &dyn Panel) -> Result<Vec<Estimate>, SessionError> {
        let estimate = |at: usize| {
            let (deps, _, plan) = self.open(panel, at, self.limits)?;
            Session::estimate(&deps, &plan)
        };
        (0..self.pieces.len()).map(estimate).collect()
    }

    /// Runs the review to its end, or until a cap ends it.
    ///
    /// # Errors
    /// Those of a session that cannot be run at all. A failing model is part of the report.
    pub async fn run(&self, panel: &dyn Panel) -> Result<Report, SessionError> {
        let mut report = Report::new(self.target.clone(), self.coverage());
        report.not_read.clone_from(&self.unread);
        let mut found: Vec<Finding> = self.scanned.clone();
        found.extend(rules::touched(&self.change));
        let mut ended: Option<End> = None;
        let mut short = String::new();
        for (at, piece) in self.pieces.iter().enumerate() {
            let limits = left(self.limits, report.usage);
            let (deps, name, plan) = self.open(panel, at, limits)?;
            if let Some(end) = End::before(&plan, limits) {
                ended = Some(end);
                break;
            }
            report.simulated |= plan.simulated;
            note(&mut report.notices, plan.notes.iter().cloned());
            let session = Session::start(deps, name.clone(), plan).await?;
            panel.started(&name, session.controls());
            let result = session.run().await?;
            report.usage = spent(report.usage, &result);
            report.sessions.push(name.to_string());
            found.extend(self.placed(piece, &result));
            match End::after(&result) {
                Some(end) => {
                    ended = Some(end);
                    break;
                }
                None if result.is_degraded() => {
                    short = result.first_line();
                    self.leave(&mut report, at, at + 1, "too few have read it");
                }
                None => report.coverage.pieces_read += 1,
            }
        }
        if let Some(end) = ended {
            let first = report.sessions.len().saturating_sub(usize::from(end.is_within));
            self.leave(&mut report, first, self.pieces.len(), end.why);
        }
        conclude(&mut report.coverage, ended, &short);
        report.open.clone_from(&self.open);
        report.take(found, |finding| self.is_known(finding), self.most);
        Ok(report)
    }

    fn coverage(&self) -> Coverage {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let files: BTreeSet<&String> = self.pieces.iter().flat_map(|piece| &piece.files).collect();
        let has_text = !self.pieces.is_empty();
        let (status, reason) = match (has_text, self.change.files.is_empty()) {
            (true, _) => (Status::Reviewed, String::new()),
            (false, true) if self.fresh.is_some() => {
                (Status::Empty, "nothing changed since the last review of this branch".to_owned())
            }
            (false, true) => (Status::Empty, "the change is empty".to_owned()),
            // Names and modes alone, or what was taken away, are nothing to read.
            (false, false) if self.change.files.iter().all(FileChange::is_plain) => {
                (Status::Empty, "no line of it is new".to_owned())
            }
            (false, false) => (Status::NotReviewed, "nothing in this change is text".to_owned()),
        };
        Coverage {
            status,
            reason,
            files: count(files.len()),
            lines: count(self.pieces.iter().map(|piece| piece.changed_lines).sum()),
            pieces: count(self.pieces.len()),
            pieces_read: 0,
        }
    }

    fn open(
        &self,
        panel: &dyn Panel,
        at: usize,
        limits: Limits,
    ) -> Result<(SessionDeps, StreamName, Plan), SessionError> {
        let Some(piece) = self.pieces.get(at) else {
            return panel.open(Topic::default(), String::new(), limits);
        };
        let of = self.pieces.len();
        let part = if of > 1 { format!(", part {} of {of}", at + 1) } else { String::new() };
        let mut topic = Topic::new(format!("Review of {}{part}", self.target))
            .with_description(self.task.clone())
            .with_output(OutputType::Change);
        topic.references.extend(self.rules.iter().cloned());
        topic.references.extend(self.around.get(at).into_iter().flatten().cloned());
        panel.open(topic, piece.text.clone(), limits)
    }

    fn is_known(&self, finding: &Finding) -> bool {
        let is_open = || self.open.iter().any(|one| one.fingerprint == finding.fingerprint);
        let is_old = || {
            let (fresh, place) = self.fresh.as_ref().zip(finding.place.as_ref())?;
            let lines = fresh.get(&place.path)?;
            Some(!(place.shown_line..=place.shown_end()).any(|line| lines.contains(&line)))
        };
        let is_old = || self.fresh.is_some() && is_old().unwrap_or(true);
        self.known.contains(&finding.fingerprint) || is_open() || is_old()
    }

    fn placed(&self, piece: &Piece, result: &SessionResult) -> Vec<Finding> {
        let reader = Reader::new(piece, self.read);
        reader.findings(result)
    }

    /// The files of these pieces as not read.
    fn leave(&self, report: &mut Report, from: usize, to: usize, why: &str) {
        let pieces = self.pieces.get(from..to).unwrap_or_default();
        for path in pieces.iter().flat_map(|piece| &piece.files) {
            let unread = Unread { path: path.clone(), why: why.to_owned() };
            if !report.not_read.contains(&unread) {
                report.not_read.push(unread);
            }
        }
    }
}

/// Why a review ends before its last piece.
#[derive(Debug, Clone, Copy)]
struct End {
    why: &'static str,
    /// Whether it ended within a piece.
    is_within: bool,
    /// Whether a cap did it.
    is_cap: bool,
}

impl End {
    const fn cap(why: &'static str, is_within: bool) -> Self {
        Self { why, is_within, is_cap: true }
    }

    /// What stands in the way of another session.
    fn before(plan: &Plan, limits: Limits) -> Option<Self> {
        // Each critic, a decision and a check; repairs and stand-ins come on top where they are needed.
        let needed = plan.settings.critics.saturating_add(2);
        if limits.calls.is_some_and(|left| left < needed) {
            return Some(Self::cap("the cap on calls is reached", false));
        }
        if limits.time.is_some_and(|left| left.is_zero()) {
            return Some(Self::cap("the time is over", false));
        }
        let is_spent =
            limits.tokens == Some(0) || limits.money.is_some_and(|left| left == Money::from_nanos(0));
        is_spent.then_some(Self::cap("the budget is spent", false))
    }

    fn after(result: &SessionResult) -> Option<Self> {
        match (result.stop_reason, &result.held) {
            (Some(Stop::Budget), _) => Some(Self::cap("the budget is spent", true)),
            (None, Some(_)) => Some(Self::cap("the budget of others has no room", true)),
            (Some(Stop::Deadline), _) => Some(Self::cap("the time is over", true)),
            (Some(Stop::UserAborted), _) => {
                Some(Self { why: "it was interrupted", is_within: true, is_cap: false })
            }
            _ => None,
        }
    }
}

fn conclude(coverage: &mut Coverage, ended: Option<End>, short: &str) {
    if coverage.pieces == 0 || coverage.pieces == coverage.pieces_read {
        return;
    }
    coverage.reason =
        ended.map_or_else(|| short.trim_start_matches("NOT REVIEWED: ").to_owned(), |end| end.why.to_owned());
    coverage.status = match (ended, coverage.pieces_read) {
        (Some(end), _) if end.is_cap => Status::Capped,
        (_, 0) => Status::NotReviewed,
        _ => Status::Partly,
    };
}

fn spent(before: Spent, result: &SessionResult) -> Spent {
    let total = result.total;
    Spent {
        calls: before.calls + total.calls,
        input_tokens: before.input_tokens.saturating_add(total.input_tokens),
        output_tokens: before.output_tokens.saturating_add(total.output_tokens),
        cost: before.cost + total.cost,
        unknown: before.unknown + total.unknown,
        duration_ms: before.duration_ms.saturating_add(result.duration_ms),
    }
}

/// Adds what is not there yet: each session says the same of its panel.
fn note(notices: &mut Vec<String>, more: impl Iterator<Item = String>) {
    for one in more {
        if !notices.contains(&one) {
            notices.push(one);
        }
    }
}
