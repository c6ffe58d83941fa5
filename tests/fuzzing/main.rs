//! Do readers of bytes from outside keep their laws, whatever the bytes? Each body of a fuzz target, over its corpus and
//! over mutations of it: the same ones in each run, as many as fit into two seconds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, unreachable_pub)]

mod bodies;
mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use bodies::{Body, TARGETS};
use mutate::Dice;

const TIME: Duration = Duration::from_secs(2);

const MUTATIONS: usize = 20_000;

fn check(name: &str) {
    let (_, body) = TARGETS.iter().find(|(target, _)| *target == name).expect("a target");
    let seeds = corpus(name);
    for seed in &seeds {
        run(*body, seed);
    }
    let (mut dice, begun) = (Dice::new(name), Instant::now());
    for _ in 0..MUTATIONS {
        if TIME < begun.elapsed() {
            return;
        }
        run(*body, &mutate::mutated(&seeds, &mut dice));
    }
}

fn run(body: Body, data: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(data))) {
        eprintln!("the bytes were {:?}", String::from_utf8_lossy(data));
        eprintln!("that is {data:?}");
        std::panic::resume_unwind(panic);
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(&folder).expect("a corpus").map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// One test for each target, so that they run beside each other.
macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn every_target_is_run_and_can_be_fuzzed() {
            let run = [$(stringify!($name)),*];
            let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
            let manifest = std::fs::read_to_string(here.join("Cargo.toml")).unwrap();
            for (name, _) in TARGETS {
                assert!(run.contains(&name), "{name} is not run");
                assert!(here.join(format!("fuzz_targets/{name}.rs")).is_file(), "{name} has no target");
                assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
            }
        }
    };
}

targets!(wire split json config values durations frames records journal codecs requests htpasswd peers pem pages);
