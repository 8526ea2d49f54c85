//! Fuzzes `forge_fuzz::anthropic`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| forge_fuzz::anthropic(data));
