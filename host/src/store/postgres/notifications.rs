//! Hints between hosts, by the database's NOTIFY. Each is sent by a statement of its own after what it tells of is durable,
//! because a transaction that notifies holds up all others that do when it commits. Whoever misses one finds out by asking,
//! a little later.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use deadpool_postgres::Object;
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connections::Connections;
use super::error::DisplayPgError;
use crate::clock::machine_time;
use crate::domain::{JobId, TenantId};
use crate::store::Notification;

/// What hints are called in the database.
const CHANNEL: &str = "bulkhead";
/// How long telling or asking may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks whether the connection that listens still lives; also how old the measure of the database's clock is.
const PROBE: Duration = Duration::from_secs(15);
/// Before a lost connection is made again.
const BREATH: Duration = Duration::from_secs(1);

pub(super) type Handler = Box<dyn Fn(Notification) + Send + Sync>;

/// Tells all hosts, this one included, without waiting for it.
pub(super) fn notify(connections: &Connections, news: Notification) {
    let pool = connections.pool().clone();
    connections.spawn(async move {
        let Ok(object) = pool.get().await else { return };
        let text = write(news);
        let tell = async { object.execute("SELECT pg_notify($1, $2)", &[&CHANNEL, &text]).await };
        match tokio::time::timeout(PATIENCE, tell).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::debug!(event = "notification_not_sent", error = %DisplayPgError(error), "cannot tell other servers")
            }
            Err(_) => drop(Object::take(object)),
        }
    });
}

/// Listens from now on, and connects anew for as long as the store lives.
pub(super) fn subscribe(connections: &Connections, clock_lead: Arc<AtomicI64>, heard: Handler) {
    let (config, tls) = connections.own();
    connections.spawn(async move {
        let mut is_lost = false;
        loop {
            let mut was_listening = false;
            let why = listen_once(&config, tls.clone(), &clock_lead, &heard, &mut was_listening).await;
            if was_listening || !is_lost {
                tracing::warn!(event = "notifications_lost", why, "cannot be told by other servers; asking goes on");
            }
            is_lost = true;
            tokio::time::sleep(BREATH).await;
        }
    });
}

/// Until the connection ends; returns why.
async fn listen_once(
    config: &Config,
    tls: MakeRustlsConnect,
    clock_lead: &AtomicI64,
    heard: &Handler,
    was_listening: &mut bool,
) -> String {
    let (client, mut connection) = match tokio::time::timeout(PATIENCE, config.connect(tls)).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => return DisplayPgError(error).to_string(),
        Err(_) => return String::from("the database does not answer"),
    };
    let (hear, mut hearing) = mpsc::unbounded_channel();
    let reading = tokio::spawn(async move {
        loop {
            match poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notification(notification))) => drop(hear.send(notification)),
                Some(Ok(_)) => {}
                Some(Err(error)) => return DisplayPgError(error).to_string(),
                None => return String::from("the connection was closed"),
            }
        }
    });
    let is_listening = tokio::time::timeout(PATIENCE, client.batch_execute(&format!("LISTEN {CHANNEL}"))).await;
    if matches!(is_listening, Ok(Ok(()))) {
        *was_listening = true;
        heard(Notification::Missed);
        loop {
            match tokio::time::timeout(PROBE, hearing.recv()).await {
                Ok(Some(notification)) => heard(read(notification.payload())),
                Ok(None) => break,
                Err(_) => match tokio::time::timeout(PATIENCE, measure_clock_lead(&client)).await {
                    Ok(Ok(measured)) => clock_lead.store(measured, Ordering::Relaxed),
                    _ => break,
                },
            }
        }
    }
    if !reading.is_finished() {
        reading.abort();
        return String::from("the database does not answer");
    }
    reading.await.unwrap_or_else(|error| error.to_string())
}

/// Returns how many microseconds the database's clock is ahead of this machine's.
pub(super) async fn measure_clock_lead(client: &Client) -> Result<i64, tokio_postgres::Error> {
    let asked = machine_time().0;
    let row = client.query_one("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", &[]).await?;
    let answered = machine_time().0;
    Ok(row.try_get::<_, i64>(0)? - (asked + (answered - asked) / 2))
}

fn write(news: Notification) -> String {
    match news {
        Notification::Missed => String::new(),
        Notification::JobAccepted => String::from("accepted"),
        Notification::JobDeleted { tenant, job } => format!("deleted {} {job}", tenant.0),
    }
}

fn read(text: &str) -> Notification {
    let mut words = text.split(' ');
    match (words.next(), words.next().and_then(|tenant| tenant.parse().ok()), words.next().and_then(JobId::parse)) {
        (Some("accepted"), ..) => Notification::JobAccepted,
        (Some("deleted"), Some(tenant), Some(job)) => Notification::JobDeleted { tenant: TenantId(tenant), job },
        // From another version, perhaps.
        _ => Notification::Missed,
    }
}

#[cfg(test)]
mod tests {
    use super::{read, write};
    use crate::domain::{JobId, TenantId};
    use crate::store::Notification;

    #[test]
    fn news_arrive_as_they_were_sent() {
        let deleted = Notification::JobDeleted { tenant: TenantId(7), job: JobId::random() };
        for news in [Notification::Missed, Notification::JobAccepted, deleted] {
            assert_eq!(read(&write(news)), news);
        }
        for text in ["", "deleted", "deleted 7", "deleted x y", "something new"] {
            assert_eq!(read(text), Notification::Missed, "{text}");
        }
    }
}
