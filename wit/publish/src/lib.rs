//! Encodes a version of the contract as one file: the WIT package in its binary form, which tools accept instead of a folder
//! (`wit_bindgen::generate!`, `componentize-py -d`, `wkg publish`).
//!
//! `cargo run -p bulkhead-wit -- wit/1.0.0 wit/bulkhead-contacts-1.0.0.wasm` writes it.

use std::error::Error;
use std::path::Path;

use wit_component::DecodedWasm;
use wit_parser::{PackageId, Resolve};

/// Returns the package in a folder in its binary form.
///
/// # Errors
/// If the folder has no WIT package or an invalid one; the error names the file and the line.
pub fn encode(folder: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder).map_err(|error| format!("{}: {error:?}", folder.display()))?;
    Ok(wit_component::encode(&resolve, package)?)
}

/// Returns the package that such a file holds.
///
/// # Errors
/// If the file holds no package.
pub fn decode(bytes: &[u8]) -> Result<(Resolve, PackageId), Box<dyn Error>> {
    match wit_component::decode(bytes)? {
        DecodedWasm::WitPackage(resolve, package) => Ok((resolve, package)),
        DecodedWasm::Component(..) => Err("a component, not a WIT package".into()),
    }
}
