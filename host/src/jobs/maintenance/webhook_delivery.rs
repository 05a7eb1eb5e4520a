//! Sends the messages that are due to endpoints, each under a lease, so that one server at a time sends it.
//!
//! Messages are sent on a small runtime of their own: an endpoint that does not answer takes a task for some seconds, and nothing
//! that jobs and requests need.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::runtime::{self, Runtime};

use crate::jobs::maintenance::task::Task;
use crate::jobs::wakeup::Wakeup;
use crate::jobs::worker::WorkerContext;
use crate::metrics::{DeliveryOutcome, METRICS};
use crate::store::{DueMessage, MessageOutcome, WebhookOwner};
use crate::webhooks::{Attempt, AttemptError, EndpointUrl, Message, MessageSender, Next, SigningSecret, next_attempt};

/// Time between two looks for messages while none is due, and while as many are being sent as may be. An attempt that ends ends
/// it, since it makes the next message of its endpoint due.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// The pause after the store failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(2);
/// How long a message belongs to the server that sends it: longer than an attempt can take.
const LEASE: Duration = Duration::from_secs(30);
/// Messages that are sent at a time.
const MAX_SENDING: usize = 64;
/// How many of them are one owner's.
const MAX_SENDING_PER_OWNER: usize = 4;
/// Look-ups of names that go on at a time, each on a thread of its own. One whose name server does not answer goes on for many
/// seconds, also when its attempt is over.
const MAX_LOOK_UPS: usize = 256;
/// How many of them are one owner's.
const MAX_LOOK_UPS_PER_OWNER: usize = 4;
/// Threads that look up names and store outcomes: enough for all, so that none waits for a thread.
const MAX_BLOCKING_THREADS: usize = MAX_LOOK_UPS + MAX_SENDING;
const THREAD_STACK_BYTES: usize = 512 << 10;
/// Failures in a row after which an endpoint gets one message a minute.
const FAILURES_BEFORE_PROBING: u32 = 5;
/// The pause before the next message to an endpoint that fails, or that has too much to do.
const PROBE_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause that an endpoint can ask for.
const MAX_HOLD: Duration = Duration::from_secs(24 * 60 * 60);
/// Time without a message that was taken after which a failing endpoint is disabled.
const MAX_FAILING_TIME: Duration = Duration::from_secs(5 * 24 * 60 * 60);
/// Characters of an answer, or of a reason, that are kept.
const MAX_NOTE_CHARACTERS: usize = 200;

/// Starts the task.
pub(super) fn start(context: &Arc<WorkerContext>, sender: MessageSender) -> io::Result<Task> {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .thread_stack_size(THREAD_STACK_BYTES)
        .thread_name("webhooks")
        .enable_all()
        .build()?;
    let attempt_ended = Arc::new(Wakeup::default());
    let sending = Arc::new(Sending { counts: Mutex::default(), attempt_ended: Arc::clone(&attempt_ended) });
    let deliverer = Deliverer { context: Arc::clone(context), sender, sending, runtime };
    Task::start_with_wakeup("webhook-delivery", attempt_ended, move || deliverer.step())
}

struct Deliverer {
    context: Arc<WorkerContext>,
    sender: MessageSender,
    sending: Arc<Sending>,
    runtime: Runtime,
}

/// What goes on for each owner.
#[derive(Debug)]
struct Sending {
    counts: Mutex<HashMap<WebhookOwner, Counts>>,
    attempt_ended: Arc<Wakeup>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    messages: usize,
    look_ups: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// A message is being sent, until what came of the attempt is stored.
    Message,
    /// The name of its host is being looked up.
    LookUp,
}

/// Some work for an owner, which ends when this is dropped.
struct Place {
    owner: WebhookOwner,
    work: Work,
    sending: Arc<Sending>,
}

