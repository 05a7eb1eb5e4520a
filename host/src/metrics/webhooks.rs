//! Messages to endpoints.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Messages to endpoints.
pub struct WebhookMetrics {
    attempts: Family<OutcomeLabels, Counter>,
    /// Endpoints that the server disabled.
    pub disabled: Counter,
    pub(super) waiting: Gauge,
    pub(super) oldest: Gauge<f64, AtomicU64>,
    /// Messages that are being sent.
    pub sending: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
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
        let metrics = Self {
            attempts: Family::default(),
            disabled: Counter::default(),
            waiting: Gauge::default(),
            oldest: Gauge::default(),
            sending: Gauge::default(),
        };
        for outcome in [DeliveryOutcome::Delivered, DeliveryOutcome::Refused, DeliveryOutcome::Failed] {
            metrics.attempts.get_or_create_owned(&OutcomeLabels { outcome: outcome.as_str() });
        }
        registry.register("webhook_attempts", "Attempts to deliver messages, by outcome", metrics.attempts.clone());
        registry.register("webhooks_disabled", "Endpoints that this server disabled", metrics.disabled.clone());
        registry.register(
            "webhook_messages_waiting",
            "Messages that are due or will be; all servers of a database say the same",
            metrics.waiting.clone(),
        );
        registry.register(
            "webhook_oldest_message_age_seconds",
            "Age of the oldest message that is not delivered, or 0; all servers of a database say the same",
            metrics.oldest.clone(),
        );
        registry.register("webhook_messages_sending", "Messages that this server is sending", metrics.sending.clone());
        metrics
    }

    /// Counts an attempt.
    pub fn attempted(&self, outcome: DeliveryOutcome) {
        self.attempts.get_or_create_owned(&OutcomeLabels { outcome: outcome.as_str() }).inc();
    }
}
