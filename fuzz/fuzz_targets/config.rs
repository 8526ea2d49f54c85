//! Fuzzes `forge_fuzz::config`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| forge_fuzz::config(data));
