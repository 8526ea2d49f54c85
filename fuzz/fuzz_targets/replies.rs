//! Fuzzes `forge_fuzz::replies`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| forge_fuzz::replies(data));
