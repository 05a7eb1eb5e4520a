//! Black-box tests: the real binary, real components, a real database, HTTP. What stands in `src/` is their ground.

mod batch;
mod bodies;
mod cancel;
mod cases;
mod commands;
mod compiled;
mod components;
mod contacts;
mod crash;
#[cfg(target_os = "linux")]
mod disk;
mod examples;
mod expiry;
mod foreign;
mod health;
mod hosts;
mod idempotency;
mod languages;
mod limits;
mod merging;
mod published;
mod refusals;
mod registration;
mod results;
mod rogue;
mod shutdown;
mod single;
mod templates;
mod tenants;
mod tokens;
mod trouble;
mod trying;
mod validators;
mod versions;
mod walkthrough;
mod watching;
