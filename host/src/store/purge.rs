//! Purging: when a client deletes a contact, the contact goes out of the before-images of its tenant's jobs, too.
//!
//! The transaction that deletes the contact adds it to `purged_contacts`. From then on no undo gets an image of it. Sweeps soon
//! rewrite the blobs that have one: each row of `before_images` knows up to which deletion it was rewritten.

use std::time::Duration;

/// Rows of before-images that one sweep looks at. Rewriting one takes some milliseconds.
pub(super) const MAX_ROWS_PURGED: i64 = 20;
/// How long a deletion is remembered: for longer than an undo runs that has read an image of the contact before.
pub(super) const PURGE_MEMORY: Duration = Duration::from_secs(24 * 60 * 60);
/// Deletions that one sweep forgets.
pub(super) const MAX_PURGES_FORGOTTEN: i64 = 1_000;
/// Jobs that one sweep makes not undoable any more. Each has up to some dozens of rows.
pub(super) const MAX_JOBS_EXPIRED: i64 = 50;
/// Jobs whose before-images one commit deletes to make room for its own.
pub(super) const MAX_JOBS_DROPPED: i64 = 16;
