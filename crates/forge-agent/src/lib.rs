//! Work that several models do for people who write code, on the sessions of Forge.
//!
//! In a [`review`] a change is read by several models that do not know of each other, somebody
//! else decides what they found, a third one tries to refute it, and the host keeps only what has a place in the change. A
//! [`command`] is what people type beside questions.

pub mod command;
pub mod review;
