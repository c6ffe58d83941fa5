//! Whether the checked-in code of the relay's own interfaces is what their `.proto` files say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use prost::Message as _;

const PROTO: &str = "proto";
const GENERATED: &str = "src/interface/generated";
/// What server reflection shows.
const DESCRIPTORS: &str = "descriptors.bin";
const FIRST_LINE: &str = "//! Generated from proto/; see src/interface/mod.rs. Not to be edited.\n\n";

#[test]
fn the_generated_code_is_current() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    let fresh = files(folder.path());
    assert!(!fresh.is_empty());
    if std::env::var_os("UPDATE_INTERFACES").is_some() {
        for (name, text) in &fresh {
            fs::write(Path::new(GENERATED).join(name), text).unwrap();
        }
    }
    let kept = files(Path::new(GENERATED));
    assert!(fresh == kept, "proto/ has changed: run UPDATE_INTERFACES=1 cargo test --test interfaces");
}

/// Compiles every file of `proto/` into `folder`, in the project's format.
fn generate(folder: &Path) {
    let mut protos = Vec::new();
    collect(Path::new(PROTO), &mut protos);
    let descriptors = protox::compile(&protos, [PROTO]).expect("proto/ compiles");
    let described = descriptors.encode_to_vec();
    // Without tonic's own transport, which only the tests have.
    tonic_prost_build::configure().build_transport(false).out_dir(folder).compile_fds(descriptors).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{FIRST_LINE}{text}")).unwrap();
        let formatted = Command::new("rustfmt").args(["--edition", "2024", "--config-path", "."]).arg(&path).status();
        assert!(formatted.expect("rustfmt runs").success());
    }
    fs::write(folder.join(DESCRIPTORS), described).unwrap();
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}
