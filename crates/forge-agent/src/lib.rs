//! Work that several models do for people who write code, on the sessions of Forge.
//!
//! There is one piece of it today, [`review`]: a change is read by several models that do not know of each other, somebody
//! else decides what they found, a third one tries to refute it, and the host keeps only what has a place in the change.

mod glob;
pub mod hook;
pub mod permission;
pub mod process;
pub mod review;
