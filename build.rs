//! How the program is linked: small, where the linker is known to be able to.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/rest.ld");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    let is = |name, value| env::var(name).is_ok_and(|there| there == value);
    // There Rust links by LLD, unless somebody asks for another linker.
    let lld = is("TARGET", "x86_64-unknown-linux-gnu") && is("HOST", "x86_64-unknown-linux-gnu");
    let own = env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("link"));
    if is("PROFILE", "release") && lld && !own && env::var_os("RUSTC_LINKER").is_none() {
        // Functions that are the same are kept once; addresses to be relocated take a bit each, not 24 bytes.
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all,-z,pack-relative-relocs");
        // What a relay at rest has passed lies side by side: the kernel maps 64 KiB around each function that is called.
        if let Ok(here) = env::var("CARGO_MANIFEST_DIR") {
            println!("cargo::rustc-link-arg-bins=-Wl,-T,{here}/build/rest.ld");
        }
    }
}
