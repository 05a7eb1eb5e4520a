//! Connections to the database, and the small runtime that drives them. A calling thread blocks for at most
//! [`OPERATION_TIMEOUT`], even if the database or the network fails.

use std::cell::Cell;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolConfig, PoolError, RecyclingMethod,
    Runtime, Timeouts,
};
use parking_lot::Mutex;
use tokio::runtime;
use tokio::time::error::Elapsed;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::DatabaseUrl;
use super::error::{PgError, pool_error};
use super::migrations::Schema;
use super::notifications::Channel;
use super::presence::ConnectionUse;
use super::schema_gate::SchemaGate;
use super::sql::signed;
use super::{migrations, presence, shared_sessions, tls};
use crate::clock::Clock;
use crate::metrics::METRICS;
use crate::store::StoreError;

/// Threads that move bytes between the database and the threads that wait for it.
const IO_THREADS: usize = 2;
/// How long an operation waits for a free connection, or for a new one.
const POOL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one operation may take, all its statements and attempts together.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);
/// How long bringing the schema up to date may take. A large store has tens of millions of contacts, which a step may count.
const LONG_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// How often an operation is tried whose transaction lost to another, or whose connection was lost.
const MAX_ATTEMPTS: u32 = 5;
/// How long the store counts as full after the database last said that its disk is.
const DISK_FULL_PERIOD: Duration = Duration::from_secs(5);
/// The pause after a lost connection, in which the pool notices which other connections are lost.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// The settings of each connection.
///
/// - Plans depend neither on statistics nor on parameters: every statement goes by an index, in the index's order, even if the
///   table was empty when the statement was prepared. A disabled way gets a huge cost, and the database would compile a plan
///   with such a cost, so `jit` is off.
/// - An operator may ask for commits that are durable on more than the database's own disk, not on less.
/// - No transaction waits for anything outside of the database, so a transaction that is idle for long belongs to a server that
///   is cut off or asleep. It loses its locks before the transactions that wait for them give up.
const SETTINGS: &str = "
    SET statement_timeout = '10s'; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '3s';
    SET default_transaction_isolation = 'read committed'; SET standard_conforming_strings = on;
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;
    SET enable_sort = off; SET jit = off; SET max_parallel_workers_per_gather = 0;
    SET plan_cache_mode = force_generic_plan;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

pub(super) struct Connections {
    pool: Pool,
    /// `None` only during the drop.
    runtime: Option<runtime::Runtime>,
    handle: runtime::Handle,
    config: Config,
    tls: MakeRustlsConnect,
    clock: Clock,
    /// When the database last said that its disk is full.
    disk_full_at: Mutex<Option<Instant>>,
    gate: Arc<SchemaGate>,
    /// What is served, once the connections show that a server is there.
    served: Arc<OnceLock<Served>>,
}

/// What a server serves.
struct Served {
    /// The database's URL without its password.
    database: String,
    schema: &'static Schema,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").field("pool", &self.pool.status()).finish_non_exhaustive()
    }
}

