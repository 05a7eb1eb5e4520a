//! Secrets and tokens.

use std::time::Duration;

use bulkhead::store::Authentication;

use crate::fixture::{StoreFixture, secret};

pub(crate) fn a_secret_authenticates_only_its_tenant(fixture: &StoreFixture) {
    let store = &fixture.store;
    fixture.add_tenant("acme");
    fixture.add_tenant("other");
    let acme = Authentication::Tenant(Box::new(store.tenant("acme").unwrap().unwrap()));
    let known = |client_id, text| store.authenticate(client_id, &secret(text)).unwrap();
    assert_eq!(known(None, "acme"), acme);
    assert_eq!(known(Some("acme-id"), "acme"), acme);
    for (client_id, text) in [
        (Some("other-id"), "acme"),
        (Some("acme"), "acme"),
        (Some(""), "acme"),
        (Some("acme-id"), "other"),
        (None, "x"),
    ] {
        assert_eq!(known(client_id, text), Authentication::Unknown, "{client_id:?} {text}");
    }
}

pub(crate) fn a_token_authenticates_its_tenant_until_it_expires(fixture: &StoreFixture) {
    let store = &fixture.store;
    let tenant = fixture.add_tenant("acme");
    let acme = Authentication::Tenant(Box::new(store.tenant("acme").unwrap().unwrap()));
    assert!(store.add_token(tenant, &secret("short"), Duration::from_secs(60)).unwrap());
    assert!(store.add_token(tenant, &secret("long"), Duration::from_secs(600)).unwrap());
    let known = |client_id, text| store.authenticate(client_id, &secret(text)).unwrap();
    assert_eq!(known(None, "short"), acme);
    // A token does not go with a client id.
    assert_eq!(known(Some("acme-id"), "short"), Authentication::Unknown);
    fixture.set_clock(Duration::from_secs(61));
    assert_eq!(known(None, "short"), Authentication::ExpiredToken);
    assert_eq!(known(None, "long"), acme);
    store.sweep().unwrap();
    assert_eq!(known(None, "short"), Authentication::Unknown);
    assert_eq!(known(None, "long"), acme);
}

pub(crate) fn removing_a_tenant_removes_its_tokens(fixture: &StoreFixture) {
    let store = &fixture.store;
    let tenant = fixture.add_tenant("acme");
    assert!(store.add_token(tenant, &secret("token"), Duration::from_secs(60)).unwrap());
    store.remove_tenant("acme").unwrap();
    assert_eq!(store.authenticate(None, &secret("token")).unwrap(), Authentication::Unknown);
    assert!(!store.add_token(tenant, &secret("late"), Duration::from_secs(60)).unwrap());
    assert_eq!(store.authenticate(None, &secret("late")).unwrap(), Authentication::Unknown);
}
