//! Fuzzes `forge_fuzz::edits`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| forge_fuzz::edits(data));
