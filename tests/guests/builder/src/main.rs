//! Builds components for the tests of the sandbox that no compiler would produce, and files that Bulkhead must refuse. Writes
//! them to the folder in its argument. A file is written only if its content changes.

mod bombs;
mod components;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map(PathBuf::from).ok_or("pass the folder to write to")?;
    fs::create_dir_all(&folder)?;
    for (name, text) in components::texts() {
        let bytes = wat::parse_str(&text).map_err(|error| format!("{name}: {error}"))?;
        write(&folder, &format!("{name}.wasm"), &bytes)?;
    }
    for (name, bytes) in bombs::files(&wat::parse_str(components::plain())?) {
        write(&folder, &format!("{name}.wasm"), &bytes)?;
    }
    write(&folder, "text.wat", components::plain().as_bytes())?;
    Ok(())
}

/// Writes a file atomically, unless it has this content already.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let file = folder.join(name);
    if fs::read(&file).is_ok_and(|content| content == bytes) {
        return Ok(());
    }
    let partial = folder.join(format!("{name}.partial"));
    fs::write(&partial, bytes)?;
    fs::rename(partial, file)
}
