//! The vendor's own words.

#[cfg(feature = "ingress")]
pub(crate) mod answer;
pub(crate) mod error;
pub(crate) mod event;
#[cfg(feature = "ingress")]
pub(crate) mod incoming;
pub(crate) mod reply;
pub(crate) mod request;
