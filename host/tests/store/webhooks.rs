//! Endpoints of tenants, and the messages to them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulkhead::domain::{Digest, TenantId};
use bulkhead::store::{
    DueMessage, FailingComponent, MessageOutcome, NewWebhook, WebhookChange, WebhookEvent, WebhookOwner,
};
use uuid::Uuid;

use crate::fixture::{StoreFixture, new_job};

const LEASE: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

fn of(tenant: TenantId) -> WebhookOwner {
    WebhookOwner::Tenant(tenant)
}

fn add(fixture: &StoreFixture, owner: WebhookOwner, events: &[WebhookEvent]) -> Uuid {
    let id = Uuid::new_v4();
    let (url, secret) = (String::from("https://hooks.example/"), String::from("whsec_x"));
    let webhook = NewWebhook { id, url, events: events.to_vec(), secret };
    assert!(fixture.store.add_webhook(owner, &webhook, 10).unwrap());
    id
}

fn take(fixture: &StoreFixture) -> Option<DueMessage> {
    fixture.store.take_message(LEASE, &[]).unwrap()
}

fn taken() -> MessageOutcome {
    let hold = Duration::ZERO;
    MessageOutcome {
        status: Some(200),
        note: String::from("ok"),
        is_delivered: true,
        again_after: None,
        hold,
        disable: None,
    }
}

fn failed(again_after: Option<Duration>, hold: Duration) -> MessageOutcome {
    MessageOutcome { status: None, note: String::from("no"), is_delivered: false, again_after, hold, disable: None }
}

/// Ends a job of two items, all of which fail.
fn end_a_job(fixture: &StoreFixture, tenant: TenantId) -> String {
    let id = fixture.submit(&new_job(tenant, &[2]));
    fixture.finish(&fixture.claim_of(id));
    id.to_string()
}

