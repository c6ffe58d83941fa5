//! Fuzzes the reader of the records of archives.
#![no_main]
#![allow(dead_code, unreachable_pub)]

#[path = "../../tests/fuzzing/bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::records(data));
