//! Runs blocking work on tokio's blocking pool.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::problem::Problem;

/// How long work waits until other work of its tenant is done.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs `work` on the blocking pool. A panic in `work` becomes an answer with status 500.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Problem::panicked(&error)),
    }
}

/// Runs `work` of a tenant on the blocking pool, at most as much of it at a time as `turns` has permits. So one tenant's work
/// never stands before all of another's in the pool's queue.
///
/// # Errors
/// 503 if it is not its turn in time, and the error of `work`.
pub(super) async fn blocking_in_turn<T: Send + 'static>(
    turns: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let turn = tokio::time::timeout(TURN_TIMEOUT, Arc::clone(turns).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else { return Err(Problem::too_many_requests()) };
    blocking(move || {
        let _turn = turn;
        work()
    })
    .await
}
