//! How the program is linked: small, where the linker is known to be able to.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/rest.ld");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    if let Some(lld) = lld()
        && env::var("PROFILE").is_ok_and(|profile| profile == "release")
        && let Ok(here) = env::var("CARGO_MANIFEST_DIR")
    {
        // Rust's own builds take it anyway; those of distributions may have another default.
        println!("cargo::rustc-link-arg-bins=-B{}", lld.display());
        println!("cargo::rustc-link-arg-bins=-fuse-ld=lld");
        // Functions that are the same are kept once; addresses to be relocated take a bit each, not 24 bytes.
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all,-z,pack-relative-relocs");
        // What a relay at rest has passed lies side by side: the kernel maps 64 KiB around each function that is called.
        println!("cargo::rustc-link-arg-bins=-T{here}/build/rest.ld");
    }
}

/// The directory in which gcc finds Rust's LLD as `ld.lld`; nothing where another linker is wanted, or there is none.
fn lld() -> Option<PathBuf> {
    let is_gnu = |name| env::var(name).is_ok_and(|there| there == TARGET);
    let own = env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("link"));
    if !is_gnu("TARGET") || !is_gnu("HOST") || own || env::var_os("RUSTC_LINKER").is_some() {
        return None;
    }
    let sysroot = Command::new(env::var_os("RUSTC")?).args(["--print", "sysroot"]).output().ok()?.stdout;
    let sysroot = String::from_utf8(sysroot).ok()?;
    let folder = Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).join("bin/gcc-ld");
    folder.join("ld.lld").exists().then_some(folder)
}

const TARGET: &str = "x86_64-unknown-linux-gnu";
