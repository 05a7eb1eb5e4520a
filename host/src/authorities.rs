//! Which servers this program trusts when it calls them: those of this machine, and those with a certificate of an authority that this
//! machine trusts.

use std::net::IpAddr;

use ureq::tls::{Certificate, RootCerts};

/// Returns whether a host, as a URL names it, is this machine. Nobody is between two programs of one machine, and no proxy knows its
/// addresses.
pub fn is_this_machine(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Returns the certificate authorities that this machine trusts, or those in the file that `SSL_CERT_FILE` names. Without any, those
/// that are built in.
pub fn trusted_authorities() -> RootCerts {
    let native = rustls_native_certs::load_native_certs().certs;
    if native.is_empty() {
        return RootCerts::WebPki;
    }
    let owned: Vec<Certificate<'static>> =
        native.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    RootCerts::new_with_certs(&owned)
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn this_machine_has_a_name_and_loopback_addresses() {
        for (host, expected) in [
            ("localhost", true),
            ("LocalHost", true),
            ("127.0.0.1", true),
            ("127.8.9.10", true),
            ("[::1]", true),
            ("::1", true),
            ("10.0.0.1", false),
            ("0.0.0.0", false),
            ("[::2]", false),
            ("127.0.0.1.example", false),
            ("127.example", false),
            ("localhost.example", false),
            ("", false),
        ] {
            assert_eq!(is_this_machine(host), expected, "{host}");
        }
    }
}
