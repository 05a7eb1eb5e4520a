//! Secrets and tokens.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use bulkhead::store::{
    AddSecretOutcome, Authentication, NewSecret, NewToken, RefreshBounds, RevokeSecretOutcome, SecretRecord, Store,
};
use bulkhead::tenants::{MAX_SECRETS, RefreshToken, Scope, SecretId, SecretName};

use crate::fixture::{StoreFixture, secret};
use crate::several_servers::EVENT_TIMEOUT;

/// A day.
const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn a_secret_authenticates_only_its_tenant(fixture: &StoreFixture) {
    let store = &fixture.store;
    fixture.add_tenant("acme");
    fixture.add_tenant("other");
    let acme = Authentication::Tenant(Box::new(store.tenant("acme").unwrap().unwrap()), Scope::Full);
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
    fixture.add_tenant("acme");
    let acme = Authentication::Tenant(Box::new(store.tenant("acme").unwrap().unwrap()), Scope::Full);
    assert!(store.add_token(&secret("acme"), &secret("short"), Duration::from_secs(60)).unwrap().is_some());
    assert!(store.add_token(&secret("acme"), &secret("long"), Duration::from_secs(600)).unwrap().is_some());
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
    fixture.add_tenant("acme");
    assert!(store.add_token(&secret("acme"), &secret("token"), Duration::from_secs(60)).unwrap().is_some());
    store.remove_tenant("acme").unwrap();
    assert_eq!(store.authenticate(None, &secret("token")).unwrap(), Authentication::Unknown);
    assert!(store.add_token(&secret("acme"), &secret("late"), Duration::from_secs(60)).unwrap().is_none());
    assert_eq!(store.authenticate(None, &secret("late")).unwrap(), Authentication::Unknown);
}

pub(crate) fn a_secret_is_replaced_while_clients_use_it(fixture: &StoreFixture) {
    let (store, other_server) = (&fixture.store, fixture.another_server());
    fixture.add_tenant("acme");
    let acme = Authentication::Tenant(Box::new(store.tenant("acme").unwrap().unwrap()), Scope::Full);
    let AddSecretOutcome::Added { client_id, record } = store.add_secret("acme", &new("second", None)).unwrap() else {
        panic!("there is room for a second secret")
    };
    assert_eq!((client_id.as_str(), record.id, record.used_at), ("acme-id", id("second"), None));
    for (server, text) in [(store, "acme"), (store, "second"), (&other_server, "acme"), (&other_server, "second")] {
        assert_eq!(server.authenticate(Some("acme-id"), &secret(text)).unwrap(), acme, "{text}");
        assert_eq!(server.authenticate(None, &secret(text)).unwrap(), acme, "{text}");
    }
    assert!(store.add_token(&secret("acme"), &secret("old token"), DAY).unwrap().is_some());
    assert!(store.add_token(&secret("second"), &secret("new token"), DAY).unwrap().is_some());
    let revoked = store.revoke_secret("acme", id("acme"), false).unwrap();
    assert_eq!(revoked, RevokeSecretOutcome::Revoked { tokens: 1 });
    for server in [store, &other_server] {
        for text in ["acme", "old token"] {
            assert_eq!(server.authenticate(None, &secret(text)).unwrap(), Authentication::Unknown, "{text}");
        }
        for text in ["second", "new token"] {
            assert_eq!(server.authenticate(None, &secret(text)).unwrap(), acme, "{text}");
        }
    }
    assert!(store.add_token(&secret("acme"), &secret("late token"), DAY).unwrap().is_none(), "with a revoked secret");
    assert_eq!(ids(&**store), [id("second")]);
}

