//! The HTTP APIs: [`Api::client`] for tenants' clients, as Mautic's API defines it, and [`Api::admin`] for operators.
//!
//! A request passes `server`, one of the two APIs, `route`, and `body`; then a handler runs on tokio's blocking pool, or
//! on a thread for calls, and calls [`crate::jobs::Service`] or [`crate::operations::Operations`]. Errors become answers in
//! `problem`. Nothing here knows SQL or WebAssembly.

mod accept;
mod access_log;
mod admin_api;
mod answer_memory;
mod api_description;
mod api_page;
mod authority;
mod batch;
mod batch_delete;
mod blocking;
mod body;
mod body_memory;
mod bulk;
mod client_address;
mod client_api;
mod coding_turns;
mod connections;
mod contact_fields;
mod contact_file;
mod contacts;
mod content_coding;
mod cors;
mod credentials;
mod csv_cells;
mod details;
mod do_not_contact;
mod entity_list;
mod form;
mod format;
mod group;
mod guarded_stream;
mod head_scanner;
mod header_parameters;
mod health;
mod import_settings;
mod inflate;
mod job;
mod job_list;
mod job_view;
mod json;
mod lingering;
mod list_conditions;
mod list_query;
mod multipart;
mod options;
mod paced_stream;
mod path;
mod problem;
mod problem_details;
mod profile_lists;
mod query;
mod quota;
mod remarks;
mod reply;
mod request_id;
mod request_shares;
mod result_file;
mod route;
mod row_stream;
mod sender;
mod server;
mod single;
mod single_headers;
mod tenant_semaphores;
mod token;
mod transfer_pace;

pub use body::BodySettings;
pub use client_address::TrustedProxies;
pub use connections::ConnectionLimits;
pub use cors::{AllowedOrigins, Origin, OriginError};
pub use health::Health;
pub use server::{Api, HttpSettings, Server};
