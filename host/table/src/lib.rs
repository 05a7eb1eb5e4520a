//! Tables of expectations: contacts, and what shall become of each. `bulkhead component test` runs them without a server,
//! this project's own tests with one; what is expected is judged here, however the rows were come by.
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

pub use case::{Case, Expected, Operation, TableError, Texts, parse};
