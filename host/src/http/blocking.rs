//! Work that blocks, on tokio's pool for it.

use super::problem::Problem;

/// Does work that blocks; a panic in it is answered like any other fault of the server.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Problem::panicked(&error)),
    }
}
