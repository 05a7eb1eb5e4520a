//! How a database is reached by TLS, as the URL asks for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

use bulkhead::clock::Clock;
use bulkhead::store::postgres::PostgresStore;
use bulkhead::store::{MaintenanceStore as _, Opening};
use bulkhead_postgres::{Cluster, Settings};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// An authority, and a certificate for `localhost` by it with its key; all in PEM.
fn certificates() -> (String, String, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec![String::from("localhost")]).unwrap();
    let certificate = own.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap().pem();
    (root, certificate, key.serialize_pem())
}

#[test]
fn a_database_is_reached_as_the_url_asks() {
    let (root, certificate, key) = certificates();
    let cluster = Cluster::start_with(&Settings::default().tls(&certificate, &key));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (known, other, empty) = (file("root", &root), file("other", &certificates().0), file("empty", ""));
    let database = cluster.fresh_database();
    for (host, query, refused) in [
        ("localhost", String::new(), None),
        ("localhost", String::from("sslmode=prefer"), None),
        ("localhost", String::from("sslmode=require"), None),
        ("localhost", format!("sslmode=verify-full&sslrootcert={known}"), None),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={known}"), None),
        ("localhost", String::from("sslmode=disable"), Some("no encryption")),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={known}"), Some("not valid for name")),
        ("localhost", format!("sslmode=verify-full&sslrootcert={other}"), Some("invalid peer certificate")),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={other}"), Some("invalid peer certificate")),
        ("localhost", format!("sslmode=require&sslrootcert={other}"), Some("invalid peer certificate")),
        ("localhost", String::from("sslmode=verify-full"), Some("certificate")),
        ("localhost", format!("sslmode=verify-full&sslrootcert={empty}"), Some("no root certificates")),
        ("localhost", String::from("sslmode=verify-full&sslrootcert=/nowhere"), Some("sslrootcert /nowhere")),
    ] {
        let url = format!("{}?{query}", cluster.url_at(host, &database)).parse().unwrap();
        match (PostgresStore::open(&url, 2, Clock::system(), Opening::Server), refused) {
            (Ok(store), None) => store.check().unwrap(),
            (Err(error), Some(why)) => assert!(error.to_string().contains(why), "{host} {query}: {error}"),
            (Ok(_), Some(_)) => panic!("{host} {query} was not refused"),
            (Err(error), None) => panic!("{host} {query}: {error}"),
        }
    }
}
