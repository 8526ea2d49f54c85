//! Workers from the outside.

mod beads;
mod names;
mod support;