pub(crate) fn the_last_secret_is_not_revoked_by_mistake(fixture: &StoreFixture) {
    let store = &fixture.store;
    fixture.add_tenant("acme");
    fixture.add_tenant("other");
    let revoke = |tenant, text, even_last| store.revoke_secret(tenant, id(text), even_last).unwrap();
    assert_eq!(revoke("nobody", "acme", true), RevokeSecretOutcome::NoTenant);
    assert_eq!(revoke("acme", "other", true), RevokeSecretOutcome::NoSecret);
    assert_eq!(revoke("acme", "acme", false), RevokeSecretOutcome::IsLast);
    // An expired secret does not count.
    store.add_secret("acme", &new("second", Some(DAY))).unwrap();
    fixture.set_clock(2 * DAY);
    assert_eq!(revoke("acme", "acme", false), RevokeSecretOutcome::IsLast);
    assert_eq!(revoke("acme", "acme", true), RevokeSecretOutcome::Revoked { tokens: 0 });
    assert_eq!(store.authenticate(None, &secret("acme")).unwrap(), Authentication::Unknown);
    assert_eq!(store.secrets("acme").unwrap(), Some(Vec::new()));
    store.add_secret("acme", &new("third", None)).unwrap();
    assert!(matches!(store.authenticate(Some("acme-id"), &secret("third")).unwrap(), Authentication::Tenant(..)));
}

pub(crate) fn two_operators_do_not_revoke_both_secrets(fixture: &StoreFixture) {
    let other_server = fixture.another_server();
    for round in 0..10 {
        let (name, second) = (format!("t{round}"), format!("second {round}"));
        fixture.add_tenant(&name);
        fixture.store.add_secret(&name, &new(&second, None)).unwrap();
        let barrier = Barrier::new(2);
        let revoke = |server: &dyn Store, text: &str| {
            barrier.wait();
            server.revoke_secret(&name, id(text), false).unwrap()
        };
        let outcomes = thread::scope(|scope| {
            let first = scope.spawn(|| revoke(&*fixture.store, &name));
            let second = revoke(&*other_server, &second);
            [first.join().unwrap(), second]
        });
        assert!(outcomes.contains(&RevokeSecretOutcome::IsLast), "{outcomes:?}");
        assert!(outcomes.contains(&RevokeSecretOutcome::Revoked { tokens: 0 }), "{outcomes:?}");
    }
}

pub(crate) fn secrets_are_limited_and_expire(fixture: &StoreFixture) {
    let store = &fixture.store;
    fixture.add_tenant("acme");
    assert_eq!(store.add_secret("nobody", &new("x", None)).unwrap(), AddSecretOutcome::NoTenant);
    assert_eq!(store.secrets("nobody").unwrap(), None);
    for number in 1..MAX_SECRETS {
        let lifetime = (number > 1).then_some(DAY);
        let added = store.add_secret("acme", &new(&format!("s{number}"), lifetime)).unwrap();
        assert!(matches!(added, AddSecretOutcome::Added { .. }), "{number}");
    }
    assert_eq!(store.add_secret("acme", &new("x", None)).unwrap(), AddSecretOutcome::TooMany);
    assert_eq!(ids(&**store).len(), MAX_SECRETS);
    let shown: Vec<bool> = store.secrets("acme").unwrap().unwrap().iter().map(|it| it.expires_at.is_some()).collect();
    assert_eq!(shown, [false, false, true, true, true]);
    // A token does not outlive its secret.
    assert!(store.add_token(&secret("s2"), &secret("token"), 2 * DAY).unwrap().is_some());
    assert!(matches!(store.authenticate(None, &secret("token")).unwrap(), Authentication::Tenant(..)));
    fixture.set_clock(DAY + Duration::from_secs(1));
    for text in ["s2", "s4"] {
        assert_eq!(store.authenticate(None, &secret(text)).unwrap(), Authentication::Unknown, "{text}");
    }
    assert_eq!(store.authenticate(None, &secret("token")).unwrap(), Authentication::ExpiredToken);
    assert!(store.add_token(&secret("s2"), &secret("late"), DAY).unwrap().is_none());
    assert_eq!(ids(&**store), [id("acme"), id("s1")]);
    assert!(matches!(store.add_secret("acme", &new("x", None)).unwrap(), AddSecretOutcome::Added { .. }));
}

pub(crate) fn the_day_of_a_secrets_last_use_is_noted(fixture: &StoreFixture) {
    let store = &fixture.store;
    fixture.add_tenant("acme");
    let used = |text: &str| {
        let listed: Vec<SecretRecord> = store.secrets("acme").unwrap().unwrap();
        listed.iter().find(|record| record.id == id(text)).and_then(|record| record.used_at)
    };
    store.add_secret("acme", &new("second", None)).unwrap();
    assert_eq!(used("acme"), None);
    store.authenticate(Some("acme-id"), &secret("acme")).unwrap();
    let first = noted(|| used("acme"));
    store.authenticate(None, &secret("acme")).unwrap();
    fixture.set_clock(DAY);
    store.authenticate(None, &secret("acme")).unwrap();
    let next = noted(|| used("acme").filter(|at| *at != first));
    assert_eq!((next, first.0 % 86_400_000_000), (first.after(DAY), 0));
    assert_eq!(used("second"), None);
}

