//! Fuzzes the reader of pages that are scraped.
#![no_main]
#![allow(dead_code, unreachable_pub)]

#[path = "../../tests/fuzzing/bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::pages(data));
