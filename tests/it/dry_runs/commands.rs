//! Dry runs on the command line.

use bulkhead_tests::{Server, run, run_with_input};
use serde_json::{Value, json};

use super::apply;

#[test]
fn submit_makes_dry_runs_and_operators_see_them() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    client.create(&json!([{"email": "a@example.com", "firstname": "Ada"}])).wait_for("completed");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let url = server.url();
    let submit = |more: &[&str], input: &Value| {
        let args = ["submit", "-", "--url", &url, "--user", &user];
        run_with_input(args.iter().chain(more), input.to_string().as_bytes())
    };
    let items = json!([{"email": "a@example.com", "firstname": "Eve"}, {"email": "b@example.com"}, {"email": "bad"}]);
    let report = submit(&["--dry-run", "--diff"], &items).expect(1).stdout;
    for part in [
        "This was a dry run: nothing was stored.",
        "would be created            1",
        "would be updated            1",
        "would fail                  1",
        "what would change:\n  #0 a@example.com (200)\n    firstname: \"Ada\" -> \"Eve\"",
        "#2 bad (400): email: A valid email is required.",
        "to store the contacts, submit them again without --dry-run, or apply the job by POST /api/contacts/job/",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    assert_eq!(client.search("b@example.com").0, 0);
    let report = submit(&["--dry-run"], &json!([{"email": "b@example.com"}])).expect(0).stdout;
    assert!(!report.contains("what would change"), "{report}");
    let refused = submit(&["--diff"], &items).expect(2).stderr;
    assert!(refused.contains("--dry-run"), "{refused}");

    let data = server.data().display().to_string();
    let list = run(["job", "list", "--data", &data]).expect(0).stdout;
    let jobs: Vec<Value> = list.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(
        jobs.iter().map(|job| job["dryRun"].clone()).collect::<Vec<_>>(),
        [json!(true), json!(true), Value::Null]
    );
    let dry_run = client.job(jobs[0]["id"].as_str().expect("an id"));
    let applied = client.accepted(&apply(&client, &dry_run).expect(202));
    applied.wait_for("completed");
    let show = |id: &str| -> Value {
        serde_json::from_str(&run(["job", "show", id, "--data", &data]).expect(0).stdout).expect("JSON")
    };
    assert_eq!(show(&dry_run.id)["appliedAs"], json!(applied.id));
    assert_eq!((&show(&applied.id)["applies"], &show(&applied.id)["differing"]), (&json!(dry_run.id), &json!(0)));
    let listed = client.get("/api/contacts/jobs").expect(200).json();
    assert_eq!((&listed["jobs"][1]["dryRun"], &listed["jobs"][0]["applies"]), (&json!(true), &json!(dry_run.id)));
    // The command that stores what was tried can be pasted, with the secret.
    let file = server.scratch("c.json");
    std::fs::write(&file, json!([{"email": "c@example.com"}]).to_string()).expect("a file can be written");
    let file = file.display().to_string();
    let report =
        run(["submit", &file, "--url", &url, "--user", &user, "--mode", "create", "--dry-run"]).expect(0).stdout;
    let command = format!("\n  bulkhead submit {file} --url {url} --user {}:SECRET --mode create\n", tenant.client_id);
    assert!(report.ends_with(&command), "{report}");
}