impl Connections {
    /// Sets up a pool that makes connections when they are needed, up to `max` at a time.
    pub(super) fn new(url: &DatabaseUrl, max: usize, clock: Clock) -> Result<Self, StoreError> {
        let tls = tls::connector(url)?;
        let failed = |why: String| StoreError::Connection(format!("cannot set up connections: {why}"));
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(IO_THREADS)
            .thread_name("postgres")
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(url.config.clone(), tls.clone(), recycling);
        let timeouts = Timeouts { wait: Some(POOL_TIMEOUT), create: Some(POOL_TIMEOUT), recycle: Some(POOL_TIMEOUT) };
        let (gate, served) = (Arc::<SchemaGate>::default(), Arc::<OnceLock<Served>>::default());
        let (for_hook, served_by_hook) = (Arc::clone(&gate), Arc::clone(&served));
        let pool = Pool::builder(manager)
            .config(PoolConfig { max_size: max, timeouts, ..PoolConfig::default() })
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(move |client: &mut ClientWrapper, _| {
                let (gate, served) = (Arc::clone(&for_hook), Arc::clone(&served_by_hook));
                Box::pin(async move { set_up(client, served.get(), &gate).await })
            }))
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let handle = runtime.handle().clone();
        let config = url.config.clone();
        Ok(Self {
            pool,
            runtime: Some(runtime),
            handle,
            config,
            tls,
            clock,
            disk_full_at: Mutex::default(),
            gate,
            served,
        })
    }

    /// Checks that each connection has a session of the database to itself.
    pub(super) fn check_sessions(&self) -> Result<(), StoreError> {
        const CONTEXT: &str = "looking for a pooler";
        let is_shared = async {
            let one = self.pool.get().await.map_err(pool_error)?;
            let (other, connection) = self.config.connect(self.tls.clone()).await?;
            let reader = tokio::spawn(connection);
            let is_shared = shared_sessions::is_shared([&**one as &Client, &other]).await;
            reader.abort();
            is_shared
        };
        match self.wait_for(OPERATION_TIMEOUT, is_shared) {
            Ok(Ok(false)) => Ok(()),
            Ok(Ok(true)) => Err(StoreError::SharedSessions),
            Ok(Err(error)) => Err(error.into_store_error(CONTEXT)),
            Err(_) => Err(StoreError::Connection(format!("{CONTEXT}: the database does not answer"))),
        }
    }

    /// Does `work` on a connection and waits for it. Tries again if the work's transaction lost to another one, or if the
    /// connection was lost, unless a commit was on its way. So `work` does in [`Session::transact`] what must not be done twice.
    /// `context` says what the store is doing, for errors and the log.
    pub(super) fn run<T>(
        &self,
        context: &'static str,
        work: impl AsyncFn(&Session) -> Result<T, PgError>,
    ) -> Result<T, StoreError> {
        self.attempt(context, work).map_err(|error| error.into_store_error(context))
    }

    /// Does the same as [`Self::run`], and returns how the work failed.
    pub(super) fn attempt<T>(
        &self,
        context: &'static str,
        work: impl AsyncFn(&Session) -> Result<T, PgError>,
    ) -> Result<T, PgError> {
        self.gate.pass()?;
        self.attempt_within(OPERATION_TIMEOUT, context, work)
    }

    /// Does the same as [`Self::run`], also while the schema is too new for this server.
    pub(super) fn run_with_any_schema<T>(
        &self,
        context: &'static str,
        work: impl AsyncFn(&Session) -> Result<T, PgError>,
    ) -> Result<T, StoreError> {
        self.attempt_within(OPERATION_TIMEOUT, context, work).map_err(|error| error.into_store_error(context))
    }

    /// Does the same as [`Self::run`], for work that can take as long as it needs.
    pub(super) fn run_long<T>(
        &self,
        context: &'static str,
        work: impl AsyncFn(&Session) -> Result<T, PgError>,
    ) -> Result<T, StoreError> {
        self.attempt_within(LONG_TIMEOUT, context, work).map_err(|error| error.into_store_error(context))
    }

    fn attempt_within<T>(
        &self,
        timeout: Duration,
        context: &'static str,
        work: impl AsyncFn(&Session) -> Result<T, PgError>,
    ) -> Result<T, PgError> {
        let is_committing = Rc::new(Cell::new(false));
        let unsure = || is_committing.get().then_some(StoreError::Unsure(context));
        let result = self.handle.block_on(async {
            let all = async {
                let mut attempt = 1;
                loop {
                    let waiting = Instant::now();
                    let object = self.pool.get().await.map_err(|error| self.no_connection(error))?;
                    METRICS.store.waited_for_connection(waiting.elapsed());
                    let session = Session::new(object, self.clock_shift(), &is_committing);
                    session.is_busy.set(true);
                    let result = work(&session).await;
                    session.is_busy.set(false);
                    match result {
                        Err(error) if error.is_retryable() && attempt < MAX_ATTEMPTS => {
                            tracing::debug!(
                                event = "transaction_retried",
                                context,
                                attempt,
                                "transaction lost to another and is tried again"
                            );
                        }
                        Err(error)
                            if error.is_connection_lost() && !session.is_committing.get() && attempt < MAX_ATTEMPTS =>
                        {
                            tracing::debug!(
                                event = "connection_retried",
                                context,
                                attempt,
                                "connection lost, trying another"
                            );
                            tokio::time::sleep(RETRY_PAUSE).await;
                        }
                        Err(error) if error.is_connection_lost() => {
                            return Err(unsure().map_or(error, PgError::Store));
                        }
                        result => return result,
                    }
                    attempt += 1;
                }
            };
            match tokio::time::timeout(timeout, all).await {
                Ok(result) => result,
                Err(_) => {
                    let silent = || StoreError::Connection(format!("{context}: the database does not answer"));
                    Err(unsure().unwrap_or_else(silent).into())
                }
            }
        });
        if result.as_ref().is_err_and(PgError::is_disk_full) {
            *self.disk_full_at.lock() = Some(Instant::now());
        }
        result
    }

    /// Returns why the pool gave no connection.
    fn no_connection(&self, error: PoolError) -> PgError {
        match error {
            // The schema became too new, which says more.
            PoolError::PostCreateHook(_) => self.gate.pass().err().unwrap_or_else(|| pool_error(error).into()),
            error => pool_error(error).into(),
        }
    }

    /// Returns the microseconds that the store's clock is ahead of the database's: 0, except in tests.
    pub(super) fn clock_shift(&self) -> i64 {
        signed(self.clock.shift().as_micros())
    }

    /// Returns whether the database said lately that its disk is full. A small write may succeed all the same, in the place of
    /// another row.
    pub(super) fn is_disk_full(&self) -> bool {
        let last = *self.disk_full_at.lock();
        last.is_some_and(|last| last.elapsed() < DISK_FULL_PERIOD)
    }

    /// Does small work in the background, such as notifying other servers.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.handle.spawn(work));
    }

    fn wait_for<T>(&self, timeout: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
        self.handle.block_on(async { tokio::time::timeout(timeout, work).await })
    }

    /// Returns what keeps this server from using a schema that became too new for it.
    pub(super) fn gate(&self) -> &Arc<SchemaGate> {
        &self.gate
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Shows from now on that a server is there that knows `schema`: on a connection outside of the pool, which is returned, and on
    /// each connection of the pool.
    pub(super) fn show_presence(&self, database: &str, schema: &'static Schema) -> Result<Channel, StoreError> {
        const CONTEXT: &str = "connecting to listen";
        let opening = Channel::open(&self.config, self.tls.clone(), database, schema, None);
        let channel = match self.wait_for(LONG_TIMEOUT, opening) {
            Ok(opened) => opened.map_err(|error| error.into_store_error(CONTEXT))?,
            Err(_) => return Err(StoreError::Connection(format!("{CONTEXT}: the database does not answer"))),
        };
        drop(self.served.set(Served { database: database.to_owned(), schema }));
        // Those that there are do not show it.
        self.pool.retain(|_, _| false);
        Ok(channel)
    }

    /// Returns what it takes to make a connection outside of the pool.
    pub(super) fn connector(&self) -> (Config, MakeRustlsConnect) {
        (self.config.clone(), self.tls.clone())
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        // An async task may drop this, and must not block on the runtime's threads.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Sets up a connection of the pool. That of a server shows its presence before it is used, so that whoever changes the schema finds
/// each server that can write.
async fn set_up(client: &Client, served: Option<&Served>, gate: &SchemaGate) -> Result<(), HookError> {
    client.batch_execute(SETTINGS).await.map_err(HookError::Backend)?;
    let Some(Served { database, schema }) = served else { return Ok(()) };
    let shown = async {
        presence::announce(client, database, schema, ConnectionUse::Working).await?;
        migrations::check_settled(client, database, schema).await
    };
    let shown = match shown.await {
        Ok(()) => Ok(()),
        Err(PgError::Database(error)) => return Err(HookError::Backend(error)),
        Err(PgError::Store(error)) => Err(error),
    };
    gate.checked(&shown);
    shown.map_err(|error| HookError::message(error.to_string()))
}

/// A connection that one thread uses. It goes back to the pool when this is dropped, unless work on it was broken off.
pub(super) struct Session {
    object: Option<Object>,
    is_busy: Cell<bool>,
    /// Whether a commit was sent and is not answered yet.
    is_committing: Rc<Cell<bool>>,
    /// The parameter of `bulkhead_now`: microseconds that the store's clock is ahead of the database's.
    pub(super) clock_shift: i64,
}

/// How a transaction ends.
pub(super) enum TxOutcome<T> {
    /// It is to be committed.
    Commit(T),
    /// It has been committed: the work itself sent [`Session::commit`].
    AlreadyCommitted(T),
    /// It is to be rolled back.
    RollBack(T),
}

impl Session {
    fn new(object: Object, clock_shift: i64, is_committing: &Rc<Cell<bool>>) -> Self {
        is_committing.set(false);
        let is_committing = Rc::clone(is_committing);
        Self { object: Some(object), is_busy: Cell::new(false), is_committing, clock_shift }
    }

    /// Does `work` in a transaction. The work itself sends [`Self::begin`], and its first statements in the same packet, since a
    /// round trip costs more than most statements.
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

    /// Commits. Can be sent behind other statements without waiting for them: if one of them fails, PostgreSQL rolls back.
    pub(super) async fn commit(&self) -> Result<(), PgError> {
        self.is_committing.set(true);
        self.batch_execute("COMMIT").await?;
        self.is_committing.set(false);
        Ok(())
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self) -> Result<(), PgError> {
        Ok(self.batch_execute("BEGIN").await?)
    }
}

impl Deref for Session {
    type Target = ClientWrapper;

    #[allow(clippy::expect_used, reason = "only the drop takes it")]
    fn deref(&self) -> &ClientWrapper {
        self.object.as_deref().expect("a session has a connection")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The connection may be in the middle of a transaction, which the database rolls back when the connection is closed.
        if self.is_busy.get()
            && let Some(object) = self.object.take()
        {
            drop(Object::take(object));
        }
    }
}
