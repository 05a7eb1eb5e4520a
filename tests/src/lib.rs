//! What the tests stand on: a real server in a folder of its own, clients that talk HTTP to it, sockets for what no
//! client would send, and a look into its database.
//!
//! Nothing waits blindly: [`wait_until`] asks again until something has happened or its time is over, and
//! [`Server::wait_for_event`] is woken by the log. Everything panics with a message that says what was expected.

mod builders;
mod cases;
mod client;
mod command;
mod database;
mod exclusive;
mod files;
mod foreign;
mod log;
mod raw_socket;
mod rng;
mod server;
mod tables;
mod wait;

pub use builders::{contact, contacts, email, slow_contacts};
pub use cases::run_cases;
pub use client::{Client, Job, Reply};
pub use command::{Finished, bulkhead, run, run_with_input};
pub use database::Database;
pub use files::{binary, component, component_file, tool};
pub use foreign::ForeignHost;
pub use raw_socket::RawSocket;
pub use rng::Rng;
pub use server::{Options, Server, Tenant};
pub use tables::run_table;
pub use wait::{DEADLINE, wait_until};

pub use bulkhead_cases::Form;

use std::io::Write as _;

/// `bytes` as gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written to")
}
