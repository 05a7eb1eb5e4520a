//! Workers are shared by the time that tenants use. Tenants whose components loop or are slow cost a neighbour's small job next
//! to nothing, however many they are.

use std::time::{Duration, Instant};

use bulkhead_tests::{Client, Job, Options, Server, contacts, wait_until};
use serde_json::{Value, json};

/// Items of a chunk.
const CHUNK: u64 = 500;
const WORKERS: usize = 2;

fn server_with(workers: usize) -> Server {
    // The end of a turn is logged as debug.
    Options::default().rogue().with("--workers", workers).with("--log", "info,bulkhead::jobs=debug").exclusive().start()
}

fn server() -> Server {
    server_with(WORKERS)
}

fn rogues(server: &Server, number: usize) -> Vec<Client> {
    (0..number).map(|index| server.new_client(&format!("rogue{index}"))).collect()
}

/// Starts three jobs for each rogue, each of `items` items that behave in this way.
fn flood<'a>(rogues: &'a [Client], behaviour: &str, items: usize) -> Vec<Job<'a>> {
    let items = json!(vec![json!({"do": behaviour}); items]);
    rogues.iter().flat_map(|rogue| [(); 3].map(|()| rogue.create(&items))).collect()
}

/// Has a tenant use three times what tenants that go first may have used.
fn use_time(client: &Client) {
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(1_500) {
        client.create(&json!(vec![json!({"do": "hundredfold"}); 500])).finished();
    }
}

