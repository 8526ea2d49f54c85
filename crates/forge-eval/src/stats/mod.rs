//! The statistics of detection, over plain numbers: which of several participants found which of several issues. Nothing here
//! knows of models, documents or sessions; each formula names its source.

mod agreement;
mod choice;
mod coverage;
mod detections;
mod interval;
mod precision;

pub use self::{
    agreement::{jaccard, phi},
    choice::{Choice, cheapest, indistinguishable, mcnemar},
    coverage::{CoveragePoint, MOST_EXACT, coverage_curve, every_panel},
    detections::{Detections, Pair, Panel},
    interval::{Interval, bootstrap, wilson},
    precision::{f1, precision, share_to_remove},
};

#[cfg(test)]
mod tests;
