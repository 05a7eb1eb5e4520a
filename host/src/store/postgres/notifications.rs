//! Notifications between servers, by the database's NOTIFY. A notification is sent after the change is durable, by a separate
//! statement, because the commits of transactions that notify wait for each other. A server that misses a notification finds
//! the change by polling, a little later.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use deadpool_postgres::Object;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

use super::connections::Connections;
use super::error::{DisplayPgError, PgError};
use super::migrations::Schema;
use super::presence::ConnectionUse;
use super::schema_gate::SchemaGate;
use super::{job_hints, migrations, presence};
use crate::clock::machine_time;
use crate::domain::{JobId, TenantId};
use crate::store::{Notification, StoreError};

/// The channel of all notifications in the database but hints about jobs.
const CHANNEL: &str = "bulkhead";
/// The channel of hints about jobs. Servers of earlier versions would look for everything after a text that they do not know.
const JOBS_CHANNEL: &str = "bulkhead_jobs";
/// How long the database may take to answer one statement, or to accept a connection.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the listening connection may be silent before the server checks it, and measures the database's clock anew.
const PROBE_INTERVAL: Duration = Duration::from_secs(15);
/// How long a connection that is made again waits for the locks of whoever changes the schema: less than [`ANSWER_TIMEOUT`], as the
/// database goes on waiting for a client that gave up.
const LOCK_TIMEOUT: Duration = Duration::from_secs(4);
/// Has the database notice within seconds that a client that waits for a lock is gone, from PostgreSQL 14 on.
const NOTICE_END: &str = "
    SELECT set_config(name, '2s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'";
/// The pause before a lost connection is made again.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

pub(super) type Handler = Box<dyn Fn(Notification) + Send + Sync>;

/// Notifies all servers, this one included, in the background.
pub(super) fn notify(connections: &Connections, notification: Notification) {
    let pool = connections.pool().clone();
    connections.spawn(async move {
        let Ok(object) = pool.get().await else { return };
        let text = encode(notification);
        let notify = async { object.execute("SELECT pg_notify($1, $2)", &[&CHANNEL, &text]).await };
        match tokio::time::timeout(ANSWER_TIMEOUT, notify).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::debug!(event = "notification_not_sent", error = %DisplayPgError(error), "cannot notify other servers")
            }
            Err(_) => drop(Object::take(object)),
        }
    });
}

/// Notifies all servers before it returns: a command ends after its change, and with it what it does in the background.
pub(super) fn notify_now(connections: &Connections, notification: Notification) {
    let text = encode(notification);
    let sent = connections.run("notifying servers", async |session| {
        session.execute("SELECT pg_notify($1, $2)", &[&CHANNEL, &text]).await?;
        Ok(())
    });
    if let Err(error) = sent {
        tracing::debug!(event = "notification_not_sent", %error, "cannot notify other servers");
    }
}

/// Sends texts to all servers as hints about jobs.
pub(super) fn tell(connections: &Connections, texts: &[String]) -> Result<(), StoreError> {
    connections.run("telling servers about jobs", async |session| {
        let tell = session.prepare_cached("SELECT pg_notify($1, text) FROM unnest($2::text[]) AS hint (text)").await?;
        session.execute(&tell, &[&JOBS_CHANNEL, &texts]).await?;
        Ok(())
    })
}

/// A connection of its own, on which a server shows its presence and listens.
#[derive(Debug)]
pub(super) struct Channel {
    client: Client,
    received: mpsc::UnboundedReceiver<tokio_postgres::Notification>,
    /// Reads from the connection, and returns why it ended.
    reader: JoinHandle<String>,
}

/// Why a server has no channel.
#[derive(Debug)]
pub(super) enum NoChannel {
    /// The connection was not made, or was lost.
    Lost(String),
    /// The schema became too new for this server.
    NewerSchema(StoreError),
}

impl Channel {
    /// Connects, and shows that a server that knows `schema` uses `database`. Waits up to `lock_timeout` for whoever changes the
    /// schema, or until that is done.
    pub(super) async fn open(
        config: &Config,
        tls: MakeRustlsConnect,
        database: &str,
        schema: &Schema,
        lock_timeout: Option<Duration>,
    ) -> Result<Self, PgError> {
        let (client, mut connection) = config.connect(tls).await?;
        let (sender, received) = mpsc::unbounded_channel();
        let reader = tokio::spawn(async move {
            loop {
                match poll_fn(|context| connection.poll_message(context)).await {
                    Some(Ok(AsyncMessage::Notification(notification))) => drop(sender.send(notification)),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return DisplayPgError(error).to_string(),
                    None => return String::from("the connection was closed"),
                }
            }
        });
        let channel = Self { client, received, reader };
        // Some systems cannot do that.
        drop(channel.client.batch_execute(NOTICE_END).await);
        if let Some(timeout) = lock_timeout {
            channel.client.batch_execute(&format!("SET lock_timeout = {}", timeout.as_millis())).await?;
        }
        presence::announce(&channel.client, database, schema, ConnectionUse::Listening).await?;
        // Whoever looked before that may have changed the schema meanwhile.
        migrations::check_settled(&channel.client, database, schema).await?;
        Ok(channel)
    }

