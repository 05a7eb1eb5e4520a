//! What the tests stand on: a real server in a folder of its own, clients that talk HTTP to it, sockets for what no
//! client would send, and a look into its database.
//!
//! Nothing waits blindly: [`wait_until`] asks again until something has happened or its time is over, and
//! [`Server::wait_for_event`] is woken by the log. Everything panics with a message that says what was expected.

mod cases;
mod client;
mod command;
mod database;
mod dice;
mod files;
mod foreign;
mod gate;
mod log;
mod made_up;
mod raw;
mod server;
mod tables;
mod wait;

pub use cases::play_cases;
pub use client::{Client, Job, Reply};
pub use command::{Finished, bulkhead, run, run_with_input};
pub use database::Database;
pub use dice::Dice;
pub use files::{binary, component, component_file, tool};
pub use foreign::Foreign;
pub use made_up::{contact, contacts, email, lasting};
pub use raw::Raw;
pub use server::{Options, Server, Tenant};
pub use tables::play_table;
pub use wait::{DEADLINE, wait_until};

pub use bulkhead_cases::Form;

use std::io::Write as _;

/// `bytes` as gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written to")
}
