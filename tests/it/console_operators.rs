//! The operators' pages of the console, as a browser without script uses them: what they show, what they change, and who may.

use std::time::Duration;

use bulkhead_tests::{Options, Server, Visitor, WebhookReceiver, contacts, slow_contacts, wait_until};
use serde_json::{Value, json};

use crate::console_settings::{limits_form, logged, seen};

/// What a text of a stranger must not do, wherever it is shown.
const HOSTILE: &str = r#""><script>alert(1)</script><img src=x onerror=alert(1)>'&"#;

/// All pages that have no thing of their own.
const LISTS: [&str; 7] =
    ["/ops/overview", "/ops/jobs", "/ops/tenants", "/ops/components", "/ops/webhooks", "/ops/audit", "/ops/servers"];

fn logged_in(options: Options) -> (Server, Visitor) {
    let server = options.operators_console().start();
    let visitor = server.visitor();
    visitor.log_in_as_operator();
    (server, visitor)
}

on_both_stores!(an_operator_finds_a_job_and_what_became_of_it, operators_console());

fn an_operator_finds_a_job_and_what_became_of_it(server: &Server) {
    let tenant = server.add_tenant("acme");
    server.add_tenant("other");
    let client = server.client(&tenant);
    let job = client.create(&json!([{"email": "a@example.com"}, {"email": "bad"}]));
    job.wait_for("completed");
    let visitor = server.visitor();
    visitor.log_in_as_operator().with("Nothing is wrong here.").with("data-history");
    // The store is asked once a second.
    wait_until("the overview's figures", || {
        let overview = visitor.open("/ops/overview");
        ((overview.figure("tenants"), overview.figure("contacts")) == (2, 1)).then_some(())
    });
    let jobs = visitor.open("/ops/jobs").with("done, some refused").with("acme");
    assert!(jobs.html().contains(&format!("/ops/jobs/{}", job.id)));
    for (query, is_there) in [
        ("tenant=acme", true),
        ("tenant=other", false),
        ("status=completed&operation=create&since=hour", true),
        ("status=queued", false),
        ("operation=update", false),
    ] {
        let page = visitor.open(&format!("/ops/jobs?{query}"));
        assert_eq!((page.reply.status, page.html().contains(&job.id)), (200, is_there), "{query}");
    }
    assert_eq!(visitor.open("/ops/jobs?tenant=nobody").with("no tenant").reply.status, 404);
    assert_eq!(visitor.open("/ops/jobs?status=lost").reply.status, 400);
    let page = visitor.open(&format!("/ops/jobs/{}", job.id)).with("Accepted").with("Begun").with("Completed");
    assert_eq!(["rows", "created", "refused"].map(|label| page.figure(label)), [2, 1, 1]);
    let page = page.with("Runs on this server").with("In components").with("What decides");
    let page = page.with("Why rows were refused").with("email: invalid_email");
    assert!(!page.html().contains("bad\""), "nothing of a contact is on it");
    let by_id = visitor.open(&format!("/ops/jobs?tenant={}", job.id));
    assert_eq!(by_id.path, format!("/ops/jobs/{}", job.id));
    assert!(!page.html().contains("Cancel this job"), "it is completed");
    visitor.open(&format!("/ops/jobs/{}/log", job.id)).with("have printed nothing");
    let dry_run = client.send("POST", "/api/contacts/bulk/new?dryRun=1", &[], &contacts("d", 0..3)).expect(202);
    let dry_run = client.accepted(&dry_run);
    dry_run.wait_for("completed");
    let page = visitor.open(&format!("/ops/jobs/{}", dry_run.id)).with("It stores nothing.");
    assert_eq!(page.figure("would be created"), 3);
    let applied = client.call("POST", &format!("{}/apply", dry_run.path()), &[], &[]).expect(202).json();
    let applied = client.job(applied["id"].as_str().expect("an id"));
    applied.wait_for("completed");
    visitor.open(&format!("/ops/jobs/{}", applied.id)).with("Applied check");
    assert_eq!(visitor.open("/ops/jobs/00000000-0000-4000-8000-000000000000").reply.status, 404);
    visitor.open("/ops/servers").with("No worker has a job").with(env!("CARGO_PKG_VERSION"));
    // The second page of a long list goes on where the first one ended, with the same filter.
    for number in 0..35 {
        client.create(&contacts(&format!("p{number}"), 0..1)).wait_for("completed");
    }
    let first = visitor.open("/ops/jobs?tenant=acme&since=hour");
    assert!(!first.html().contains(&job.id));
    let html = first.html();
    let next = html.split("href=\"").find(|part| part.contains("rel=\"next\"")).expect("there is more");
    let next = next.split('"').next().expect("an address").replace("&amp;", "&");
    let second = visitor.open(&next).with("href=\"/ops/jobs?since=hour&amp;tenant=acme\"");
    assert!(second.html().contains(&job.id) && next.contains("tenant=acme"), "{next}: {}", second.html());
}

