//! Refresh tokens and their families.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use bulkhead::store::{Authentication, NewSecret, NewToken, RefreshBounds, RefreshOutcome, RevokeSecretOutcome, Store};
use bulkhead::tenants::{RefreshTokenHash, SecretId};

use crate::fixture::{StoreFixture, secret};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const BOUNDS: RefreshBounds = RefreshBounds { lifetime: DAY, family_lifetime: DAY.saturating_mul(3), families: 100 };

fn token(name: &str) -> NewToken {
    NewToken { hash: secret(name), lifetime: HOUR }
}

fn refresh_token(family: &str, name: &str) -> RefreshTokenHash {
    RefreshTokenHash { family: secret(family), secret: secret(name), is_genuine: true }
}

/// Begins a family whose first refresh token is `r1`, with a token.
fn begin(store: &dyn Store, with: &str, family: &str, new: &str) -> Option<Duration> {
    store.begin_family(&secret(with), &token(new), &refresh_token(family, "r1"), &BOUNDS).unwrap()
}

/// Shows a refresh token of a family for the next one and a token.
fn refresh(store: &dyn Store, with: &str, family: &str, shown: &str, next: &str, new: &str) -> RefreshOutcome {
    store.refresh(&secret(with), &refresh_token(family, shown), &secret(next), DAY, &token(new)).unwrap()
}

fn is_valid(store: &dyn Store, name: &str) -> bool {
    matches!(store.authenticate(None, &secret(name)).unwrap(), Authentication::Tenant(..))
}

pub(crate) fn a_refresh_token_is_replaced_each_time(fixture: &StoreFixture) {
    let (store, other_server) = (&*fixture.store, fixture.another_server());
    fixture.add_tenant("acme");
    assert_eq!(begin(store, "acme", "f", "t1"), Some(HOUR));
    assert_eq!(refresh(&*other_server, "acme", "f", "r1", "r2", "t2"), RefreshOutcome::Refreshed(HOUR));
    assert_eq!(refresh(store, "acme", "f", "r2", "r3", "t3"), RefreshOutcome::Refreshed(HOUR));
    assert!(["t1", "t2", "t3"].iter().all(|name| is_valid(store, name)), "earlier tokens stay valid");
    // A refresh token is no token.
    for name in ["f", "r1", "r3"] {
        assert!(!is_valid(store, name), "{name}");
    }
}

pub(crate) fn a_refresh_token_that_is_used_again_revokes_its_family(fixture: &StoreFixture) {
    let store = &*fixture.store;
    fixture.add_tenant("acme");
    begin(store, "acme", "f", "t1");
    begin(store, "acme", "other", "o1");
    refresh(store, "acme", "f", "r1", "r2", "t2");
    assert_eq!(refresh(store, "acme", "f", "r1", "r3", "t3"), RefreshOutcome::Reused);
    for (shown, new) in [("r1", "t4"), ("r2", "t5"), ("r3", "t6")] {
        assert_eq!(refresh(store, "acme", "f", shown, "r9", new), RefreshOutcome::Unknown, "{shown}");
    }
    assert!(["t1", "t2", "t3", "t4"].iter().all(|name| !is_valid(store, name)));
    assert!(is_valid(store, "o1"));
    assert_eq!(refresh(store, "acme", "other", "r1", "r2", "o2"), RefreshOutcome::Refreshed(HOUR));
}

pub(crate) fn a_refresh_token_that_no_server_issued_changes_nothing(fixture: &StoreFixture) {
    let store = &*fixture.store;
    fixture.add_tenant("acme");
    begin(store, "acme", "f", "t1");
    refresh(store, "acme", "f", "r1", "r2", "t2");
    for name in ["r1", "r3"] {
        let shown = RefreshTokenHash { is_genuine: false, ..refresh_token("f", name) };
        let outcome = store.refresh(&secret("acme"), &shown, &secret("r9"), DAY, &token("t9")).unwrap();
        assert_eq!(outcome, RefreshOutcome::Unknown, "{name}");
    }
    assert!(is_valid(store, "t2") && !is_valid(store, "t9"));
    assert_eq!(refresh(store, "acme", "f", "r2", "r3", "t3"), RefreshOutcome::Refreshed(HOUR));
    // Those that earlier versions issued are not marked as genuine.
    let shown = RefreshTokenHash { is_genuine: false, ..refresh_token("f", "r3") };
    let outcome = store.refresh(&secret("acme"), &shown, &secret("r4"), DAY, &token("t4")).unwrap();
    assert_eq!(outcome, RefreshOutcome::Refreshed(HOUR));
}

