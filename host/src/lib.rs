//! Bulkhead: bulk edits of contacts over REST, decided by WebAssembly components that nobody has to trust.
//!
//! `http` speaks the wire contract and knows neither SQL nor wasm. `jobs` is the service behind it: queue, workers,
//! cancelling, expiry. `operations` is what an operator does. `sandbox` runs components and checks what they answer. `store` remembers. `tenants` says who may
//! call. `domain` holds the words they share.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test may fail"
    )
)]

pub mod clock;
pub mod domain;
pub mod http;
pub mod jobs;
pub mod operations;
pub mod sandbox;
pub mod store;
pub mod tenants;