#[test]
fn an_operator_sees_who_has_a_job_and_cancels_it() {
    let (server, visitor) = logged_in(Options::default().rogue());
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let job = client.create(&slow_contacts("s", 0..10_000));
    job.wait_for("in_progress");
    let path = format!("/ops/jobs/{}", job.id);
    let page = visitor.open(&path).with("In progress").with("on this server").with("http-equiv=\"refresh\"");
    page.with("whose lease ends at");
    visitor.open("/ops/servers").with(&job.id).with("here");
    visitor.open(&format!("{path}/cancel")).with("The job ends at once.").with("Cancel the job");
    let cancelled = visitor.submit(&format!("{path}/cancel"), &[]);
    assert_eq!(cancelled.path, path);
    let ended = wait_until("the job's end", || {
        let page = visitor.open(&path);
        (!page.html().contains("http-equiv=\"refresh\"")).then_some(page)
    });
    ended.with("Cancelled").with("stopped");
    visitor.open(&format!("{path}/cancel")).with("nothing to cancel");
    let done = client.create(&contacts("d", 0..1));
    done.wait_for("completed");
    let late = visitor.submit(&format!("/ops/jobs/{}/cancel", done.id), &[]).with("completed before");
    assert_eq!(late.reply.status, 409);
    let acts: Vec<Value> = logged(&server).into_iter().filter(|entry| entry["action"] == "job.cancel").collect();
    assert_eq!(acts.iter().map(|entry| &entry["outcome"]).collect::<Vec<_>>(), ["done", "failed"]);
}

#[test]
fn the_overview_says_what_fails_and_leads_there() {
    let (server, visitor) = logged_in(Options::default().rogue().with("--webhook-allow", "127.0.0.0/8"));
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let endpoint = WebhookReceiver::answering("500 Internal Server Error");
    client.send("POST", "/api/webhooks", &[], &json!({"url": endpoint.url()})).expect(201);
    visitor.open("/ops/overview").with("Nothing is wrong here.");
    let job = client.create(&json!([{"email": "a@example.com", "do": "trap"}, {"email": "b@example.com"}]));
    job.wait_for("completed");
    let overview = wait_until("both troubles", || {
        let page = visitor.open("/ops/overview");
        page.html().contains("1 webhook fails or is disabled").then_some(page)
    });
    let html = overview.with("failed in the last hour").with("trapped").html();
    for link in
        ["#failures", "/ops/webhooks", &format!("/ops/jobs/{}", job.id), "/ops/tenants/acme", "/ops/components/"]
    {
        assert!(html.contains(&format!("href=\"{link}")), "{link}: {html}");
    }
    visitor.open(&format!("/ops/jobs/{}", job.id)).with("Why rows were refused").with("trapped");
}

