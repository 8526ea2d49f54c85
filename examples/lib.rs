//! The examples stand beside this file; run one with `cargo run -p forge-examples --example NAME`.
