//! Embeds the default component in the binary, so that a server is one file.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

fn main() {
    println!("cargo::rerun-if-env-changed=BULKHEAD_COMPONENT");
    let component = component();
    println!("cargo::rerun-if-changed={}", component.display());
    if !component.is_file() {
        println!(
            "cargo::error=the default component is not built ({} is missing): run `make guest` first, or set BULKHEAD_COMPONENT to its path",
            component.display()
        );
        process::exit(1);
    }
    let Ok(component) = fs::canonicalize(&component) else { process::exit(1) };
    println!("cargo::rustc-env=BULKHEAD_DEFAULT_COMPONENT={}", component.display());
}

/// Returns `$BULKHEAD_COMPONENT`, or the path to which `make guest` writes the component: `components/contacts.wasm` in the
/// target directory.
fn component() -> PathBuf {
    if let Some(path) = env::var_os("BULKHEAD_COMPONENT") {
        return PathBuf::from(path);
    }
    // OUT_DIR is <target>/<profile>/build/<package>/out.
    let out = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    let target = out.ancestors().nth(4).unwrap_or(Path::new("target"));
    target.join("components/contacts.wasm")
}
