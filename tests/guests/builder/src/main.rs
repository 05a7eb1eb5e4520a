//! Makes what no compiler makes, for the tests of the sandbox, and writes it into the folder that is named: components
//! with unusual modules in them, and files that are no components of ours. A file is only touched when its bytes change.

mod gallery;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).map(PathBuf::from).ok_or("say which folder to write into")?;
    fs::create_dir_all(&folder)?;
    for (name, text) in gallery::texts() {
        let bytes = wat::parse_str(&text).map_err(|error| format!("{name}: {error}"))?;
        write(&folder, &format!("{name}.wasm"), &bytes)?;
    }
    write(&folder, "text.wat", gallery::plain().as_bytes())?;
    Ok(())
}

/// Whole or not at all.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let file = folder.join(name);
    if fs::read(&file).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let partial = folder.join(format!("{name}.partial"));
    fs::write(&partial, bytes)?;
    fs::rename(partial, file)
}