pub(crate) fn messages_are_stored_with_the_end_of_a_job(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let both = add(fixture, of(acme), &WebhookEvent::of_tenants());
    let cancelled_only = add(fixture, of(acme), &[WebhookEvent::JobCancelled]);
    add(fixture, of(other), &WebhookEvent::of_tenants());
    let job = end_a_job(fixture, acme);
    let empty = fixture.submit(&new_job(acme, &[]));
    let stopped = fixture.submit(&new_job(acme, &[3]));
    fixture.store.cancel_job(acme, stopped).unwrap();
    let told = |webhook| -> Vec<(String, bool)> {
        let messages = fixture.store.webhook_messages(of(acme), webhook, 10).unwrap();
        let mut told: Vec<_> = messages.into_iter().map(|message| (message.event, message.due_at.is_some())).collect();
        told.sort_unstable();
        told
    };
    let completed = || (String::from("job.completed"), true);
    let cancelled = || (String::from("job.cancelled"), true);
    assert_eq!(told(both), [cancelled(), completed(), completed()]);
    assert_eq!(told(cancelled_only), [cancelled()]);
    let mut data = String::new();
    while let Some(message) = take(fixture) {
        assert_eq!((message.owner, message.tenant_name.as_deref()), (of(acme), Some("acme")));
        fixture.store.finish_message(&message, &taken()).unwrap();
        data.push_str(&message.data);
    }
    for part in [
        format!(r#"{{"id":"{job}","status":"completed","total":2,"created":0,"updated":0,"unchanged":0,"failed":2,"#),
        format!(r#"{{"id":"{empty}","status":"completed","total":0,"#),
        format!(r#"{{"id":"{stopped}","status":"completed","total":3,"#),
        String::from(r#""notProcessed":3"#),
    ] {
        assert!(data.contains(&part), "{part}: {data}");
    }
}

pub(crate) fn a_message_is_taken_once_at_a_time_for_each_webhook(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let (first, second) =
        (add(fixture, of(acme), &WebhookEvent::of_tenants()), add(fixture, of(other), &WebhookEvent::of_tenants()));
    for tenant in [acme, acme, other] {
        end_a_job(fixture, tenant);
    }
    assert!(fixture.store.take_message(LEASE, &[of(acme), of(other)]).unwrap().is_none(), "both are passed over");
    let held = fixture.store.take_message(LEASE, &[of(other)]).unwrap().unwrap();
    assert_eq!((held.webhook, held.attempts), (first, 0));
    assert_eq!(take(fixture).unwrap().webhook, second);
    assert!(take(fixture).is_none(), "each endpoint gets one at a time");
    // A lease that ends makes it due again, and what its holder says then does not count.
    fixture.set_clock(LEASE + Duration::from_secs(1));
    let again = fixture.store.take_message(LEASE, &[of(other)]).unwrap().unwrap();
    assert_eq!(again.id, held.id);
    fixture.store.finish_message(&held, &taken()).unwrap();
    assert!(fixture.store.take_message(LEASE, &[of(other)]).unwrap().is_none(), "it is still being sent");
    fixture.store.finish_message(&again, &taken()).unwrap();
    let next = fixture.store.take_message(LEASE, &[of(other)]).unwrap().unwrap();
    assert_ne!(next.id, held.id);
}

pub(crate) fn the_outcome_of_an_attempt_decides_what_follows(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let webhook = add(fixture, of(tenant), &WebhookEvent::of_tenants());
    end_a_job(fixture, tenant);
    let first = take(fixture).unwrap();
    fixture.store.finish_message(&first, &failed(Some(MINUTE), 2 * MINUTE)).unwrap();
    let record = fixture.store.webhooks(of(tenant)).unwrap().remove(0);
    assert_eq!((record.failures, record.failing_since.is_some()), (1, true));
    end_a_job(fixture, tenant);
    fixture.set_clock(MINUTE + Duration::from_secs(1));
    assert!(take(fixture).is_none(), "the endpoint is left alone, also for other messages");
    fixture.set_clock(2 * MINUTE + Duration::from_secs(1));
    let mut seen = Vec::new();
    for _ in 0..2 {
        let message = take(fixture).unwrap();
        seen.push((message.id == first.id, message.attempts));
        fixture.store.finish_message(&message, &taken()).unwrap();
    }
    seen.sort_unstable();
    assert_eq!(seen, [(false, 0), (true, 1)]);
    let record = fixture.store.webhooks(of(tenant)).unwrap().remove(0);
    assert_eq!((record.failures, record.failing_since), (0, None));
    assert!(take(fixture).is_none());
    // A message that is given up stays, and can be sent again.
    end_a_job(fixture, tenant);
    let last = take(fixture).unwrap();
    fixture.store.finish_message(&last, &failed(None, Duration::ZERO)).unwrap();
    fixture.set_clock(100 * MINUTE);
    assert!(take(fixture).is_none());
    assert_eq!(fixture.store.replay_messages(of(tenant), webhook, None).unwrap(), 1);
    assert_eq!(take(fixture).map(|message| (message.id, message.attempts)), Some((last.id, 0)));
}

pub(crate) fn a_disabled_webhook_gets_what_it_missed(fixture: &StoreFixture) {
    let (tenant, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let webhook = add(fixture, of(tenant), &WebhookEvent::of_tenants());
    end_a_job(fixture, tenant);
    let message = take(fixture).unwrap();
    let outcome = MessageOutcome { disable: Some(String::from("gone")), ..failed(Some(MINUTE), Duration::ZERO) };
    fixture.store.finish_message(&message, &outcome).unwrap();
    end_a_job(fixture, tenant);
    fixture.set_clock(10 * MINUTE);
    assert!(take(fixture).is_none());
    let (_, reason) = fixture.store.webhooks(of(tenant)).unwrap().remove(0).disabled.unwrap();
    assert_eq!(reason, "gone");
    assert_eq!(fixture.store.replay_messages(of(tenant), webhook, None).unwrap(), 0, "nothing is sent to it");
    let enable = WebhookChange { is_enabled: Some(true), ..WebhookChange::default() };
    assert!(!fixture.store.change_webhook(of(other), webhook, &enable).unwrap());
    assert!(fixture.store.change_webhook(of(tenant), webhook, &enable).unwrap());
    for _ in 0..2 {
        let message = take(fixture).unwrap();
        fixture.store.finish_message(&message, &taken()).unwrap();
    }
    assert!(take(fixture).is_none());
    // While a secret is being replaced, both sign.
    let secret = Some((String::from("whsec_y"), MINUTE));
    let change = WebhookChange { secret, is_enabled: Some(false), ..WebhookChange::default() };
    assert!(fixture.store.change_webhook(of(tenant), webhook, &change).unwrap());
    assert!(fixture.store.change_webhook(of(tenant), webhook, &enable).unwrap());
    fixture.store.test_webhook(of(tenant), webhook).unwrap().unwrap();
    let message = take(fixture).unwrap();
    assert_eq!(
        (message.secrets.as_slice(), message.event.as_str()),
        (&["whsec_y", "whsec_x"].map(String::from)[..], "webhook.test")
    );
    fixture.set_clock(12 * MINUTE);
    assert_eq!(take(fixture).unwrap().secrets, ["whsec_y"]);
}

pub(crate) fn messages_that_were_taken_are_deleted_first(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let webhook = add(fixture, of(tenant), &WebhookEvent::of_tenants());
    let test = || fixture.store.test_webhook(of(tenant), webhook).unwrap().unwrap();
    let oldest = test();
    // The first is given up, and the next two are taken.
    for outcome in [failed(None, Duration::ZERO), taken(), taken()] {
        if outcome.is_delivered {
            test();
        }
        let message = take(fixture).unwrap();
        fixture.store.finish_message(&message, &outcome).unwrap();
    }
    let untaken: Vec<Uuid> = (0..997).map(|_| test()).collect();
    let kept = || fixture.store.webhook_messages(of(tenant), webhook, 2_000).unwrap();
    let state = || {
        let kept = kept();
        let taken = kept.iter().filter(|message| message.delivered_at.is_some()).count();
        (kept.len(), taken, kept.iter().any(|message| message.id == oldest))
    };
    assert_eq!(state(), (1_000, 2, true));
    for expected in [(1_000, 1, true), (1_000, 0, true), (1_000, 0, false)] {
        let newest = test();
        assert_eq!(state(), expected);
        assert!(kept().iter().any(|message| message.id == newest));
    }
    assert!(kept().iter().any(|message| message.id == untaken[0]));
    assert_eq!(fixture.store.test_webhook(of(tenant), Uuid::new_v4()).unwrap(), None);
}

pub(crate) fn operators_are_told_once_an_hour_of_a_failing_component(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let webhook = add(fixture, WebhookOwner::Operators, &[WebhookEvent::ComponentFailing]);
    let tenants = add(fixture, of(tenant), &WebhookEvent::ALL);
    // In the middle of an hour.
    let past = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() % 3_600;
    let to_half_past = Duration::from_secs((5_400 - past) % 3_600);
    fixture.set_clock(to_half_past);
    let tell = |component| {
        let failing = FailingComponent {
            tenant,
            tenant_name: "acme",
            component: Digest([component; 32]),
            failure: "trapped",
            failures: 300,
            suspended_for: Duration::from_secs(30),
        };
        fixture.store.tell_of_failing_component(&failing).unwrap();
    };
    let count = |owner, webhook| fixture.store.webhook_messages(owner, webhook, 9).unwrap().len();
    for (component, expected) in [(1, 1), (1, 1), (2, 2), (1, 2)] {
        tell(component);
        assert_eq!(count(WebhookOwner::Operators, webhook), expected);
    }
    assert_eq!(count(of(tenant), tenants), 0, "tenants are not told");
    fixture.set_clock(to_half_past + 60 * MINUTE);
    tell(1);
    assert_eq!(count(WebhookOwner::Operators, webhook), 3);
    let message = take(fixture).unwrap();
    assert_eq!((message.owner, message.tenant_name), (WebhookOwner::Operators, None));
    for part in [r#"{"tenant":"acme","component":"#, r#""failure":"trapped","failures":300,"suspendedSeconds":30}"#] {
        assert!(message.data.contains(part), "{part}: {}", message.data);
    }
}

pub(crate) fn webhooks_go_with_their_tenant(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    for number in 0..3 {
        let id = Uuid::new_v4();
        let webhook = NewWebhook { id, url: String::new(), events: Vec::new(), secret: String::new() };
        assert_eq!(fixture.store.add_webhook(of(tenant), &webhook, 2).unwrap(), number < 2);
    }
    let webhook = add(fixture, of(tenant), &WebhookEvent::of_tenants());
    end_a_job(fixture, tenant);
    fixture.store.remove_tenant("acme").unwrap().unwrap();
    assert!(take(fixture).is_none() && fixture.store.webhooks(of(tenant)).unwrap().is_empty());
    assert!(fixture.store.webhook_messages(of(tenant), webhook, 9).unwrap().is_empty());
    assert!(!fixture.store.remove_webhook(of(tenant), webhook).unwrap());
    let webhook = NewWebhook { id: webhook, url: String::new(), events: Vec::new(), secret: String::new() };
    assert!(!fixture.store.add_webhook(of(tenant), &webhook, 9).unwrap(), "there is no such tenant");
}

pub(crate) fn endpoints_of_all_owners_are_listed_with_those_that_fail_first(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    assert!(fixture.store.all_webhooks(10).unwrap().is_empty());
    let works = add(fixture, of(acme), &[WebhookEvent::JobCompleted]);
    let own = add(fixture, WebhookOwner::Operators, &[WebhookEvent::ComponentFailing]);
    let fails = add(fixture, of(other), &[WebhookEvent::JobCompleted]);
    let disabled = add(fixture, of(other), &[WebhookEvent::JobCancelled]);
    end_a_job(fixture, other);
    fixture.store.finish_message(&take(fixture).unwrap(), &failed(Some(MINUTE), MINUTE)).unwrap();
    let change = WebhookChange { is_enabled: Some(false), ..WebhookChange::default() };
    assert!(fixture.store.change_webhook(of(other), disabled, &change).unwrap());
    let all = fixture.store.all_webhooks(10).unwrap();
    let listed: Vec<(Option<&str>, Uuid)> = all.iter().map(|(name, webhook)| (name.as_deref(), webhook.id)).collect();
    // Those that work come last; among them, no order is promised between the operators' and the tenants'.
    assert_eq!(listed[..2], [(Some("other"), fails), (Some("other"), disabled)]);
    assert!(listed[2..].contains(&(Some("acme"), works)) && listed[2..].contains(&(None, own)), "{listed:?}");
    assert_eq!(fixture.store.all_webhooks(1).unwrap().len(), 1);
}