impl Deliverer {
    /// Begins to send all messages that are due and for which there is room. Returns the pause until the next look.
    fn step(&self) -> Duration {
        loop {
            let Some(passing_over) = self.sending.passing_over() else { return POLL_INTERVAL };
            match self.context.store().take_message(LEASE, &passing_over) {
                Ok(Some(message)) => self.send(message),
                Ok(None) => return POLL_INTERVAL,
                Err(error) => {
                    self.context.store_outage.failed("look for webhook messages", &error);
                    return FAILURE_PAUSE;
                }
            }
        }
    }

    fn send(&self, due: DueMessage) {
        let (context, sender) = (Arc::clone(&self.context), self.sender.clone());
        let [place, look_up] = [Work::Message, Work::LookUp].map(|work| Place::take(&self.sending, due.owner, work));
        self.runtime.spawn(async move {
            let outcome = match message(&due) {
                Some(message) => {
                    judge(&due, sender.send(&message, due.now.0 / 1_000_000, Box::new(look_up)).await, rand::random())
                }
                None => MessageOutcome {
                    status: None,
                    note: String::from("The stored URL or secret cannot be read."),
                    is_delivered: false,
                    again_after: None,
                    hold: Duration::ZERO,
                    disable: None,
                },
            };
            count(&outcome);
            log(&due, &outcome);
            let stored = tokio::task::spawn_blocking(move || {
                let _place = place;
                context.store().finish_message(&due, &outcome).map_err(|error| (context, error))
            });
            // The lease ends by itself, and the message is sent again.
            if let Ok(Err((context, error))) = stored.await {
                context.store_outage.failed("store what came of a webhook message", &error);
            }
        });
    }
}

impl Sending {
    /// Returns the owners for which as much goes on as may; `None` if it does for all together.
    fn passing_over(&self) -> Option<Vec<WebhookOwner>> {
        let counts = self.counts.lock();
        let is_full = |(_, counts): &(&WebhookOwner, &Counts)| {
            counts.messages >= MAX_SENDING_PER_OWNER || counts.look_ups >= MAX_LOOK_UPS_PER_OWNER
        };
        let sum = |of: fn(&Counts) -> usize| counts.values().map(of).sum::<usize>();
        let has_room = sum(|counts| counts.messages) < MAX_SENDING && sum(|counts| counts.look_ups) < MAX_LOOK_UPS;
        has_room.then(|| counts.iter().filter(is_full).map(|(owner, _)| *owner).collect())
    }
}

impl Counts {
    fn of(&mut self, work: Work) -> &mut usize {
        match work {
            Work::Message => &mut self.messages,
            Work::LookUp => &mut self.look_ups,
        }
    }
}

impl Place {
    fn take(sending: &Arc<Sending>, owner: WebhookOwner, work: Work) -> Self {
        *sending.counts.lock().entry(owner).or_default().of(work) += 1;
        METRICS.webhooks.sending.inc_by(i64::from(work == Work::Message));
        Self { owner, work, sending: Arc::clone(sending) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.sending.counts.lock();
        if let Some(of_owner) = counts.get_mut(&self.owner) {
            let count = of_owner.of(self.work);
            *count = count.saturating_sub(1);
            if *of_owner == Counts::default() {
                counts.remove(&self.owner);
            }
        }
        drop(counts);
        METRICS.webhooks.sending.dec_by(i64::from(self.work == Work::Message));
        self.sending.attempt_ended.notify();
    }
}

/// What a message tells, with the members in the order of the wire.
#[derive(serde::Serialize)]
struct Body<'a> {
    r#type: &'a str,
    timestamp: String,
    data: &'a RawValue,
}