/// What an operator must see while the store is away is that it is away.
#[test]
fn the_overview_is_seen_while_the_database_is_away() {
    let cluster = bulkhead_postgres::Cluster::start();
    let url = cluster.url(&cluster.fresh_database());
    let server = Options::default().database(&url).operators_console().start();
    let (operator, stranger) = (server.visitor(), server.visitor());
    operator.log_in_as_operator();
    cluster.stop_immediately();
    let overview = wait_until("the overview", || {
        let page = operator.open("/ops/overview");
        page.html().contains("The store does not answer").then_some(page)
    });
    assert_eq!(overview.reply.status, 200);
    let cookie = format!("bulkhead={}", "x".repeat(43));
    assert_eq!(stranger.send("GET", "/ops/overview", &[("cookie", &cookie)], &[]).status, 503);
    // Whoever logged out is out.
    operator.submit("/logout", &[]);
    assert_ne!(operator.open("/ops/overview").path, "/ops/overview");
}

#[test]
fn what_components_printed_is_read_and_that_is_logged() {
    let (server, visitor) = logged_in(Options::default().rogue());
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let job = client.create(&json!([{"email": "a@example.com", "do": "escape"}]));
    job.wait_for("completed");
    let page = visitor.open(&format!("/ops/jobs/{}/log", job.id));
    let html = page.html();
    let log = html.split_once("<pre class=\"log\"").and_then(|(_, rest)| rest.split_once("</pre>")).expect("a log").0;
    assert!(log.contains('\u{fffd}') && !log.contains('\u{1b}'), "{log}");
    assert!(logged(&server).iter().any(|entry| entry["action"] == "job.log" && entry["way"] == "console"));
}

on_both_stores!(
    an_operator_sees_endpoints_fail_and_switches_them,
    operators_console(),
    with("--webhook-allow", "127.0.0.0/8")
);

fn an_operator_sees_endpoints_fail_and_switches_them(server: &Server) {
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let endpoint = WebhookReceiver::answering("500 Internal Server Error");
    let url = format!("{}&x=%3Cscript%3E", endpoint.url());
    client.send("POST", "/api/webhooks", &[], &json!({"url": url})).expect(201);
    client.create(&contacts("a", 0..1)).wait_for("completed");
    let visitor = server.visitor();
    visitor.log_in_as_operator();
    let list = wait_until("a failed attempt", || {
        let page = visitor.open("/ops/webhooks");
        page.html().contains("failed since").then_some(page)
    });
    let html = list.with("acme").with("job.completed").html();
    let path = html.split("href=\"").find(|part| part.starts_with("/ops/tenants/acme/webhooks/")).expect("a link");
    let path = path.split('"').next().expect("an address").to_owned();
    visitor.open(&path).with("next attempt 20").with("500").with("msg_");
    visitor.open("/ops/tenants/acme").with("Its webhooks").with(&path);
    visitor.submit(&format!("{path}/switch"), &[("enabled", "")]).with("It is disabled.").with("disabled 20");
    assert_eq!(visitor.submit(&format!("{path}/replay"), &[]).reply.status, 409);
    visitor.submit(&format!("{path}/switch"), &[("enabled", "1")]).with("It is enabled");
    visitor.submit(&format!("{path}/replay"), &[]).with("are on their way again");
    let unknown = "/ops/webhooks/00000000-0000-4000-8000-000000000000";
    assert_eq!(visitor.open(unknown).reply.status, 404);
    let acts: Vec<Value> = logged(server).iter().map(|entry| json!([entry["action"], entry["outcome"]])).collect();
    let expected = [
        json!(["tenant.add", "done"]),
        json!(["webhook.set", "done"]),
        json!(["webhook.replay", "failed"]),
        json!(["webhook.set", "done"]),
        json!(["webhook.replay", "done"]),
    ];
    assert_eq!(acts, expected);
}

