//! The harness of the black-box tests, the crash tests and the benchmarks: a real server, clients that talk HTTP to it,
//! sockets for requests that no client would send, and a view of its database.
//!
//! One way to start a server for all of them: [`CommandLine`] builds the command, [`ServerProcess`] starts, signals and stops
//! the process, and [`Log`] follows its log by events. [`Server`] adds a folder, a clock and clients for one test.
//!
//! No test sleeps for a fixed time: [`wait_until`] asks again until something has happened or [`DEADLINE`] is over, and
//! [`Server::wait_for_event`] is woken by the log. Every failure panics with a message that says what was expected.

mod builders;
mod cases;
mod client;
mod command;
mod command_line;
mod database;
mod exchanges;
mod exclusive;
mod files;
mod foreign;
#[cfg(target_os = "linux")]
mod frozen_thread;
mod job;
mod log;
mod options;
mod process;
mod raw_socket;
mod rng;
mod server;
mod tables;
mod tenant;
mod wait;

pub use builders::{contact, contacts, email, slow_contacts};
pub use cases::run_cases;
pub use client::{Client, Reply};
pub use command::{Finished, bulkhead, run, run_with_input};
pub use command_line::CommandLine;
pub use database::Database;
pub use files::{binary, component, component_file, tool};
pub use foreign::ForeignHost;
#[cfg(target_os = "linux")]
pub use frozen_thread::FrozenThread;
pub use job::Job;
pub use log::Log;
pub use options::Options;
pub use process::{ServerProcess, is_running};
pub use raw_socket::RawSocket;
pub use rng::Rng;
pub use server::Server;
pub use tables::run_table;
pub use tenant::Tenant;
pub use wait::{DEADLINE, wait_until};

pub use bulkhead_cases::Form;

use std::io::Write as _;

/// Returns `bytes` as gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written to")
}
