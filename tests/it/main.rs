//! Black-box tests: the real binary, real components, a real database, HTTP. The library in `src/` starts and watches servers.

mod admin_tenants;
mod batch;
mod bodies;
mod cases;
mod commands;
#[cfg(target_os = "linux")]
mod compile_apart;
mod compiled;
mod components;
mod contacts;
mod crash;
mod databases;
mod delete_job;
#[cfg(target_os = "linux")]
mod disk;
mod doctor;
mod documents;
mod events;
mod examples;
mod expiry;
mod fairness;
mod files;
mod foreign;
mod guest_memory;
mod gzip;
mod health;
mod idempotency;
mod lane;
mod languages;
mod limits;
mod merging;
mod published;
mod quotas;
mod refusals;
mod registration;
mod results;
mod rogue;
mod secrets;
mod several_servers;
mod shutdown;
mod single;
mod slow_bodies;
mod slow_readers;
mod templates;
mod tenants;
mod terminals;
mod tokens;
mod trouble;
mod trying;
mod upgrades;
mod validators;
mod versions;
mod walkthrough;
#[cfg(target_os = "linux")]
mod watchdog;
mod watching;
