//! Secrets and tokens.

use std::time::Duration;

use bulkhead::store::Authentication;

use crate::ground::{Ground, secret};

pub(crate) fn a_secret_is_one_tenants(ground: &Ground) {
    let store = &ground.store;
    ground.tenant("acme");
    ground.tenant("other");
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

pub(crate) fn a_token_stands_for_a_tenant_for_some_time(ground: &Ground) {
    let store = &ground.store;
    let tenant = ground.tenant("acme");
    let acme = Authentication::Tenant(Box::new(store.tenant("acme").unwrap().unwrap()));
    assert!(store.add_token(tenant, &secret("short"), Duration::from_secs(60)).unwrap());
    assert!(store.add_token(tenant, &secret("long"), Duration::from_secs(600)).unwrap());
    let known = |client_id, text| store.authenticate(client_id, &secret(text)).unwrap();
    assert_eq!(known(None, "short"), acme);
    // Where a client id is shown, it is not by a token.
    assert_eq!(known(Some("acme-id"), "short"), Authentication::Unknown);
    ground.set_clock(Duration::from_secs(61));
    assert_eq!(known(None, "short"), Authentication::ExpiredToken);
    assert_eq!(known(None, "long"), acme);
    store.sweep().unwrap();
    assert_eq!(known(None, "short"), Authentication::Unknown);
    assert_eq!(known(None, "long"), acme);
}

pub(crate) fn tokens_go_with_their_tenant(ground: &Ground) {
    let store = &ground.store;
    let tenant = ground.tenant("acme");
    assert!(store.add_token(tenant, &secret("token"), Duration::from_secs(60)).unwrap());
    store.remove_tenant("acme").unwrap();
    assert_eq!(store.authenticate(None, &secret("token")).unwrap(), Authentication::Unknown);
    assert!(!store.add_token(tenant, &secret("late"), Duration::from_secs(60)).unwrap());
    assert_eq!(store.authenticate(None, &secret("late")).unwrap(), Authentication::Unknown);
}
