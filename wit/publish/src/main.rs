//! Writes a version of the contract as one file.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args_os().skip(1).map(PathBuf::from);
    let (folder, file) = args.next().zip(args.next()).ok_or("say which folder to read and which file to write")?;
    fs::write(file, bulkhead_wit::encode(&folder)?)?;
    Ok(())
}
