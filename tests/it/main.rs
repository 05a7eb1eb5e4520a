//! Black-box tests: the real binary, real components, a real database, HTTP. The harness is in `src/`.

mod admin_tenants;
mod batch;
mod bodies;
mod cancel;
mod cases;
mod commands;
mod compiled;
mod components;
mod contacts;
mod crash;
mod databases;
#[cfg(target_os = "linux")]
mod disk;
mod events;
mod examples;
mod expiry;
mod foreign;
mod health;

mod idempotency;
mod languages;
mod limits;
mod merging;
mod published;
mod refusals;
mod registration;
mod results;
mod rogue;
mod several_servers;
mod shutdown;
mod single;
mod templates;
mod tenants;
mod tokens;
mod trouble;
mod trying;
mod upgrades;
mod validators;
mod versions;
mod walkthrough;
mod watching;
