//! The certificates of a server's listeners, and what SIGHUP does.

use std::sync::Arc;

use bulkhead::clock::Clock;
use bulkhead::http::{CertificateState, TlsError, TlsIdentity};
use bulkhead::metrics::METRICS;
use tokio::signal::unix::{SignalKind, signal};

use super::listeners::Listener;

/// The certificates of the listeners that have one.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct ListenerIdentities {
    pub(super) public: Option<Arc<TlsIdentity>>,
    /// Without a certificate of its own, the operators' listener has the public one's.
    pub(super) admin: Option<Arc<TlsIdentity>>,
}

impl ListenerIdentities {
    /// Tells the metrics when the certificates expire, and the log if that is soon.
    fn tell_expiry(&self) {
        for (listener, identity) in [("public", &self.public), ("admin", &self.admin)] {
            if let Some(identity) = identity {
                METRICS.http.certificate_expires(listener, identity.validity().end.0.div_euclid(1_000_000));
            }
        }
        for identity in self.all() {
            let (validity, certificate) = (identity.validity(), identity.certificate().display());
            let state = validity.at(Clock::system().now());
            if state != CertificateState::Valid {
                tracing::warn!(
                    event = "certificate_out_of_date",
                    %certificate,
                    state = state.as_str(),
                    valid_from = validity.begin.to_rfc3339(),
                    valid_until = validity.end.to_rfc3339(),
                    "clients refuse a certificate that is not valid yet or not any more; renew it in time, or set the clock right, and send SIGHUP"
                );
            }
        }
    }

    /// Returns whether a listener speaks TLS.
    pub(in crate::cli) fn has_tls(&self, listener: Listener) -> bool {
        match listener {
            Listener::Public | Listener::Console => self.public.is_some(),
            Listener::Admin => self.admin.is_some(),
            Listener::Health => false,
        }
    }

    /// Returns each certificate once.
    pub(in crate::cli) fn all(&self) -> impl Iterator<Item = &Arc<TlsIdentity>> {
        let is_shared =
            |admin: &&Arc<TlsIdentity>| self.public.as_ref().is_some_and(|public| Arc::ptr_eq(public, admin));
        self.public.iter().chain(self.admin.iter().filter(move |admin| !is_shared(admin)))
    }
}

/// Goes on after SIGHUP, which would end the process and which a closed terminal sends, too. Then reads the certificates again, if
/// there are any.
pub(super) fn handle_hangups(identities: ListenerIdentities) -> std::io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    identities.tell_expiry();
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            if identities.public.is_none() && identities.admin.is_none() {
                tracing::info!(
                    event = "hangup_ignored",
                    "SIGHUP has no effect: options are read at the start, and SIGTERM stops the server"
                );
            }
            for identity in identities.all() {
                let reloading = Arc::clone(identity);
                let reloaded = tokio::task::spawn_blocking(move || reloading.reload()).await;
                tell(identity, reloaded.unwrap_or(Ok(())));
            }
            identities.tell_expiry();
        }
    });
    Ok(())
}

fn tell(identity: &TlsIdentity, reloaded: Result<(), TlsError>) {
    let certificate = identity.certificate().display();
    match reloaded {
        Ok(()) => {
            tracing::info!(event = "tls_reloaded", %certificate, "new connections get the certificate that was read now")
        }
        Err(error) => tracing::error!(
            event = "tls_not_reloaded",
            %certificate,
            %error,
            "the certificate stays as it was; mend what the error says, and send SIGHUP again"
        ),
    }
}
