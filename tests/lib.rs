//! The tests stand in `it/`.
