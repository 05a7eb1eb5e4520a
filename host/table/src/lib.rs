//! Tables of contacts and the results that are expected of them. `bulkhead component test` runs tables without a server, and
//! this project's tests run them with one; both compare the results here.
//!
//! ```json
//! [
//!   {
//!     "name": "only addresses of the company",
//!     "profile": {"settings": {"domains": ["example.com"]}},
//!     "operation": "create",
//!     "stored": [{"email": "ada@example.com"}],
//!     "contacts": [{"email": "ada@example.com"}, {"email": "eve@elsewhere.com"}],
//!     "expect": [200, {"status": 400, "errors": {"email": "Only addresses of example.com"}}]
//!   }
//! ]
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail"))]

mod case;
mod judge;
mod plain;

pub use case::{Case, Expected, Operation, TableError, Texts, parse};
