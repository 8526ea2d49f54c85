//! Which critics find which faults, with figures of one's own.
//!
//! - A [`corpus`] holds documents with planted faults and their clean twins.
//! - [`match_findings`] says which of them the findings of a critic hit.
//! - A [`Matrix`] says who found what, whoever measured it, and a [`PanelReport`] what panels of those participants find.
//! - [`stats`] has the formulas, over plain numbers.

pub mod corpus;
mod matching;
mod matrix;
mod panels;
pub mod stats;

pub use self::{
    matching::{Matched, match_findings},
    matrix::{Matrix, MatrixError, MatrixIssue},
    panels::{
        CoverageFigures, NamedPanel, PairFigures, PanelReport, ParticipantFigures, Recommendation, Share,
        UnseenFigures, Wish,
    },
};