#[test]
fn only_operators_see_their_pages_and_a_reader_changes_nothing() {
    let mut server = Options::default().operators_console().start();
    let tenant = server.add_tenant("acme");
    let job = server.client(&tenant).create(&contacts("a", 0..1)).id.clone();
    let [stranger, marketer, reader, operator] = [(); 4].map(|()| server.visitor());
    assert_eq!(stranger.open("/ops/overview").path, "/login");
    let wrong = stranger.submit("/login", &[("operator_token", "a-token-that-nobody-has-been-given")]);
    assert_eq!((wrong.path.as_str(), stranger.cookie()), ("/login?fault=wrong-token", None));
    wrong.with("not a token of this server");
    server.wait_for_event("credentials_refused");
    // A tenant's secret is no token, and a token no secret.
    let secret = stranger.submit("/login", &[("operator_token", &tenant.client_secret)]);
    assert_eq!(secret.path, "/login?fault=wrong-token");
    marketer.log_in(&tenant);
    reader.log_in_as_reader().with("read-only operator");
    operator.log_in_as_operator();
    for path in LISTS {
        assert_eq!(marketer.open(path).with("This page is for operators").reply.status, 403, "{path}");
        assert_eq!(reader.open(path).reply.status, 200, "{path}");
        assert_eq!(operator.open(path).reply.status, 200, "{path}");
    }
    for path in ["/jobs", "/upload", &format!("/jobs/{job}/run")] {
        assert_eq!(operator.open(path).with("This page is for a tenant").reply.status, 403, "{path}");
    }
    let webhook = "00000000-0000-4000-8000-000000000000";
    for path in [
        format!("/ops/jobs/{job}/cancel"),
        "/ops/components/default/check".into(),
        "/ops/tenants/acme/profile".into(),
        "/ops/tenants/acme/limits".into(),
        "/ops/tenants/acme/components".into(),
        "/ops/tenants/acme/rollback".into(),
        format!("/ops/webhooks/{webhook}/switch"),
        format!("/ops/webhooks/{webhook}/replay"),
        format!("/ops/tenants/acme/webhooks/{webhook}/switch"),
        format!("/ops/tenants/acme/webhooks/{webhook}/replay"),
    ] {
        assert_eq!(reader.submit(&path, &[]).with("may only read").reply.status, 403, "{path}");
        assert_eq!(marketer.submit(&path, &[]).reply.status, 403, "{path}");
        let foreign = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "cross-site")];
        assert_eq!(operator.send("POST", &path, &foreign, &[]).status, 403, "{path}");
        assert_eq!(stranger.submit(&path, &[]).path, "/login", "{path}");
    }
    let page = reader.open("/ops/tenants/acme").with("the token that only reads").html();
    assert!(page.contains("memoryMiB") && !page.contains("<textarea") && !page.contains("\"danger\""), "{page}");
    assert_eq!(logged(&server).len(), 1, "the tenant was added, and nothing else was done");
    // A session ends by logging out, and with time.
    assert_eq!(operator.submit("/logout", &[]).path, "/login");
    assert_eq!(operator.open("/ops/overview").path, "/login");
    server.set_clock(Duration::from_secs(13 * 60 * 60));
    reader.open("/ops/overview").with("Your session has ended");
}

#[test]
fn a_session_ends_with_its_token_and_operators_can_be_kept_out() {
    let mut server = Options::default().operators_console().start();
    let visitor = server.visitor();
    visitor.log_in_as_operator();
    let cookie = visitor.cookie().expect("the console set a cookie");
    // The same store with another token.
    let data = server.data();
    server.terminate();
    let other = |for_whom: &str| {
        let options = Options::default().console().with("--admin-token", "another-token-that-is-long-enough");
        options.with("--console-for", for_whom).initial_database(&data.join("bulkhead.sqlite")).start_alongside(&server)
    };
    let later = other("all");
    let with_it = later.visitor();
    let ended = with_it.send("GET", "/ops/overview", &[("cookie", &cookie)], &[]);
    assert_eq!(ended.header("location"), Some("/login?fault=ended"));
    with_it.open("/login").with("operator-token");
    assert_eq!(later.database().number("SELECT count(*) FROM console_sessions", []), 0, "it does not come back");
    let tenants_alone = other("tenants");
    let visitor = tenants_alone.visitor();
    assert!(!visitor.open("/login").html().contains("operator"));
    let refused = visitor.submit("/login", &[("operator_token", "another-token-that-is-long-enough")]);
    assert_eq!((refused.path.as_str(), visitor.cookie()), ("/login?fault=incomplete", None));
    assert_eq!(visitor.open("/ops/overview").reply.status, 404);
}