fn message(due: &DueMessage) -> Option<Message> {
    let data: &RawValue = serde_json::from_str(&due.data).ok()?;
    let body = Body { r#type: &due.event, timestamp: due.occurred_at.to_wire(), data };
    Some(Message {
        url: EndpointUrl::parse(&due.url).ok()?,
        id: format!("msg_{}", due.id.simple()),
        body: serde_json::to_string(&body).ok()?,
        secrets: due.secrets.iter().map(|secret| SigningSecret::parse(secret).ok()).collect::<Option<_>>()?,
    })
}

/// Returns what follows an attempt. `jitter` is from 0 to 1.
fn judge(due: &DueMessage, attempt: Result<Attempt, AttemptError>, jitter: f64) -> MessageOutcome {
    let (status, retry_after, note) = match attempt {
        Ok(Attempt { status, retry_after, shown }) => (Some(status), retry_after, shown),
        Err(error) => (None, None, error.to_string()),
    };
    let note = note.chars().take(MAX_NOTE_CHARACTERS).collect();
    let is_delivered = status.is_some_and(|status| (200..300).contains(&status));
    if is_delivered {
        return MessageOutcome { status, note, is_delivered, again_after: None, hold: Duration::ZERO, disable: None };
    }
    let again_after = match next_attempt(due.attempts.saturating_add(1), retry_after, jitter) {
        Next::After(pause) => Some(pause),
        Next::Never => None,
    };
    let has_too_much = matches!(status, Some(429 | 502 | 504)) || retry_after.is_some();
    let is_failing = due.failures.saturating_add(1) >= FAILURES_BEFORE_PROBING;
    let hold = match (has_too_much, is_failing) {
        (true, _) => retry_after.unwrap_or(PROBE_PAUSE).min(MAX_HOLD),
        (false, true) => PROBE_PAUSE,
        (false, false) => Duration::ZERO,
    };
    let has_failed_for_long = due.failing_since.is_some_and(|since| since.after(MAX_FAILING_TIME) <= due.now);
    let disable = match status {
        Some(410) => Some("It answered 410, which means that it wants no messages any more."),
        _ if has_failed_for_long => Some("It took no message for five days."),
        _ => None,
    };
    MessageOutcome { status, note, is_delivered, again_after, hold, disable: disable.map(str::to_owned) }
}

fn count(outcome: &MessageOutcome) {
    METRICS.webhooks.attempted(match (outcome.is_delivered, outcome.status) {
        (true, _) => DeliveryOutcome::Delivered,
        (false, Some(_)) => DeliveryOutcome::Refused,
        (false, None) => DeliveryOutcome::Failed,
    });
    if outcome.disable.is_some() {
        METRICS.webhooks.disabled.inc();
    }
}

fn log(due: &DueMessage, outcome: &MessageOutcome) {
    let (tenant, webhook, status) = (due.tenant_name.as_deref(), due.webhook, outcome.status);
    if !outcome.is_delivered {
        // What an endpoint answers is for its tenant alone.
        let reason = status.is_none().then_some(outcome.note.as_str());
        let failures = due.failures.saturating_add(1);
        tracing::info!(event = "webhook_failed", tenant, %webhook, status, reason, failures, "an endpoint did not take a message");
    }
    if let Some(reason) = &outcome.disable {
        tracing::warn!(event = "webhook_disabled", tenant, %webhook, reason, "no messages are sent to an endpoint any more");
    }
    if outcome.is_delivered {
        tracing::debug!(event = "webhook_delivered", tenant, %webhook, status, "an endpoint took a message");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use std::sync::Arc;

    use parking_lot::Mutex;
    use uuid::Uuid;

    use super::{MAX_FAILING_TIME, MAX_LOOK_UPS, MAX_LOOK_UPS_PER_OWNER, Place, Sending, Work, judge};
    use crate::domain::{TenantId, Timestamp};
    use crate::store::{DueMessage, WebhookOwner};
    use crate::webhooks::{Attempt, AttemptError};

    fn due(attempts: u32, failures: u32, failing_for: Option<Duration>) -> DueMessage {
        let now = Timestamp(1_800_000_000_000_000);
        DueMessage {
            owner: WebhookOwner::Tenant(TenantId(1)),
            tenant_name: Some(String::from("acme")),
            webhook: Uuid::nil(),
            url: String::from("https://hooks.example/"),
            secrets: Vec::new(),
            id: Uuid::nil(),
            event: String::from("job.completed"),
            data: String::from("{}"),
            occurred_at: now,
            attempts,
            failures,
            failing_since: failing_for.map(|time| now.before(time)),
            lease_until: now,
            now,
        }
    }

    #[test]
    fn each_answer_is_judged_as_the_specification_has_it() {
        let answer = |status, retry_after: Option<u64>| {
            Ok(Attempt { status, retry_after: retry_after.map(Duration::from_secs), shown: String::new() })
        };
        for (attempt, failures, delivered, again, hold, disabled) in [
            (answer(200, None), 9, true, None, 0, false),
            (answer(204, Some(7)), 0, true, None, 0, false),
            (answer(299, None), 0, true, None, 0, false),
            (answer(301, None), 0, false, Some(5), 0, false),
            (answer(400, None), 0, false, Some(5), 0, false),
            (answer(404, None), 3, false, Some(5), 0, false),
            (answer(404, None), 4, false, Some(5), 60, false),
            (answer(410, None), 0, false, Some(5), 0, true),
            (answer(429, None), 0, false, Some(5), 60, false),
            (answer(429, Some(600)), 0, false, Some(600), 600, false),
            (answer(429, Some(1)), 9, false, Some(5), 1, false),
            (answer(500, None), 0, false, Some(5), 0, false),
            (answer(502, None), 0, false, Some(5), 60, false),
            (answer(503, Some(30)), 0, false, Some(30), 30, false),
            (answer(503, Some(u64::MAX)), 0, false, Some(86_400), 86_400, false),
            (answer(504, None), 0, false, Some(5), 60, false),
            (Err(AttemptError::TimedOut), 0, false, Some(5), 0, false),
            (Err(AttemptError::Refused), 4, false, Some(5), 60, false),
        ] {
            let case = format!("{attempt:?} {failures}");
            let outcome = judge(&due(0, failures, None), attempt, 0.0);
            let seconds = outcome.again_after.map(|pause| pause.as_secs());
            assert_eq!((outcome.is_delivered, seconds), (delivered, again), "{case}");
            assert_eq!((outcome.hold.as_secs(), outcome.disable.is_some()), (hold, disabled), "{case}");
        }
    }

    #[test]
    fn an_endpoint_that_fails_for_five_days_is_disabled_and_a_message_is_given_up_before() {
        let failed = || Err(AttemptError::TimedOut);
        let moment = Duration::from_secs(1);
        assert_eq!(judge(&due(8, 50, Some(MAX_FAILING_TIME - moment)), failed(), 0.0).disable, None);
        assert!(judge(&due(8, 50, Some(MAX_FAILING_TIME)), failed(), 0.0).disable.is_some());
        assert_eq!(judge(&due(9, 9, Some(moment)), failed(), 0.0).again_after, None);
    }

    #[test]
    fn look_ups_that_go_on_keep_their_owner_from_more_and_nobody_else() {
        let sending = Arc::new(Sending { counts: Mutex::default(), attempt_ended: Arc::default() });
        let owner = |number: usize| WebhookOwner::Tenant(TenantId(number as i64));
        let look_ups = |number| -> Vec<Place> {
            (0..MAX_LOOK_UPS_PER_OWNER).map(|_| Place::take(&sending, owner(number), Work::LookUp)).collect()
        };
        let message = Place::take(&sending, owner(1), Work::Message);
        let of_one = look_ups(1);
        assert_eq!(sending.passing_over(), Some(vec![owner(1)]));
        drop(message);
        assert_eq!(sending.passing_over(), Some(vec![owner(1)]), "the attempt is over, and its look-up goes on");
        let of_others: Vec<Vec<Place>> = (2..MAX_LOOK_UPS / MAX_LOOK_UPS_PER_OWNER).map(look_ups).collect();
        assert!(sending.passing_over().is_some_and(|owners| !owners.contains(&owner(0))));
        let of_last = look_ups(0);
        assert_eq!(sending.passing_over(), None);
        drop((of_one, of_others, of_last));
        assert_eq!(sending.passing_over(), Some(Vec::new()));
    }
}
