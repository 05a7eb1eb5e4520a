//! How a call gets to run: its components are compiled if they have to be, it waits for a permit, and it runs on a thread for
//! calls.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::call::Call;
use super::host_watch::{HostWatch, Phase};
use super::{Service, ServiceError};
use crate::store::Tenant;

/// How long a call waits until its tenant's components are compiled. Compiling takes up to seconds, and is done for one
/// component at a time.
const COMPILE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time that a shutdown waits for calls that were interrupted.
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(1);

impl Service {
    /// Runs `work` as a call of the tenant, on a thread for calls. A call that waits for its permit takes no thread.
    ///
    /// # Errors
    /// If too many calls run for too long, the components cannot be compiled in time, or `work` panics or stalls.
    pub async fn run_call<T: Send + 'static>(
        self: &Arc<Self>,
        tenant: Tenant,
        work: impl FnOnce(&Call<'_>) -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        self.compile_components(&tenant).await?;
        let permit = self.call_limiter().enter(tenant.id).await?;
        let service = Arc::clone(self);
        let (sender, result) = oneshot::channel();
        let (stalls, stalled) = oneshot::channel();
        let run = move || {
            let give_place = permit.giver();
            let watched = service.decider_context().watchdog.watch_call(&tenant.name, move |calls| {
                give_place(calls);
                let _is_awaited = stalls.send(()).is_ok();
            });
            let _working = watched.marks().enter(Phase::Host);
            let result = permit.run(|| work(&Call::new(&service, &tenant, Some(&permit), watched.marks().clone())));
            // Before the client can send its next call.
            drop(permit);
            drop(sender.send(result));
        };
        self.call_threads().run(run).map_err(ServiceError::NoThread)?;
        tokio::select! {
            biased;
            result = result => result.map_err(|_| ServiceError::Panicked),
            Ok(()) = stalled => Err(ServiceError::Stalled),
        }
    }

    /// Returns a call of the tenant that runs on the caller's thread, at once.
    pub fn call_here<'a>(&'a self, tenant: &'a Tenant) -> Call<'a> {
        Call::new(self, tenant, None, HostWatch::new(Duration::MAX))
    }

    /// Interrupts the components of running calls, and refuses later calls, at a shutdown. Waits for running calls to end, for
    /// at most a second.
    pub fn interrupt_calls(&self) {
        self.call_cancel().raise();
        self.decider_context().components.sandbox().raise_engine_epoch();
        self.call_threads().wait_until_idle(INTERRUPT_TIMEOUT);
    }

    /// Compiles the tenant's components if they have to be, before the call takes a permit: other calls must not wait for it.
    async fn compile_components(self: &Arc<Self>, tenant: &Tenant) -> Result<(), ServiceError> {
        let pinned = self.pinned(tenant);
        let is_ready = || self.decider_context().components.is_ready(pinned);
        if is_ready() {
            return Ok(());
        }
        let turn = tokio::time::timeout(COMPILE_TIMEOUT, self.compile_turn()).await;
        let Ok(Ok(turn)) = turn else { return Err(ServiceError::StillCompiling) };
        if is_ready() {
            return Ok(());
        }
        let service = Arc::clone(self);
        let compiled = tokio::task::spawn_blocking(move || {
            // Compiling may outlive the request.
            let _turn = turn;
            service.decider_context().components.prepare(pinned);
        });
        match tokio::time::timeout(COMPILE_TIMEOUT, compiled).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(ServiceError::Panicked),
            Err(_) => Err(ServiceError::StillCompiling),
        }
    }
}
