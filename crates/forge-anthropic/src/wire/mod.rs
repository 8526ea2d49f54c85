//! The vendor's own words.

pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod reply;
pub(crate) mod request;