on_both_stores!(hostile_texts_are_texts, operators_console());

fn hostile_texts_are_texts(server: &Server) {
    let visitor = server.visitor();
    visitor.log_in_as_operator();
    server.add_tenant("acme");
    let encoded: String = form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    for path in [
        format!("/ops/jobs?tenant={encoded}"),
        format!("/ops/jobs?status={encoded}"),
        format!("/ops/tenants?name={encoded}"),
        format!("/ops/audit?tenant={encoded}"),
        format!("/ops/audit?before={encoded}"),
        format!("/ops/tenants/{}", encoded.replace('+', "%20").replace("%2F", "")),
        format!("/ops/components/{}", encoded.replace('+', "%20").replace("%2F", "")),
        "/ops/tenants/%00".into(),
        "/ops/tenants?name=%00".into(),
        "/ops/audit?tenant=%00".into(),
        "/ops/jobs?tenant=%00".into(),
        "/ops/components/%00".into(),
    ] {
        let page = visitor.open(&path);
        let html = page.html();
        assert!(!html.contains("<script>") && !html.contains("<img"), "{path}: {html}");
        assert!([200, 400, 404].contains(&page.reply.status), "{path}: {}", page.reply.status);
    }
    for (path, field) in [
        ("/ops/tenants/acme/profile", "profile"),
        ("/ops/tenants/acme/limits", "memoryMiB"),
        ("/ops/tenants/acme/components", "validator"),
        ("/ops/tenants/acme/components", "processor"),
        ("/ops/tenants/acme/rollback", "none"),
    ] {
        for value in [HOSTILE, "\0", "</textarea><script>alert(1)</script>"] {
            let now = seen(&visitor.open("/ops/tenants/acme"));
            let fields = if field == "memoryMiB" {
                limits_form(&[(field, value)], &now)
            } else {
                vec![(field, value), ("seen", &now)]
            };
            let html = visitor.submit(path, &fields).html();
            assert!(!html.contains("<script>") && !html.contains("<img"), "{path}: {html}");
        }
    }
    // What was refused is in the log of operators' acts, and stays a text there, too.
    let html = visitor.open("/ops/audit").html();
    assert!(!html.contains("<script>") && !html.contains("<img") && html.contains("&lt;script&gt;"), "{html}");
}

#[test]
fn every_page_says_what_a_browser_may_do_and_is_small() {
    let (server, visitor) = logged_in(Options::default());
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let job = client.create(&contacts("a", 0..1));
    job.wait_for("completed");
    let things = [String::from("/ops/tenants/acme"), format!("/ops/jobs/{}", job.id)];
    for path in LISTS.iter().map(ToString::to_string).chain(things) {
        let page = visitor.open(&path);
        let policy = page.reply.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(page.reply.header("cache-control"), Some("no-store"));
        let html = page.html();
        let has_handler = html.split([' ', '<']).any(|word| word.starts_with("on") && word.contains('='));
        assert!(!html.contains(" style=") && !html.contains("javascript:") && !has_handler, "{html}");
        assert_eq!(html.matches("aria-current").count(), 1, "{path} has its place");
        let headers = [("accept-encoding", "zstd"), ("sec-fetch-site", "same-origin")];
        let sent = visitor.send("GET", &path, &headers, &[]);
        assert_eq!(sent.header("content-encoding"), Some("zstd"), "{path}");
        assert!(sent.body.len() < 20_000, "{path}: {} bytes", sent.body.len());
    }
}
