//! Runs blocking work on tokio's blocking pool.

use super::problem::Problem;

/// Runs `work` on the blocking pool. A panic in `work` becomes an answer with status 500.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Problem::panicked(&error)),
    }
}
