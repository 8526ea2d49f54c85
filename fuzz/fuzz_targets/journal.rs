//! Fuzzes `forge_fuzz::journal`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| forge_fuzz::journal(data));
