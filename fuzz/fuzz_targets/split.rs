//! Fuzzes the reader of requests that are cut and merged.
#![no_main]
#![allow(dead_code, unreachable_pub)]

#[path = "../../tests/fuzzing/bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::split(data));