    /// Listens until the connection ends, and returns why it ended.
    async fn listen(
        &mut self,
        clock_lead: &AtomicI64,
        server: Uuid,
        handler: &Handler,
        was_listening: &mut bool,
    ) -> String {
        let listen = format!("LISTEN {CHANNEL}; LISTEN {JOBS_CHANNEL}");
        let is_listening = tokio::time::timeout(ANSWER_TIMEOUT, self.client.batch_execute(&listen)).await;
        if matches!(is_listening, Ok(Ok(()))) {
            *was_listening = true;
            handler(Notification::Missed);
            loop {
                match tokio::time::timeout(PROBE_INTERVAL, self.received.recv()).await {
                    Ok(Some(notification)) if notification.channel() == JOBS_CHANNEL => {
                        let hints = job_hints::decode(server, notification.payload());
                        hints.for_each(|hint| handler(Notification::Job(hint)));
                    }
                    Ok(Some(notification)) => handler(decode(notification.payload())),
                    Ok(None) => break,
                    Err(_) => match tokio::time::timeout(ANSWER_TIMEOUT, measure_clock_lead(&self.client)).await {
                        Ok(Ok(measured)) => clock_lead.store(measured, Ordering::Relaxed),
                        _ => break,
                    },
                }
            }
        }
        if !self.reader.is_finished() {
            return String::from("the database does not answer");
        }
        (&mut self.reader).await.unwrap_or_else(|error| error.to_string())
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// What a server needs to listen.
pub(super) struct Listening {
    /// The database's URL without its password.
    pub(super) database: String,
    pub(super) schema: &'static Schema,
    /// Where the lead of the database's clock is kept.
    pub(super) clock_lead: Arc<AtomicI64>,
    pub(super) server: Uuid,
    pub(super) handler: Handler,
    /// Keeps this server from using a schema that became too new for it.
    pub(super) gate: Arc<SchemaGate>,
}

/// Calls the handler with each notification from now on, except the hints of this server itself. Begins with a channel that is
/// open, if there is one, and reconnects until the store is dropped.
pub(super) fn subscribe(connections: &Connections, first: Option<Channel>, listening: Listening) {
    let (config, tls) = connections.connector();
    connections.spawn(async move {
        let Listening { database, schema, clock_lead, server, handler, gate } = listening;
        let (mut next, mut is_lost) = (first, false);
        loop {
            let mut was_listening = false;
            let channel = match next.take() {
                Some(channel) => Ok(channel),
                None => {
                    let channel = reconnect(&config, tls.clone(), &database, schema).await;
                    if channel.is_ok() {
                        gate.checked(&Ok(()));
                    }
                    channel
                }
            };
            let why = match channel {
                Ok(mut channel) => channel.listen(&clock_lead, server, &handler, &mut was_listening).await,
                Err(NoChannel::Lost(why)) => why,
                Err(NoChannel::NewerSchema(error)) => {
                    let why = error.to_string();
                    gate.checked::<()>(&Err(error));
                    why
                }
            };
            if was_listening || !is_lost {
                tracing::warn!(
                    event = "notifications_lost",
                    why,
                    "notifications from other servers are lost, polling instead"
                );
            }
            is_lost = true;
            tokio::time::sleep(RECONNECT_PAUSE).await;
        }
    });
}

async fn reconnect(
    config: &Config,
    tls: MakeRustlsConnect,
    database: &str,
    schema: &Schema,
) -> Result<Channel, NoChannel> {
    match tokio::time::timeout(ANSWER_TIMEOUT, Channel::open(config, tls, database, schema, Some(LOCK_TIMEOUT))).await {
        Ok(Ok(channel)) => Ok(channel),
        Ok(Err(PgError::Database(error))) => Err(NoChannel::Lost(DisplayPgError(error).to_string())),
        Ok(Err(PgError::Store(error @ StoreError::NewerSchema { .. }))) => Err(NoChannel::NewerSchema(error)),
        Ok(Err(PgError::Store(error))) => Err(NoChannel::Lost(error.to_string())),
        Err(_) => Err(NoChannel::Lost(String::from("the database does not answer"))),
    }
}

/// Returns how many microseconds the database's clock is ahead of this machine's.
pub(super) async fn measure_clock_lead(client: &Client) -> Result<i64, tokio_postgres::Error> {
    let asked = machine_time().0;
    let row = client.query_one("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", &[]).await?;
    let answered = machine_time().0;
    Ok(row.try_get::<_, i64>(0)? - (asked + (answered - asked) / 2))
}

/// Returns the text of a notification that is no hint about a job.
fn encode(notification: Notification) -> String {
    match notification {
        Notification::Missed | Notification::Job(_) => String::new(),
        Notification::JobAccepted => String::from("accepted"),
        Notification::ComponentsChanged => String::from("components"),
        Notification::JobDeleted { tenant, job } => format!("deleted {} {job}", tenant.0),
    }
}

fn decode(text: &str) -> Notification {
    let mut words = text.split(' ');
    match (words.next(), words.next().and_then(|tenant| tenant.parse().ok()), words.next().and_then(JobId::parse)) {
        (Some("accepted"), ..) => Notification::JobAccepted,
        (Some("components"), ..) => Notification::ComponentsChanged,
        (Some("deleted"), Some(tenant), Some(job)) => Notification::JobDeleted { tenant: TenantId(tenant), job },
        // Perhaps from a server of another version.
        _ => Notification::Missed,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use crate::domain::{JobId, TenantId};
    use crate::store::Notification;

    #[test]
    fn notifications_are_decoded_as_they_were_sent() {
        let deleted = Notification::JobDeleted { tenant: TenantId(7), job: JobId::random() };
        for notification in [Notification::Missed, Notification::JobAccepted, Notification::ComponentsChanged, deleted]
        {
            assert_eq!(decode(&encode(notification)), notification);
        }
        for text in ["", "deleted", "deleted 7", "deleted x y", "something new"] {
            assert_eq!(decode(text), Notification::Missed, "{text}");
        }
    }
}
