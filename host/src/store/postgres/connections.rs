//! Connections to the database and a small runtime that drives them. Whoever asks blocks, for a bounded time: a thread waits
//! at most [`TIME`] for an answer, whatever becomes of the database or of the network before it.

use std::cell::Cell;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolConfig, RecyclingMethod, Runtime,
    Timeouts,
};
use tokio::runtime;
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::DatabaseUrl;
use super::error::{PgError, pool_error};
use super::sql::signed;
use super::tls;
use crate::clock::Clock;
use crate::store::StoreError;

/// Threads that move bytes between the database and those that wait for it.
const THREADS: usize = 2;
/// How long to wait for a connection.
const POOL: Duration = Duration::from_secs(5);
/// How long one piece of work may take, all its statements together.
const TIME: Duration = Duration::from_secs(20);
/// How often a piece of work is begun that has to give way to another one, or whose connection is gone.
const ATTEMPTS: u32 = 5;
/// How long the database counts as full after it said so.
const FULL: Duration = Duration::from_secs(5);
/// Before the next attempt after a connection was lost: time to notice which others are.
const BREATH: Duration = Duration::from_millis(20);

/// What each connection is set to. Plans shall not depend on statistics or on what is asked for: every statement goes by an
/// index, in its order, also where a table was empty when the statement was prepared. (To price what is unwanted makes plans
/// look dear, which is when the database would compile them; hence no `jit`.) An operator may ask for more than a commit that
/// is durable on the database's own disk, not for less. No transaction waits for anything here, so one that is idle for long
/// is that of a server which is cut off, or asleep: it loses its locks before those who wait for them give up.
const SETTINGS: &str = "
    SET statement_timeout = '10s'; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '3s';
    SET default_transaction_isolation = 'read committed'; SET standard_conforming_strings = on;
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;
    SET enable_sort = off; SET jit = off; SET max_parallel_workers_per_gather = 0;
    SET plan_cache_mode = force_generic_plan;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

pub(super) struct Connections {
    pool: Pool,
    /// Gone only while this is dropped.
    runtime: Option<runtime::Runtime>,
    handle: runtime::Handle,
    config: Config,
    tls: MakeRustlsConnect,
    clock: Clock,
    /// When the database last said that it has no room.
    full: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").field("pool", &self.pool.status()).finish_non_exhaustive()
    }
}

