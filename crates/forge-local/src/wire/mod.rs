//! The servers' own words.

pub(crate) mod listing;
pub(crate) mod native;
