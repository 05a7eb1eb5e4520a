//! Who reads a staged file now: it is in memory as it came, as text, and as items.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::TenantId;
use crate::http::problem::Problem;
use crate::http::tenant_semaphores::TenantSemaphores;

/// Files that are read at a time.
const MAX_READ: usize = 2;
/// How long a reader waits for its turn.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The turns of all readers.
pub(super) struct FileTurns {
    of_tenant: TenantSemaphores,
    all: Arc<Semaphore>,
}

/// The right to read a file, until this is dropped.
pub(super) struct FileTurn {
    _of_tenant: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl FileTurns {
    pub(super) fn new() -> Self {
        Self { of_tenant: TenantSemaphores::new(1), all: Arc::new(Semaphore::new(MAX_READ)) }
    }

    /// Waits until a tenant may read a file: one after the other, so that no tenant keeps the others from it.
    ///
    /// # Errors
    /// 503 if that takes too long.
    pub(super) async fn take(&self, tenant: TenantId) -> Result<FileTurn, Problem> {
        let taken = async {
            let _of_tenant = self.of_tenant.of(tenant).acquire_owned().await.ok()?;
            let _all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(FileTurn { _of_tenant, _all })
        };
        tokio::time::timeout(TIMEOUT, taken).await.ok().flatten().ok_or_else(Problem::too_many_requests)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::{FileTurn, FileTurns};
    use crate::domain::TenantId;

    #[tokio::test]
    async fn a_tenant_reads_one_file_at_a_time_and_all_read_two() {
        let turns = FileTurns::new();
        let now = |tenant: i64| -> Option<FileTurn> { turns.take(TenantId(tenant)).now_or_never()?.ok() };
        let (first, second) = (now(1), now(2));
        assert!(first.is_some() && second.is_some());
        assert!(now(1).is_none(), "a tenant has one");
        assert!(now(3).is_none(), "there are two in sum");
        drop(first);
        assert!(now(3).is_some());
    }
}
