//! The vendor's own words.

#[cfg(feature = "ingress")]
pub(crate) mod answer;
pub(crate) mod error;
#[cfg(feature = "ingress")]
pub(crate) mod fields;
#[cfg(feature = "ingress")]
pub(crate) mod incoming;
pub(crate) mod reply;
pub(crate) mod request;
