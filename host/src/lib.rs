//! Bulkhead: bulk edits of contacts over REST, decided by WebAssembly components that need not be trusted.
//!
//! [`authorities`] says which servers this program trusts when it calls them.
//! [`http`] serves the APIs for clients and operators; it knows neither SQL nor WebAssembly. [`jobs`] is the service behind
//! them: queue, workers, calls, maintenance. [`metrics`] has what all of them count and measure. [`operations`] is what operators
//! do, and [`operator_json`] reads what they write. [`plain_words`] says what the system's errors mean, and [`harmless_text`] which
//! characters nobody should see as they are. [`near_names`] finds the name that was meant by one with a slip. [`sandbox`] runs components and checks their replies. [`store`] keeps all data.
//! [`tenants`] defines names, credentials, profiles and limits. [`traces`] sends spans to a collector. [`webhooks`] sends messages
//! to tenants' own servers. [`domain`] defines the types that all of them share.

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

pub mod authorities;
pub mod clock;
pub mod domain;
pub mod export;
pub mod harmless_text;
pub mod http;
pub mod import;
pub mod jobs;
pub mod metrics;
pub mod near_names;
pub mod operations;
pub mod operator_json;
pub mod plain_words;
pub mod private_files;
pub mod sandbox;
pub mod store;
pub mod tenants;
pub mod traces;
pub mod webhooks;
