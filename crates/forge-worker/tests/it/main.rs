//! Workers from the outside.

mod beads;
mod names;
mod ready;
mod score;
mod support;
