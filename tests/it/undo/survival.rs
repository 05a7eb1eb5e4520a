//! An undo that is cancelled, whose server dies, or that another server goes on with.

use bulkhead_tests::{Client, Job, Options, Server, contacts, wait_until};
use serde_json::{Value, json};

use super::{counts, found, try_undo};
use crate::databases::Database;

const CONTACTS: usize = 8_000;

fn updates(city: &str) -> Value {
    (0..CONTACTS).map(|n| json!({"email": format!("c{n}@example.com"), "city": city})).collect()
}

/// Makes contacts, and a job that changes them all.
fn changed<'c>(client: &'c Client) -> Job<'c> {
    client.create(&contacts("c", 0..CONTACTS)).wait_for("completed");
    let job = client.create(&updates("Elsewhere"));
    job.wait_for("completed");
    job
}

/// Waits until some of a job's items have their rows, and not all.
fn wait_for_a_part(job: &Job<'_>) {
    wait_until("a batch to be committed", || {
        let processed = job.read("?details=full").expect(200).json()["processed"].as_u64().expect("a number");
        (processed > 0).then_some(())
    });
}

fn a_cancelled_undo_keeps_what_it_did_and_can_be_repeated(server: &Server) {
    let client = server.new_client("acme");
    let job = changed(&client);
    let undone = client.accepted(&try_undo(&client, &job, "").expect(202));
    wait_for_a_part(&undone);
    client.call("POST", &format!("{}/cancel", undone.path()), &[], &[]).expect(200);
    let full = undone.finished();
    let (updated, left) = (full["updated"].as_u64().expect("a number"), full["notProcessed"].as_u64());
    assert_eq!(updated + left.unwrap_or(0), CONTACTS as u64, "{full}");
    assert_eq!(found(&client, "Elsewhere"), left.unwrap_or(0));
    // What is done already was changed since, by the undo; and is as it was.
    let again = client.accepted(&try_undo(&client, &job, "").expect(202));
    again.wait_for("completed");
    if left.is_some() {
        assert_ne!(again.id, undone.id);
        assert_eq!(counts(&again.finished()), json!([0, CONTACTS as u64 - updated, 0, updated, 0]));
    }
    assert_eq!(found(&client, "Elsewhere"), 0);
}

on_both_stores!(a_cancelled_undo_keeps_what_it_did_and_can_be_repeated, with("--workers", 1));

#[test]
fn an_undo_survives_the_death_of_its_server() {
    let mut server = Options::default().with("--workers", 1).start();
    let tenant = server.add_tenant("acme");
    let (undone, job) = {
        let client = server.client(&tenant);
        let job = changed(&client);
        let undone = client.accepted(&try_undo(&client, &job, "").expect(202));
        wait_for_a_part(&undone);
        (undone.id.clone(), job.id.clone())
    };
    server.kill9();
    server.restart();
    let client = server.client(&tenant);
    assert_eq!(counts(&client.job(&*undone).finished()), json!([0, CONTACTS, 0, 0, 0]));
    assert_eq!(try_undo(&client, &client.job(&*job), "").expect(202).json()["id"], json!(undone));
    assert_eq!((found(&client, "Elsewhere"), server.database().contacts_in_version(3)), (0, CONTACTS as i64));
    // And so does what it keeps.
    let redone = client.accepted(&try_undo(&client, &client.job(&*undone), "").expect(202));
    wait_for_a_part(&redone);
    let redone = redone.id.clone();
    server.kill9();
    server.restart();
    let client = server.client(&tenant);
    assert_eq!(counts(&client.job(&*redone).finished()), json!([0, CONTACTS, 0, 0, 0]));
    assert_eq!(found(&client, "Elsewhere"), CONTACTS as u64);
    let wrong = "SELECT sum(abs(recounted_bytes - counted_bytes) + abs(recounted_kept_bytes - counted_kept_bytes)) FROM recounted_usage";
    assert_eq!(server.database().number(wrong, []), 0);
}

#[test]
fn another_server_goes_on_with_an_undo() {
    let database = Database::fresh();
    let mut first = database.options().with("--workers", 1).start();
    let tenant = first.add_tenant("acme");
    let undone = {
        let client = first.client(&tenant);
        let job = changed(&client);
        let undone = client.accepted(&try_undo(&client, &job, "").expect(202));
        wait_for_a_part(&undone);
        undone.id.clone()
    };
    let second = database.options().with("--workers", 1).start_alongside(&first);
    first.kill9();
    let client = second.client(&tenant);
    assert_eq!(counts(&client.job(&*undone).finished()), json!([0, CONTACTS, 0, 0, 0]));
    assert_eq!(found(&client, "Elsewhere"), 0);
    assert_eq!(database.number("SELECT count(*) FROM contacts WHERE version = 3"), CONTACTS as i64);
    let wrong = "SELECT sum(abs(recounted_bytes - counted_bytes) + abs(recounted_kept_bytes - counted_kept_bytes)) FROM recounted_usage";
    assert_eq!(database.number(wrong), 0);
}
