//! Writes a man page for each command into a folder: `make man`. It is no part of the program, which so needs no writer of pages.

#![allow(dead_code, reason = "the commands are described here and not run")]

mod cli;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name the folder for the pages")?;
    Ok(clap_mangen::generate_to(cli::command(), folder)?)
}
