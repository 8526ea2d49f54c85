//! The vendor's own words.

pub(crate) mod error;
pub(crate) mod event;
#[cfg(feature = "ingress")]
pub(crate) mod incoming;
#[cfg(feature = "ingress")]
pub(crate) mod outgoing;
pub(crate) mod reply;
pub(crate) mod request;