pub(crate) fn tokens_are_revoked(fixture: &StoreFixture) {
    let store = &fixture.store;
    for name in ["acme", "other"] {
        fixture.add_tenant(name);
    }
    for (name, token) in [("acme", "a1"), ("acme", "a2"), ("acme", "a3"), ("other", "o1")] {
        assert!(store.add_token(&secret(name), &secret(token), DAY).unwrap().is_some());
    }
    assert!(store.revoke_token(&secret("a1")).unwrap());
    assert!(!store.revoke_token(&secret("a1")).unwrap());
    assert!(!store.revoke_token(&secret("acme")).unwrap(), "a secret is no token");
    assert_eq!(store.revoke_tokens("acme").unwrap(), Some(2));
    assert_eq!(store.revoke_tokens("nobody").unwrap(), None);
    for token in ["a1", "a2", "a3"] {
        assert_eq!(store.authenticate(None, &secret(token)).unwrap(), Authentication::Unknown, "{token}");
    }
    for kept in ["acme", "o1"] {
        assert!(matches!(store.authenticate(None, &secret(kept)).unwrap(), Authentication::Tenant(..)), "{kept}");
    }
}

fn id(text: &str) -> SecretId {
    SecretId::of(&secret(text))
}

fn ids(store: &dyn Store) -> Vec<SecretId> {
    store.secrets("acme").unwrap().unwrap().iter().map(|record| record.id).collect()
}

/// Waits for a note that the store writes in the background.
fn noted<T>(read: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + EVENT_TIMEOUT;
    loop {
        match read() {
            Some(note) => return note,
            None => assert!(Instant::now() < deadline, "the note was never written"),
        }
        thread::yield_now();
    }
}

pub(crate) fn the_scope_of_a_secret_is_that_of_its_tokens(fixture: &StoreFixture) {
    let store = &fixture.store;
    fixture.add_tenant("acme");
    let scope = |text: &str| match store.authenticate(None, &secret(text)).unwrap() {
        Authentication::Tenant(_, scope) => scope,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(scope("acme"), Scope::Full);
    for (text, wanted) in [("reads", Scope::Read), ("submits", Scope::Submit)] {
        let name: SecretName = format!("what {text}").parse().unwrap();
        let added = NewSecret { scope: wanted, name: Some(name.clone()), ..new(text, None) };
        let AddSecretOutcome::Added { record, .. } = store.add_secret("acme", &added).unwrap() else {
            panic!("there is room for another secret")
        };
        let listed = store.secrets("acme").unwrap().unwrap();
        assert_eq!(listed.into_iter().find(|listed| listed.id == record.id), Some(record.clone()));
        assert_eq!((record.scope, record.name), (wanted, Some(name)));
        assert_eq!(scope(text), wanted);
        let (token, refreshed) = (format!("token of {text}"), format!("refreshed of {text}"));
        store.add_token(&secret(text), &secret(&token), DAY).unwrap();
        assert_eq!(scope(&token), wanted);
        let first = RefreshToken::random().unwrap();
        let bounds = RefreshBounds { lifetime: DAY, family_lifetime: DAY, families: 10 };
        let refreshable = NewToken { hash: secret(&refreshed), lifetime: DAY };
        store.begin_family(&secret(text), &refreshable, &first.hash(), &bounds).unwrap();
        assert_eq!(scope(&refreshed), wanted);
        // A refresh token that is shown with another secret gives what that one may do.
        let next = NewToken { hash: secret(&format!("next of {text}")), lifetime: DAY };
        store.refresh(&secret("acme"), &first.hash(), &secret("next"), DAY, &next).unwrap();
        assert_eq!(scope(&format!("next of {text}")), Scope::Full);
    }
}

/// A secret with full scope.
fn new(text: &str, lifetime: Option<Duration>) -> NewSecret {
    NewSecret { hash: secret(text), lifetime, ..NewSecret::default() }
}