pub(crate) fn refresh_tokens_belong_to_a_tenant_and_end_with_its_secrets(fixture: &StoreFixture) {
    let store = &*fixture.store;
    for name in ["acme", "other"] {
        fixture.add_tenant(name);
    }
    store
        .add_secret("acme", &NewSecret { hash: secret("second"), lifetime: Some(2 * HOUR), ..NewSecret::default() })
        .unwrap();
    begin(store, "acme", "f", "t1");
    begin(store, "acme", "stays", "s1");
    assert_eq!(refresh(store, "other", "f", "r1", "r2", "t2"), RefreshOutcome::Unknown);
    assert_eq!(refresh(store, "nobody", "f", "r1", "r2", "t2"), RefreshOutcome::NoSecret);
    assert_eq!(begin(store, "nobody", "g", "t2"), None);
    // The family goes with the secret that was shown last, and no token with an earlier one.
    assert_eq!(refresh(store, "second", "f", "r1", "r2", "t2"), RefreshOutcome::Refreshed(HOUR));
    let revoked = store.revoke_secret("acme", SecretId::of(&secret("acme")), false).unwrap();
    assert_eq!(revoked, RevokeSecretOutcome::Revoked { tokens: 3 }, "two tokens and a family");
    assert!(!is_valid(store, "t1") && !is_valid(store, "s1") && is_valid(store, "t2"));
    assert_eq!(refresh(store, "second", "stays", "r1", "r2", "s2"), RefreshOutcome::Unknown);
    assert_eq!(refresh(store, "second", "f", "r2", "r3", "t3"), RefreshOutcome::Refreshed(HOUR));
    // Nothing lives longer than the secret.
    fixture.set_clock(2 * HOUR - Duration::from_secs(60));
    let RefreshOutcome::Refreshed(left) = refresh(store, "second", "f", "r3", "r4", "t4") else {
        panic!("the secret is still valid")
    };
    assert!(left <= Duration::from_secs(60), "{left:?}");
    fixture.set_clock(2 * HOUR + Duration::from_secs(1));
    assert_eq!(refresh(store, "second", "f", "r4", "r5", "t5"), RefreshOutcome::NoSecret);
    store.add_secret("acme", &NewSecret { hash: secret("third"), ..NewSecret::default() }).unwrap();
    assert_eq!(refresh(store, "third", "f", "r4", "r5", "t5"), RefreshOutcome::Expired);
    // Nor than the tenant.
    begin(store, "other", "gone", "g1");
    store.remove_tenant("other").unwrap();
    assert!(!is_valid(store, "g1"));
    assert_eq!(refresh(store, "third", "gone", "r1", "r2", "g2"), RefreshOutcome::Unknown);
    assert_eq!(store.revoke_family(&secret("gone")).unwrap(), 0);
}

pub(crate) fn refresh_tokens_expire(fixture: &StoreFixture) {
    let store = &*fixture.store;
    fixture.add_tenant("acme");
    begin(store, "acme", "f", "t1");
    begin(store, "acme", "unused", "u1");
    fixture.set_clock(DAY - HOUR);
    assert_eq!(refresh(store, "acme", "f", "r1", "r2", "t2"), RefreshOutcome::Refreshed(HOUR));
    fixture.set_clock(DAY + HOUR);
    assert_eq!(refresh(store, "acme", "unused", "r1", "r2", "u2"), RefreshOutcome::Expired);
    for (hours, shown, next, new) in [(46_u32, "r2", "r3", "t3"), (69, "r3", "r4", "t4"), (71, "r4", "r5", "t5")] {
        fixture.set_clock(hours * HOUR);
        assert_eq!(refresh(store, "acme", "f", shown, next, new), RefreshOutcome::Refreshed(HOUR), "{hours}");
    }
    // The family ends, however often it was refreshed.
    fixture.set_clock(3 * DAY + HOUR);
    assert_eq!(refresh(store, "acme", "f", "r5", "r6", "t6"), RefreshOutcome::Expired);
    while store.sweep().unwrap().more {}
    for family in ["f", "unused"] {
        assert_eq!(refresh(store, "acme", family, "r5", "r6", "t6"), RefreshOutcome::Unknown, "{family}");
    }
}

