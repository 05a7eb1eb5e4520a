//! The sign of life of this server, and its ear for what others do to its jobs. While jobs run, their leases are prolonged,
//! however long a component takes; and a job that was deleted, or taken over, elsewhere is stopped here.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Service;
use super::chore::Chore;

/// Between two looks at the claims of running jobs. A job that was deleted through another server runs on for about that
/// long; whatever it still decides meanwhile is not committed.
const LOOK: Duration = Duration::from_millis(250);

/// Starts it.
pub(super) fn start(service: &Arc<Service>) -> io::Result<Chore> {
    let mut beat = Beat { service: Arc::clone(service), answered: Instant::now(), renewed: Instant::now() };
    Chore::start("heart", move || beat.beat())
}

struct Beat {
    service: Arc<Service>,
    /// When the store answered last, or there was nothing to ask.
    answered: Instant,
    renewed: Instant,
}

impl Beat {
    fn beat(&mut self) -> Duration {
        let service = &self.service;
        let claims = service.running.claims();
        if claims.is_empty() {
            self.answered = Instant::now();
            return LOOK;
        }
        let lease = service.settings.lease;
        let asked = Instant::now();
        let void = match service.store.void_among(&claims) {
            Ok(void) if self.renewed.elapsed() < lease / 3 => Ok(void),
            Ok(void) => service.store.renew_all(&claims, lease).map(|()| {
                self.renewed = asked;
                void
            }),
            Err(error) => Err(error),
        };
        match void {
            Ok(void) => {
                self.answered = asked;
                if !void.is_empty() {
                    service.stop_claims(&void);
                }
            }
            Err(error) => {
                tracing::warn!(%error, jobs = claims.len(), "cannot prolong leases");
                // The jobs are others' by now, for all that is known here.
                if self.answered.elapsed() > lease {
                    service.stop_claims(&claims);
                }
            }
        }
        LOOK
    }
}
