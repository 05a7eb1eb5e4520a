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
mod http_request;
mod job;
mod log;
mod options;
mod process;
mod protobuf;
mod raw_socket;
mod rng;
mod server;
mod tables;
mod tenant;
mod terminal;
mod trace_collector;
mod visitor;
mod wait;
mod webhook_receiver;

pub use builders::{contact, contacts, email, slow_contacts};
pub use cases::run_cases;
pub use client::{Client, Reply};
pub use command::{Finished, bulkhead, run, run_with_input};
pub use command_line::CommandLine;
pub use database::Database;
pub use exchanges::make_load;
pub use files::{binary, component, component_file, deploy_tool, earlier_binary, receiver, target, tool};
pub use foreign::ForeignHost;
#[cfg(target_os = "linux")]
pub use frozen_thread::FrozenThread;
pub use http_request::HttpRequest;
pub use job::Job;
pub use log::Log;
pub use options::{ADMIN_TOKEN, Options};
pub use process::{ServerProcess, is_running};
pub use raw_socket::{RawReply, RawSocket};
pub use rng::Rng;
pub use server::Server;
pub use tables::run_table;
pub use tenant::Tenant;
pub use terminal::{CTRL_C, Terminal};
pub use trace_collector::{CollectorAnswer, TraceCollector, TraceSpan};
pub use visitor::{Page, Visitor};
pub use wait::{DEADLINE, wait_until};
pub use webhook_receiver::{WebhookMessage, WebhookReceiver, answer_without_body};

pub use bulkhead_cases::Form;

use std::io::{Read as _, Write as _};

/// Returns `bytes` as one frame of zstd.
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd_of_level(bytes, 3)
}

/// Returns `bytes` as one frame of zstd, which tells how many they are, as `zstd -LEVEL FILE` writes it.
pub fn zstd_of_level(bytes: &[u8], level: i32) -> Vec<u8> {
    zstd::bulk::compress(bytes, level).expect("memory can be written to")
}

/// Returns `bytes` as one frame of zstd with a window of 2 to the power of `window_log` bytes, which does not tell how many they
/// are, as `zstd --zstd=wlog=N` writes what it reads from a pipe.
pub fn zstd_of_window(bytes: &[u8], window_log: u32) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).expect("there is memory");
    encoder.set_parameter(zstd::zstd_safe::CParameter::WindowLog(window_log)).expect("zstd has such windows");
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written to")
}

/// Returns what zstd inflates to, or `None` if it is incomplete or none.
pub fn unzstd(bytes: &[u8]) -> Option<Vec<u8>> {
    zstd::stream::decode_all(bytes).ok()
}

/// Returns what gzip of one member inflates to, or `None` if it is incomplete or none.
pub fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut inflated = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut inflated).ok()?;
    Some(inflated)
}

/// Returns `bytes` as gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written to")
}
