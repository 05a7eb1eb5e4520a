//! `GET /openapi.json`: the description of the API, by OpenAPI 3.1. Nobody needs credentials for it, since it is the same for all.
//!
//! The descriptions are edited as `docs/openapi.yaml` and `docs/openapi-admin.yaml`. `scripts/openapi` writes the files that are
//! embedded here.

use std::sync::LazyLock;

use super::published::{Kept, Published};

/// The path of the description, on the listener that it describes.
pub(super) const DESCRIPTION_PATH: &str = "/openapi.json";

/// The description of the API for clients.
pub(super) static CLIENT_DESCRIPTION: LazyLock<Published> =
    LazyLock::new(|| Published::new("application/json", include_str!("openapi.json"), Kept::Minutes));

/// The description of the API for operators.
pub(super) static ADMIN_DESCRIPTION: LazyLock<Published> =
    LazyLock::new(|| Published::new("application/json", include_str!("openapi-admin.json"), Kept::Minutes));

#[cfg(test)]
mod tests;