pub(crate) fn refresh_tokens_are_limited_in_number(fixture: &StoreFixture) {
    let store = &*fixture.store;
    for name in ["acme", "other"] {
        fixture.add_tenant(name);
    }
    begin(store, "other", "theirs", "o1");
    let bounds = RefreshBounds { families: 2, ..BOUNDS };
    for (seconds, family) in [(0, "f1"), (10, "f2"), (20, "f3"), (30, "f4")] {
        fixture.set_clock(Duration::from_secs(seconds));
        let begun = store.begin_family(&secret("acme"), &token(family), &refresh_token(family, "r1"), &bounds).unwrap();
        assert!(begun.is_some());
    }
    let known = |with, family| refresh(store, with, family, "r1", "r2", &format!("{family} new"));
    for family in ["f1", "f2"] {
        assert_eq!(known("acme", family), RefreshOutcome::Unknown, "{family}");
        assert!(is_valid(store, family), "its token expires within the hour");
    }
    for (with, family) in [("acme", "f3"), ("acme", "f4"), ("other", "theirs")] {
        assert!(matches!(known(with, family), RefreshOutcome::Refreshed(_)), "{family}");
    }
}

pub(crate) fn refresh_tokens_are_revoked(fixture: &StoreFixture) {
    let store = &*fixture.store;
    for name in ["acme", "other"] {
        fixture.add_tenant(name);
    }
    for (with, family, new) in [("acme", "f1", "a1"), ("acme", "f2", "a2"), ("other", "f3", "o1")] {
        begin(store, with, family, new);
    }
    refresh(store, "acme", "f1", "r1", "r2", "a3");
    assert_eq!(store.revoke_family(&secret("f1")).unwrap(), 3, "a family and two tokens");
    assert_eq!(store.revoke_family(&secret("f1")).unwrap(), 0);
    assert!(!is_valid(store, "a1") && is_valid(store, "a2") && !is_valid(store, "a3"));
    assert_eq!(store.revoke_tokens("acme").unwrap(), Some(2), "a family and a token");
    assert_eq!(refresh(store, "acme", "f2", "r1", "r2", "a4"), RefreshOutcome::Unknown);
    assert!(!is_valid(store, "a2") && is_valid(store, "o1"));
    assert_eq!(refresh(store, "other", "f3", "r1", "r2", "o2"), RefreshOutcome::Refreshed(HOUR));
}

pub(crate) fn of_two_that_show_a_refresh_token_at_once_one_gets_a_token(fixture: &StoreFixture) {
    let other_server = fixture.another_server();
    fixture.add_tenant("acme");
    for round in 0..10 {
        let family = format!("f{round}");
        begin(&*fixture.store, "acme", &family, &format!("t{round}"));
        let barrier = Barrier::new(2);
        let show = |server: &dyn Store, new: &str| {
            barrier.wait();
            refresh(server, "acme", &family, "r1", &format!("{new} r"), &format!("{new} {round}"))
        };
        let outcomes = thread::scope(|scope| {
            let first = scope.spawn(|| show(&*fixture.store, "one"));
            let second = show(&*other_server, "two");
            [first.join().unwrap(), second]
        });
        assert!(outcomes.contains(&RefreshOutcome::Reused), "{outcomes:?}");
        assert!(outcomes.contains(&RefreshOutcome::Refreshed(HOUR)), "{outcomes:?}");
        for name in ["one", "two"] {
            assert!(!is_valid(&*fixture.store, &format!("{name} {round}")), "whoever came first may be the thief");
        }
    }
}
