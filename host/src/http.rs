//! The wire contract: routes, credentials, bodies in, envelopes out. Nothing here knows SQL or wasm; what is asked is
//! asked of [`crate::jobs::Service`], on tokio's blocking pool.

mod admin;
mod batch;
mod blocking;
mod body;
mod bulk;
mod clients;
mod contacts;
mod credentials;
mod form;
mod health;
mod job;
mod json;
mod listing;
mod problem;
mod reply;
mod route;
mod server;
mod share;
mod single;
mod token;

pub use health::Health;
pub use server::{Audience, HttpSettings, Server};
