//! Messages to endpoints.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::registering::{Counters, counted, registered};

/// Messages to endpoints.
pub struct WebhookMetrics {
    attempts: Counters<1>,
    /// Endpoints that the server disabled.
    pub disabled: Counter,
    pub(super) waiting: Gauge,
    pub(super) oldest: Gauge<f64, AtomicU64>,
    /// Messages that are being sent.
    pub sending: Gauge,
}

/// What came of an attempt to deliver a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The endpoint took it.
    Delivered,
    /// The endpoint answered something else.
    Refused,
    /// There was no answer.
    Failed,
}

impl DeliveryOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl WebhookMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            attempts: counted(
                registry,
                "webhook_attempts",
                "Attempts to deliver messages, by outcome",
                "outcome",
                [DeliveryOutcome::Delivered, DeliveryOutcome::Refused, DeliveryOutcome::Failed]
                    .map(DeliveryOutcome::as_str),
            ),
            disabled: registered(
                registry,
                "webhooks_disabled",
                "Endpoints that this server disabled",
                Counter::default(),
            ),
            waiting: registered(
                registry,
                "webhook_messages_waiting",
                "Messages that are due or will be; all servers of a database say the same",
                Gauge::default(),
            ),
            oldest: registered(
                registry,
                "webhook_oldest_message_age_seconds",
                "Age of the oldest message that is not delivered, or 0; all servers of a database say the same",
                Gauge::default(),
            ),
            sending: registered(
                registry,
                "webhook_messages_sending",
                "Messages that this server is sending",
                Gauge::default(),
            ),
        }
    }

    /// Counts an attempt.
    pub fn attempted(&self, outcome: DeliveryOutcome) {
        self.attempts.get_or_create_owned(&[("outcome", outcome.as_str())]).inc();
    }
}
