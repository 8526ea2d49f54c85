//! Workers from the outside.

mod names;
