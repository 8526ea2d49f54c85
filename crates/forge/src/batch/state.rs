//! How far a batch is: a fold over its journal.

use forge_core::Money;
use serde::{Deserialize, Serialize};

/// How far a batch is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchReport {
    /// Lines of the input.
    pub lines: u64,
    /// Lines with an answer or a failure.
    pub done: u64,
    /// Those of them with a failure.
    pub failed: u64,
    /// What the answers cost, as far as it is known; those of all runs, and of lines that were asked again.
    pub cost: Money,
    /// Answers whose price is unknown.
    pub unpriced: u64,
    /// Why it stands still before its end.
    pub stop: Option<BatchStop>,
}

/// Why a batch stands still before its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BatchStop {
    /// Somebody asked for it.
    Asked,
    /// A budget has no room for the next call; with what it said.
    Budget(String),
    /// A file or a journal could not be used.
    Failed,
}

/// What a batch is to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) input_sha256: String,
    /// Its path, for people.
    pub(super) input: String,
    pub(super) lines: u64,
    /// The most lines of a segment, which stays as it was when another run has another concurrency.
    pub(super) segment_lines: u64,
}

/// What happens to a batch.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    Begun(Begun),
    /// A later run goes on.
    Resumed,
    /// The lines that failed are asked again.
    Again,
    Opened(Act),
    /// The answers of a segment stand in the output.
    Written(Written),
    /// It stands still; with what the segment at work has so far.
    Stopped(BatchStop, Written),
    Finished,
}

/// One thing that a batch does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Act {
    Segment(usize),
    /// The output gets its name.
    Finish,
}

/// A segment that stands in the output.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) lines: u64,
    pub(super) failed: u64,
    pub(super) cost: Money,
    pub(super) unpriced: u64,
    /// Bytes of the output with it.
    pub(super) bytes: u64,
}

/// The state of a batch.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) begun: Option<Begun>,
    /// What people are told, with a segment that was left in the middle.
    pub(super) report: BatchReport,
    /// What stands in the output.
    pub(super) base: BatchReport,
    /// Segments that stand in the output.
    pub(super) segments: usize,
    pub(super) bytes: u64,
    /// How often it has begun, or asked failed lines again: journals of another round are others.
    pub(super) round: u32,
    /// The round in which it began: another batch under the same name has money of its own.
    pub(super) first_round: u32,
    /// Whether this round asks only what failed in the one before.
    pub(super) is_again: bool,
    pub(super) open: Option<Act>,
    is_finished: bool,
}

impl State {
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Begun(begun) => {
                let base = BatchReport { lines: begun.lines, ..BatchReport::default() };
                let (begun, round) = (Some(begun.clone()), self.round + 1);
                *self =
                    Self { begun, report: base.clone(), base, round, first_round: round, ..Self::default() };
            }
            Event::Resumed => self.report.stop = None,
            Event::Again => {
                let BatchReport { lines, cost, unpriced, .. } = self.report;
                let base = BatchReport { lines, cost, unpriced, ..BatchReport::default() };
                let (begun, round, first_round) = (self.begun.take(), self.round + 1, self.first_round);
                let report = base.clone();
                *self = Self { begun, report, base, round, first_round, is_again: true, ..Self::default() };
            }
            Event::Opened(act) => self.open = Some(*act),
            Event::Written(written) => {
                self.base = added(&self.base, written);
                self.report = self.base.clone();
                (self.segments, self.bytes, self.open) = (self.segments + 1, written.bytes, None);
            }
            Event::Stopped(why, partial) => {
                self.report = added(&self.base, partial);
                (self.report.stop, self.open) = (Some(why.clone()), None);
            }
            Event::Finished => (self.is_finished, self.open) = (true, None),
        }
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.is_finished
    }
}

/// A report with what a segment adds.
pub(super) fn added(report: &BatchReport, written: &Written) -> BatchReport {
    BatchReport {
        lines: report.lines,
        done: report.done + written.lines,
        failed: report.failed + written.failed,
        cost: report.cost + written.cost,
        unpriced: report.unpriced + written.unpriced,
        stop: None,
    }
}