fn processed(jobs: &[Job<'_>]) -> u64 {
    jobs.iter().map(|job| job.read("?details=full").expect(200).json()["processed"].as_u64().expect("a number")).sum()
}

/// Returns how many of the jobs' items were processed while each of ten one-item jobs of the neighbour waited and ran.
fn cost_of_ten_small_jobs(neighbour: &Client, jobs: &[Job<'_>]) -> Vec<u64> {
    let small_job = |_| {
        let before = processed(jobs);
        assert_eq!(neighbour.create(&contacts("n", 0..1)).finished()["processed"], 1);
        processed(jobs) - before
    };
    (0..10).map(small_job).collect()
}

#[test]
fn slow_components_do_not_keep_a_neighbours_small_job_waiting() {
    for number in [2, 4] {
        let server = server();
        let (neighbour, rogues) = (server.new_client("neighbour"), rogues(&server, number));
        let jobs = flood(&rogues, "hundredfold", 10_000);
        wait_until("every rogue's turn", || jobs.chunks(3).all(|of_rogue| processed(of_rogue) > 0).then_some(()));
        let costs = cost_of_ten_small_jobs(&neighbour, &jobs);
        let chunks = costs.iter().sum::<u64>() / CHUNK;
        assert!(chunks <= 10, "{number} rogues got {chunks} chunks done while ten small jobs waited: {costs:?}");
    }
}

#[test]
fn looping_components_do_not_keep_a_neighbours_small_job_waiting() {
    for number in [2, 4] {
        let mut server = server();
        let (neighbour, rogues) = (server.new_client("neighbour"), rogues(&server, number));
        let jobs = flood(&rogues, "loop", 2_000);
        server.wait_for_event("component_failed");
        // How often a rogue's component failed until a worker took the neighbour's job.
        let failures = [(); 10].map(|()| {
            let begin = server.log_lines();
            let job = neighbour.create(&contacts("n", 0..1));
            job.wait_for("completed");
            let entries = server.log_entries(begin);
            let until_claimed =
                entries.iter().take_while(|fields| fields["event"] != "job_claimed" || fields["job"] != job.id);
            until_claimed.filter(|fields| fields["event"] == "component_failed").count()
        });
        let all: usize = failures.iter().sum();
        assert!(all <= 10, "{number} rogues failed {all} times while ten small jobs waited: {failures:?}");
        assert!(jobs.iter().any(|job| job.status() != "completed"), "the rogues were at work");
    }
}

/// Whatever an operator lets a tenant run at a time, and for how long: one worker stays for others.
#[test]
fn one_tenant_never_takes_all_workers() {
    for (workers, most) in [(1, 1), (2, 2)] {
        let server = server_with(workers);
        let (fresh, busy, rogue) = (server.new_client("fresh"), server.new_client("busy"), server.new_client("rogue"));
        use_time(&busy);
        server.set_limits("rogue", &json!({"callMillis": 5000, "itemMillis": 20, "runningJobs": 32}));
        let jobs: Vec<_> = (0..8).map(|_| rogue.create(&json!([{"do": "loop"}]))).collect();
        let is_rogues = |event: &Value| event["tenant"] == "rogue";
        let claimed = || server.events("job_claimed").iter().filter(|event| is_rogues(event)).count();
        wait_until("the rogue's jobs", || (claimed() == most).then_some(()));
        for _ in 0..10 {
            for neighbour in [&fresh, &busy] {
                assert_eq!(neighbour.create(&contacts("n", 0..1)).finished()["processed"], 1);
            }
        }
        assert_eq!(claimed(), most, "{workers} workers");
        assert!(server.events("component_failed").is_empty(), "the neighbours waited for none of the rogue's jobs");
        for job in &jobs {
            job.delete().expect(200);
        }
    }
}

/// As many tenants as there are workers, each with many slow jobs that began while it had used little time, leave workers for
/// a neighbour that used little time itself and for one that used much.
#[test]
fn tenants_that_run_many_jobs_leave_workers_for_fresh_and_busy_neighbours() {
    let server = server_with(WORKERS);
    let (fresh, busy, rogues) = (server.new_client("fresh"), server.new_client("busy"), rogues(&server, WORKERS));
    for index in 0..WORKERS {
        let limits = json!({"callMillis": 5000, "itemMillis": 20, "runningJobs": 32});
        server.set_limits(&format!("rogue{index}"), &limits);
    }
    use_time(&busy);
    let loops = json!([{"do": "loop"}]);
    let jobs: Vec<Job<'_>> = (0..4).flat_map(|_| rogues.iter().map(|rogue| rogue.create(&loops))).collect();
    let first_of_each = |events: Vec<Value>| {
        (0..WORKERS).all(|index| events.iter().any(|event| event["tenant"] == format!("rogue{index}")))
    };
    wait_until("a job of each rogue", || first_of_each(server.events("job_claimed")).then_some(()));
    for _ in 0..10 {
        for neighbour in [&fresh, &busy] {
            assert_eq!(neighbour.create(&contacts("n", 0..1)).finished()["processed"], 1);
        }
    }
    assert!(server.events("component_failed").is_empty(), "the neighbours waited for none of the rogues' jobs");
    for job in &jobs {
        job.delete().expect(200);
    }
}

/// Isolation goes on in the next turn where it was, so a job whose component loops takes no longer in sum than without turns.
#[test]
fn a_looping_job_yields_within_a_batch_and_comes_to_its_end() {
    let server = server_with(1);
    let rogues = rogues(&server, 3);
    for index in 0..rogues.len() {
        server.set_limits(&format!("rogue{index}"), &json!({"callMillis": 20, "itemMillis": 0}));
    }
    let loops = json!(vec![json!({"do": "loop"}); 300]);
    let jobs: Vec<Job<'_>> = rogues.iter().map(|rogue| rogue.create(&loops)).collect();
    for job in &jobs {
        let rows = job.rows();
        let alone = rows
            .iter()
            .filter(|row| row["errors"]["message"].as_str().is_some_and(|message| !message.contains("not attempted")));
        assert_eq!((rows.len(), alone.count()), (300, 100), "the failure budget ends the job");
        assert!(rows.iter().all(|row| row["statusCode"] == 500), "{:?}", rows[0]);
        let released = server.events("job_released").into_iter().filter(|event| event["job"] == job.id).count();
        assert!(released > 1, "the job gave others their turns within its only batch: {released}");
        // A hundred single items and the halves that they are in; the whole batch was attempted twice.
        let failed = server.events("component_failed").into_iter().filter(|event| event["job"] == job.id).count();
        assert!(failed < 215, "{failed} failures: isolation began anew in each turn");
    }
}

#[test]
fn poison_items_fail_alone_also_when_others_take_their_turns() {
    let server = server_with(1);
    let rogues = rogues(&server, 2);
    let mut items: Vec<Value> = (0..300).map(|n| json!({"email": format!("c{n}@example.com")})).collect();
    for poison in [0, 77, 299] {
        items[poison] = json!({"do": "loop"});
    }
    for index in 0..rogues.len() {
        server.set_limits(&format!("rogue{index}"), &json!({"callMillis": 100, "itemMillis": 0}));
    }
    let jobs: Vec<Job<'_>> = rogues.iter().map(|rogue| rogue.create(&json!(items))).collect();
    for job in &jobs {
        let codes = job.codes();
        let failed: Vec<usize> = (0..300).filter(|place| codes[*place] == 500).collect();
        assert_eq!(failed, [0, 77, 299]);
        assert_eq!(codes.iter().filter(|code| **code == 201).count(), 297);
    }
}

#[test]
fn a_slow_job_that_nobody_waits_for_keeps_its_worker() {
    let server = server();
    let client = server.new_client("acme");
    let job = client.create(&json!(vec![json!({"do": "hundredfold"}); 2_000]));
    assert_eq!(job.finished()["processed"], 2_000);
    assert!(server.events("job_released").is_empty(), "{:?}", server.events("job_released"));
}
