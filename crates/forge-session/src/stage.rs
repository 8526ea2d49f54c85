//! Where in a session something happens: modes, stages, calls, seats.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::answer::Form;

/// The depth of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One draft.
    Direct,
    /// A draft, one critic, one revision.
    Review,
    /// Several critics, a synthesis, a check, and another cycle if something serious is still open.
    #[default]
    Council,
    /// A given document: several critics, a decision on each finding, and a check that tries to refute what blocks. Nothing
    /// is revised.
    Judge,
}

impl Mode {
    /// Whether several critics read, and somebody else checks what was decided.
    pub(crate) const fn has_check(self) -> bool {
        match self {
            Self::Council | Self::Judge => true,
            Self::Direct | Self::Review => false,
        }
    }
}

/// One stage of a cycle. The draft belongs to cycle 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The first version.
    Draft,
    /// Several critics look for faults without knowing of each other.
    Critique,
    /// The next version, with a decision on every finding.
    Synthesis,
    /// The verdict on whether the faults are gone.
    Check,
}

impl Stage {
    /// Every stage in order.
    pub const ALL: [Self; 4] = [Self::Draft, Self::Critique, Self::Synthesis, Self::Check];

    /// The form of its answers.
    pub(crate) const fn form(self) -> Form {
        match self {
            Self::Draft => Form::Document,
            Self::Critique => Form::Critique,
            Self::Synthesis => Form::Revision,
            Self::Check => Form::Check,
        }
    }

    /// The written name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Critique => "critique",
            Self::Synthesis => "synthesis",
            Self::Check => "check",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A value for each stage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerStage<T> {
    /// For the draft.
    pub draft: T,
    /// For each critique.
    pub critique: T,
    /// For the synthesis.
    pub synthesis: T,
    /// For the check.
    pub check: T,
}

impl<T: Copy> PerStage<T> {
    /// The value for `stage`.
    pub const fn of(&self, stage: Stage) -> T {
        match stage {
            Stage::Draft => self.draft,
            Stage::Critique => self.critique,
            Stage::Synthesis => self.synthesis,
            Stage::Check => self.check,
        }
    }
}

/// Identifies a call within its session, and is the same in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CallKey {
    /// The cycle, from 1; 0 for the draft.
    pub cycle: u32,
    /// The stage.
    pub stage: Stage,
    /// Which critic, from 0; 0 in other stages.
    pub seat: u32,
    /// Which call at this seat, from 0: fallbacks and repairs follow the first one.
    pub step: u32,
}

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", self.cycle, self.stage, self.seat, self.step)
    }
}

/// The purpose of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// An answer.
    Answer,
    /// A repair of the last answer.
    Repair,
}

/// A critic under a neutral name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The critic's seat.
    pub seat: u32,
    /// What the synthesizer calls it.
    pub label: String,
}