impl Connections {
    /// Connections are made when they are needed, up to `most` at a time.
    pub(super) fn new(url: &DatabaseUrl, most: usize, clock: Clock) -> Result<Self, StoreError> {
        let tls = tls::connector(url)?;
        let failed = |why: String| StoreError::Connection(format!("cannot set up connections: {why}"));
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("postgres")
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(url.config.clone(), tls.clone(), recycling);
        let timeouts = Timeouts { wait: Some(POOL), create: Some(POOL), recycle: Some(POOL) };
        let pool = Pool::builder(manager)
            .config(PoolConfig { max_size: most, timeouts, ..PoolConfig::default() })
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(|client: &mut ClientWrapper, _| {
                Box::pin(async move { client.batch_execute(SETTINGS).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let handle = runtime.handle().clone();
        let config = url.config.clone();
        Ok(Self { pool, runtime: Some(runtime), handle, config, tls, clock, full: Mutex::default() })
    }

    /// Does `work` on a connection and waits for it. It is begun anew if it had to give way to somebody else's, or if its
    /// connection turns out to be gone, unless a commit was on its way. So whatever must not be done twice is done in
    /// [`Session::transact`].
    pub(super) fn run<T>(
        &self,
        doing: &'static str,
        work: impl AsyncFn(&Session) -> Result<T, PgError>,
    ) -> Result<T, StoreError> {
        self.attempt(doing, work).map_err(|error| error.into_store_error(doing))
    }

    /// The same, for those who want to know how it failed.
    pub(super) fn attempt<T>(
        &self,
        doing: &'static str,
        work: impl AsyncFn(&Session) -> Result<T, PgError>,
    ) -> Result<T, PgError> {
        let is_committing = Rc::new(Cell::new(false));
        let unsure = || is_committing.get().then_some(StoreError::Unsure(doing));
        let result = self.handle.block_on(async {
            let all = async {
                let mut attempt = 1;
                loop {
                    let object = self.pool.get().await.map_err(pool_error)?;
                    let session = Session::new(object, self.clock_shift(), &is_committing);
                    session.is_busy.set(true);
                    let result = work(&session).await;
                    session.is_busy.set(false);
                    match result {
                        Err(error) if error.is_retryable() && attempt < ATTEMPTS => {
                            tracing::debug!(
                                event = "transaction_retried",
                                doing,
                                attempt,
                                "gave way to another transaction"
                            );
                        }
                        Err(error)
                            if error.is_connection_lost() && !session.is_committing.get() && attempt < ATTEMPTS =>
                        {
                            tracing::debug!(event = "connection_retried", doing, attempt, "the connection was gone");
                            tokio::time::sleep(BREATH).await;
                        }
                        Err(error) if error.is_connection_lost() => {
                            return Err(unsure().map_or(error, PgError::Store));
                        }
                        result => return result,
                    }
                    attempt += 1;
                }
            };
            match tokio::time::timeout(TIME, all).await {
                Ok(result) => result,
                Err(_) => {
                    let silent = || StoreError::Connection(format!("{doing}: the database does not answer"));
                    Err(unsure().unwrap_or_else(silent).into())
                }
            }
        });
        if result.as_ref().is_err_and(PgError::is_disk_full) {
            *self.full.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        result
    }

    /// Microseconds that the store's clock is ahead of the database's: 0, but in tests.
    pub(super) fn clock_shift(&self) -> i64 {
        signed(self.clock.shift().as_micros())
    }

    /// Whether the database said lately that it has no room. A small write may succeed all the same, in the place of another.
    pub(super) fn is_disk_full(&self) -> bool {
        let full = *self.full.lock().unwrap_or_else(PoisonError::into_inner);
        full.is_some_and(|said| said.elapsed() < FULL)
    }

    /// Does something small that nobody waits for, such as telling others.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.handle.spawn(work));
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// A connection of its own, for one that listens.
    pub(super) fn own(&self) -> (Config, MakeRustlsConnect) {
        (self.config.clone(), self.tls.clone())
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        // Waiting for its threads would be forbidden where this may be dropped.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A connection that one thread has. It goes back to the others when this is dropped, unless work was broken off on it.
pub(super) struct Session {
    object: Option<Object>,
    is_busy: Cell<bool>,
    /// Whether a commit was sent and not answered.
    is_committing: Rc<Cell<bool>>,
    /// The parameter of `bulkhead_now`: microseconds that the store's clock is ahead of the database's.
    pub(super) clock_shift: i64,
}

/// What becomes of a transaction.
pub(super) enum TxOutcome<T> {
    /// It takes effect.
    Commit(T),
    /// It has taken effect: the work itself sent [`Session::commit`].
    AlreadyCommitted(T),
    /// It was not to be.
    RollBack(T),
}

impl Session {
    fn new(object: Object, clock_shift: i64, is_committing: &Rc<Cell<bool>>) -> Self {
        is_committing.set(false);
        let is_committing = Rc::clone(is_committing);
        Self { object: Some(object), is_busy: Cell::new(false), is_committing, clock_shift }
    }

    /// Does `work` in a transaction. The work itself sends [`Self::begin`], with its first statements behind it in the same
    /// packet: a round trip costs more than most statements.
    pub(super) async fn transact<T>(
        &self,
        work: impl AsyncFnOnce() -> Result<TxOutcome<T>, PgError>,
    ) -> Result<T, PgError> {
        match work().await {
            Ok(TxOutcome::Commit(value)) => {
                self.commit().await?;
                Ok(value)
            }
            Ok(TxOutcome::AlreadyCommitted(value)) => Ok(value),
            Ok(TxOutcome::RollBack(value)) => {
                self.batch_execute("ROLLBACK").await?;
                Ok(value)
            }
            Err(error) => {
                drop(self.batch_execute("ROLLBACK").await);
                Err(error)
            }
        }
    }

    /// Commits. Can be sent behind other statements without waiting for them: if one fails, this rolls back.
    pub(super) async fn commit(&self) -> Result<(), PgError> {
        self.is_committing.set(true);
        self.batch_execute("COMMIT").await?;
        self.is_committing.set(false);
        Ok(())
    }

    pub(super) async fn begin(&self) -> Result<(), PgError> {
        Ok(self.batch_execute("BEGIN").await?)
    }
}

impl Deref for Session {
    type Target = ClientWrapper;

    #[allow(clippy::expect_used, reason = "it is taken only when this is dropped")]
    fn deref(&self) -> &ClientWrapper {
        self.object.as_deref().expect("a session has a connection")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // In the middle of something, nobody knows of what: closing it is what the database understands.
        if self.is_busy.get()
            && let Some(object) = self.object.take()
        {
            drop(Object::take(object));
        }
    }
}
