//! What a batch and its segments have in common.

use std::sync::{Arc, Mutex, OnceLock, atomic::AtomicBool};

use forge_core::storage::journal::StreamName;
use forge_durable::{Controls, RunError};

use super::{
    BatchDeps, BatchOptions,
    error::BatchError,
    files::{Input, Output},
    form::BatchForm,
};

/// A line of a segment.
#[derive(Debug)]
pub(super) enum Line {
    /// It is asked.
    Ask(Vec<u8>),
    /// Its answer of an earlier round stays.
    Keep(String),
}

/// Has no further call begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop;

/// What a batch and its segments share.
pub(super) struct Shared {
    pub(super) deps: BatchDeps,
    pub(super) form: Arc<dyn BatchForm>,
    pub(super) options: BatchOptions,
    pub(super) name: String,
    pub(super) output: Output,
    /// Read once the journal has said how it is cut.
    pub(super) input: OnceLock<Input>,
    /// Where segments begin in the output of the round before, where only its failures are asked again.
    pub(super) earlier: OnceLock<Vec<u64>>,
    /// Those of the segment at work.
    pub(super) controls: Mutex<Option<Controls<Stop>>>,
    /// Whether no further call is to begin.
    pub(super) stops: AtomicBool,
    /// Why a segment could not go on.
    pub(super) failure: Mutex<Option<BatchError>>,
}

impl Shared {
    pub(super) fn input(&self) -> Result<&Input, BatchError> {
        // Set before the batch runs.
        self.input.get().ok_or_else(|| BatchError::Empty(self.output.path.clone()))
    }

    pub(super) fn stream(&self, round: u32, segment: usize) -> Result<StreamName, RunError> {
        Ok(StreamName::new(&format!("{}-{round}-{segment}", self.name))?)
    }

    /// The lines of a segment: those of the input, but for what an earlier round has an answer to.
    pub(super) fn lines(&self, segment: usize) -> Result<(u64, Vec<Line>), BatchError> {
        let (first, lines) = self.input()?.read(segment)?;
        let Some(offset) = self.earlier.get().and_then(|offsets| offsets.get(segment)) else {
            return Ok((first, lines.into_iter().map(Line::Ask).collect()));
        };
        let earlier = self.output.read(*offset, lines.len())?;
        let line = |(line, text): (Vec<u8>, String)| {
            if self.form.has_failed(&text) { Line::Ask(line) } else { Line::Keep(text) }
        };
        Ok((first, lines.into_iter().zip(earlier).map(line).collect()))
    }
}
