//! Calls of tenants whose components loop or are slow, beside calls of others.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use bulkhead_tests::{Client, Options, Server, contacts, email, make_load, wait_until};
use serde_json::{Value, json};

const NEW: &str = "/api/contacts/batch/new";
/// Connections of each rogue tenant.
const CONNECTIONS: usize = 8;

/// What rogue tenants send, again and again: items on which their component never returns, and items that take it a long time
/// within its limits.
fn rogue_batches() -> [(&'static str, Value); 2] {
    [("loop", json!(vec![json!({"do": "loop"}); 20])), ("slow", json!(vec![json!({"do": "hundredfold"}); 200]))]
}

/// How the calls of rogue tenants ended.
#[derive(Default)]
struct Tally {
    answered: AtomicUsize,
    refused: AtomicUsize,
}

impl Tally {
    fn all(&self) -> usize {
        self.answered.load(Ordering::Relaxed) + self.refused.load(Ordering::Relaxed)
    }
}

/// Sends a batch again and again until `is_over`. Each answer has a row for each item, or says that the server is busy.
fn send_until(client: &Client, items: &Value, is_over: &AtomicBool, tally: &Tally) {
    while !is_over.load(Ordering::Relaxed) {
        let reply = client.send("POST", NEW, &[], items);
        if reply.status == 503 {
            assert!(reply.header("retry-after").is_some() && reply.message().contains("Nothing was stored"));
            tally.refused.fetch_add(1, Ordering::Relaxed);
        } else {
            let codes = reply.expect(201).json()["statusCodes"].as_array().map(Vec::len);
            assert_eq!(codes, items.as_array().map(Vec::len));
            tally.answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Says that it is over when this is dropped, also by a panic: a scope waits for its threads.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` while `rogues` tenants send a batch on [`CONNECTIONS`] connections each.
fn beside_rogues(server: &Server, rogues: usize, items: &Value, work: impl FnOnce(&Tally)) {
    let clients: Vec<Client> = (0..rogues).map(|n| server.new_client(&format!("rogue{n}"))).collect();
    let (is_over, tally) = (AtomicBool::new(false), Tally::default());
    thread::scope(|scope| {
        for client in clients.iter().flat_map(|client| [client; CONNECTIONS]) {
            scope.spawn(|| send_until(client, items, &is_over, &tally));
        }
        let _end = End(&is_over);
        work(&tally);
    });
}

#[test]
fn no_call_of_a_neighbour_is_refused_beside_tenants_whose_components_loop_or_are_slow() {
    for rogues in [2, 4] {
        for (kind, items) in rogue_batches() {
            let server = Options::default().rogue().with("--workers", 2).exclusive().start();
            let neighbour = server.new_client("neighbour");
            neighbour.create(&contacts("n", 0..100)).wait_for("completed");
            beside_rogues(&server, rogues, &items, |tally| {
                wait_until("a rogue's call to end", || (tally.all() > 0).then_some(()));
                for n in 0..30 {
                    let list = neighbour.get("/api/contacts?limit=30");
                    assert_eq!(list.status, 200, "{rogues} {kind}: list {n}: {}", list.text());
                    let single = neighbour.send("POST", "/api/contacts/new", &[], &json!({"email": email("s", n)}));
                    assert_eq!(single.status, 201, "{rogues} {kind}: single {n}: {}", single.text());
                    let search = neighbour.get(&format!("/api/contacts?search=email:{}", email("s", n)));
                    assert_eq!(search.expect(200).json()["total"], "1");
                }
                // The neighbour's 90 calls all ended while the rogues were getting their few.
                wait_until("another call of a rogue to end", || (tally.all() > 1).then_some(()));
            });
        }
    }
}

#[test]
fn a_rogue_tenant_alone_gets_what_is_free() {
    let server = Options::default().rogue().with("--workers", 2).exclusive().start();
    let rogue = server.new_client("rogue");
    let batch = json!([{"do": "loop"}, {"email": "a@example.com"}]);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..3 {
                    let codes = rogue.send("POST", NEW, &[], &batch).expect(201).json()["statusCodes"].clone();
                    assert!(codes == json!([500, 201]) || codes == json!([500, 200]), "{codes}");
                }
            });
        }
    });
}

#[test]
fn calls_that_wait_take_no_threads_from_other_requests() {
    let server = Options::default().rogue().with("--workers", 1).exclusive().start();
    let neighbour = server.new_client("neighbour");
    let job = neighbour.create(&contacts("n", 0..10));
    job.wait_for("completed");
    // More calls than the server has threads for requests.
    beside_rogues(&server, 12, &json!(vec![json!({"do": "loop"}); 20]), |tally| {
        let mut polls = 0;
        wait_until("ten calls of rogues to end", || {
            job.read("").expect(200);
            polls += 1;
            (tally.all() > 9).then_some(())
        });
        assert!(polls > 100, "{polls} polls");
    });
}

/// Pages of rows and the checks of credentials share threads, so a queue of one tenant's pages must not stand before others.
#[test]
fn pages_of_one_tenant_do_not_queue_before_the_polls_of_another() {
    const READERS: usize = 150;
    const POLLS: usize = 50;
    let server = Options::default().with("--max-connections-per-address", 400).exclusive().start();
    let (reader, neighbour) = (server.new_client("reader"), server.new_client("neighbour"));
    let [many, one] =
        [(&reader, 1_000), (&neighbour, 1)].map(|(client, count)| client.create(&contacts("n", 0..count)));
    for job in [&many, &one] {
        job.wait_for("completed");
    }
    let (is_over, pages) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                make_load();
                while !is_over.load(Ordering::Relaxed) {
                    many.read("?details=full&limit=1000").expect(200);
                    pages.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let _end = End(&is_over);
        wait_until("pages to be read", || (pages.load(Ordering::Relaxed) > READERS).then_some(()));
        let mut pages_beside: Vec<usize> = (0..POLLS)
            .map(|_| {
                let before = pages.load(Ordering::Relaxed);
                one.read("").expect(200);
                pages.load(Ordering::Relaxed) - before
            })
            .collect();
        pages_beside.sort_unstable();
        // In a queue of all requests, each poll would wait for a page of each reader. The median leaves out the polls that the machine itself held up.
        assert!(pages_beside[POLLS / 2] < READERS / 3, "pages beside each poll: {pages_beside:?}");
    });
}

#[test]
fn a_call_that_computes_for_long_lowers_its_priority_and_its_thread_ends() {
    let server = Options::default().rogue().with("--workers", 2).start();
    let client = server.new_client("acme");
    let usual = server.nice_values("ticker")[0];
    let gives_way = || server.nice_values("call").into_iter().any(|value| value > usual);
    thread::scope(|scope| {
        scope.spawn(|| client.send("POST", NEW, &[], &json!(vec![json!({"do": "loop"}); 5])).expect(201));
        wait_until("a call that gives way", || gives_way().then_some(()));
        // Threads that commit keep their priority, because others wait for their locks.
        assert!(server.nice_values("committer").iter().all(|value| *value == usual));
    });
    wait_until("its thread to end", || (!gives_way()).then_some(()));
    client.send("POST", NEW, &[], &json!([{"email": "a@example.com"}])).expect(201);
}
