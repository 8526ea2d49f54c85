//! Which critics find which faults, with figures of one's own.
//!
//! - A [`corpus`] holds documents with planted faults and their clean twins.
//! - An [`Evaluation`] has every [`Critic`] read all of them, and a [`CriticsReport`] says what came of it.
//! - [`match_findings`] says which of them the findings of a critic hit.
//! - A [`Matrix`] says who found what, whoever measured it, and a [`PanelReport`] what panels of those participants find.
//! - [`stats`] has the formulas, over plain numbers.

pub mod corpus;
mod critic;
mod evaluation;
mod matching;
mod matrix;
mod panels;
mod report;
pub mod stats;

pub use self::{
    critic::{Assignment, Critic, Expected, Outcome, Reading, SessionCritic, SimulatedCritic},
    evaluation::{Evaluation, EvaluationEstimate, Measurement, Progress},
    matching::{Matched, match_findings},
    matrix::{Matrix, MatrixError, MatrixIssue},
    panels::{
        CoverageFigures, NamedPanel, PairFigures, PanelReport, ParticipantFigures, RatedPanel,
        Recommendation, Share, UnseenFigures, Wish,
    },
    report::{CriticFigures, CriticState, CriticsReport, PLANTED},
};
