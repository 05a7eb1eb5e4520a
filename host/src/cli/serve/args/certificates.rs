//! The options that name certificates and keys.

use std::path::Path;
use std::sync::Arc;

use bulkhead::http::{TlsError, TlsIdentity};

use super::ServeArgs;
use crate::cli::serve::tls::ListenerIdentities;

impl ServeArgs {
    pub(super) fn tls_files(&self) -> Result<Option<(&Path, &Path)>, String> {
        pair("tls", self.listening.tls_cert.as_deref(), self.tls_key.as_deref())
    }

    pub(super) fn admin_tls_files(&self) -> Result<Option<(&Path, &Path)>, String> {
        pair("admin-tls", self.listening.admin_tls_cert.as_deref(), self.admin_tls_key.as_deref())
    }

    /// Reads the certificates of the listeners.
    ///
    /// # Errors
    /// If one is named and cannot be used; the error names the option.
    pub(in crate::cli) fn identities(&self) -> Result<ListenerIdentities, String> {
        let load = |name: &str, files: Option<(&Path, &Path)>| {
            let Some((certificate, key)) = files else { return Ok(None) };
            let loaded = TlsIdentity::load(certificate.to_owned(), key.to_owned());
            loaded.map(|identity| Some(Arc::new(identity))).map_err(|error| {
                let is_of_key = matches!(&error, TlsError::File { path, .. } if path == key && path != certificate);
                format!("--{name}-{}: {error}", if is_of_key { "key" } else { "cert" })
            })
        };
        let public = load("tls", self.tls_files()?)?;
        let own = load("admin-tls", self.admin_tls_files()?)?;
        let admin = self.listening.admin_listen.and_then(|_| own.or_else(|| public.clone()));
        Ok(ListenerIdentities { public, admin })
    }
}

/// Returns the files of a certificate and its key, of which none is given without the other.
fn pair<'a>(
    name: &str,
    certificate: Option<&'a Path>,
    key: Option<&'a Path>,
) -> Result<Option<(&'a Path, &'a Path)>, String> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(format!("--{name}-cert needs the certificate's key: give --{name}-key, too")),
        (None, Some(_)) => Err(format!("--{name}-key needs the key's certificate: give --{name}-cert, too")),
    }
}
