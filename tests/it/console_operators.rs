//! The operators' pages of the console, as a browser without script uses them: what they show, what they change, and who may.

use std::time::Duration;

use bulkhead_tests::{Options, Page, Server, Visitor, WebhookReceiver, component, contacts, slow_contacts, wait_until};
use serde_json::{Value, json};

/// What a text of a stranger must not do, wherever it is shown.
const HOSTILE: &str = r#""><script>alert(1)</script><img src=x onerror=alert(1)>'&"#;

/// The names of all limits, as docs/operating.md lists them.
const ALL_LIMITS: [&str; 21] = [
    "memoryMiB",
    "tableElements",
    "callMillis",
    "itemMillis",
    "jobSeconds",
    "replyMiB",
    "objectionsPerItem",
    "objectionBytes",
    "logKiB",
    "queuedJobs",
    "queuedMiB",
    "jobsPerMinute",
    "contactsPerMinute",
    "runningJobs",
    "resultsMiB",
    "storedMiB",
    "storedContacts",
    "undoDays",
    "keptMiB",
    "tokens",
    "tokensPerMinute",
];

/// All pages that have no thing of their own.
const LISTS: [&str; 7] =
    ["/ops/overview", "/ops/jobs", "/ops/tenants", "/ops/components", "/ops/webhooks", "/ops/audit", "/ops/servers"];

fn logged_in(options: Options) -> (Server, Visitor) {
    let server = options.operators_console().start();
    let visitor = server.visitor();
    visitor.log_in_as_operator();
    (server, visitor)
}

/// Returns what the log of operators' acts has, the oldest first.
fn logged(server: &Server) -> Vec<Value> {
    let printed = server.command_line(&["audit"]).expect(0).stdout;
    let mut entries: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    entries.reverse();
    entries
}

/// Returns which settings a tenant's page shows, as its forms say.
#[track_caller]
fn seen(page: &Page) -> String {
    let html = page.html();
    let value = html.split_once("name=\"seen\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
    value.unwrap_or_else(|| panic!("no form: {html}")).0.to_owned()
}

/// Returns a form with all limits, and these values of some of them.
fn limits_form<'a>(values: &[(&'a str, &'a str)], seen: &'a str) -> Vec<(&'a str, &'a str)> {
    let others = ALL_LIMITS.iter().filter(|name| values.iter().all(|(given, _)| given != *name));
    others.map(|name| (*name, "")).chain(values.iter().copied()).chain([("seen", seen)]).collect()
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

on_both_stores!(an_operator_changes_settings_as_on_the_command_line, operators_console());

fn an_operator_changes_settings_as_on_the_command_line(server: &Server) {
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let rules = component("rules-a").display().to_string();
    server.command_line(&["component", "add", &rules, "--name", "rules"]).expect(0);
    let visitor = server.visitor();
    visitor.log_in_as_operator();
    visitor.open("/ops/tenants?name=AC").with("acme");
    visitor.open("/ops/tenants?name=zzz").with("No tenant has such a name");
    let path = "/ops/tenants/acme";
    let page = visitor.open(path).with("What it uses").with("queuedJobs").with("share of the limit");
    // Limits: what is not in its range changes nothing, and stays in the form.
    let limits = format!("{path}/limits");
    let first = seen(&page);
    let form = |value: &'static str| limits_form(&[("memoryMiB", value)], &first);
    let refused = visitor.submit(&limits, &form("99999")).with("memoryMiB: must be from 1 to 1024").with("99999");
    assert_eq!(refused.reply.status, 400);
    visitor.submit(&limits, &form("much")).with("must be a whole number, not 'much'");
    let tried = visitor.submit(&limits, &[&form("64")[..], &[("try", "1")]].concat()).with("This would work");
    assert!(!tried.html().contains("The limits are saved"));
    let saved = visitor.submit(&limits, &form("64")).with("The limits are saved.");
    assert_eq!(saved.path, format!("{path}?changed=limits#main"));
    // Somebody else has changed them since the form was opened. Sending the refused form again does not overwrite that either.
    let late = visitor.submit(&limits, &form("32")).with("since you opened the page").with("value=\"32\"");
    let kept = late.html().split_once(&format!("action=\"{limits}#limits\"")).map(|(_, rest)| rest.contains(&first));
    assert_eq!((late.reply.status, kept), (409, Some(true)));
    // A form that lacks something would reset it.
    for fields in [&[("memoryMiB", "16")][..], &limits_form(&[("memoryMiB", "16")], "")[..]] {
        let partial = visitor.submit(&limits, fields);
        assert_eq!(partial.with("Open the page again").reply.status, 400);
    }
    let partial = visitor.submit(&limits, &[("memoryMiB", "16"), ("seen", &seen(&saved))]);
    assert_eq!(partial.with("the form lacks it").reply.status, 400);
    // The profile is judged by the processor, and what was typed stays.
    let profile = format!("{path}/profile");
    let page = visitor.open(path).with("value=\"64\"");
    let now = seen(&page);
    let typed = r#"{"fields": [{"alias": "shoe", "type": "nonsense"}], "note<script>": 1}"#;
    let refused = visitor.submit(&profile, &[("profile", typed), ("seen", &now)]).with("note&lt;script&gt;");
    assert_eq!(refused.reply.status, 400);
    let typed = "{\"fields\":\r\n[{\"alias\": \"shoe\", \"type\": \"number\"}]}";
    visitor.submit(&profile, &[("profile", typed), ("seen", &now)]).with("The profile is saved.");
    let shoe = json!([{"email": "a@example.com", "shoe": "thirty-eight"}]);
    assert_eq!(client.create(&shoe).codes(), [400], "the field is a number now");
    let shown = server.command_line(&["tenant", "show", "acme"]).expect(0).stdout;
    assert!(shown.contains("shoe") && shown.contains("\"memoryMiB\":64"), "{shown}");
    // A component with its check, who uses it, and giving it to a tenant from its page.
    let list = visitor.open("/ops/components").with("rules").with("validator").html();
    let component = list.split("href=\"").find(|part| part.contains(">rules<")).expect("a link");
    let component = component.split('"').next().expect("an address").to_owned();
    let checked = visitor.open(&format!("{component}?check=1")).with("survives a batch").with("bulkhead:contacts");
    assert_eq!(checked.html().matches("<strong>passed</strong>").count(), 6);
    let refused = visitor.open(&format!("{component}/assign?tenant=nobody")).with("no tenant");
    assert_eq!(refused.reply.status, 404);
    let components = format!("{path}/components");
    let proposed = visitor.open(&format!("{component}/assign?tenant=acme")).with("The component is chosen below");
    assert!(proposed.html().contains("selected>rules"), "{}", proposed.html());
    let digest = component.rsplit('/').next().expect("a digest").replace("%3A", ":");
    let now = seen(&proposed);
    let fields = [("processor", "default"), ("validator", digest.as_str()), ("seen", &now)];
    visitor.submit(&components, &fields).with("The components are assigned");
    visitor.open(&component).with("/ops/tenants/acme");
    // Roll back, which somebody who saw other components does not do. Doing it twice is doing it once.
    let rollback = format!("{path}/rollback");
    assert_eq!(visitor.submit(&rollback, &[("seen", &now)]).with("since you opened the page").reply.status, 409);
    let page = visitor.open(path).with("What it had before");
    assert!(page.html().contains("selected>rules"), "{}", page.html());
    let now = seen(&page);
    visitor.submit(&rollback, &[("seen", &now)]).with("has the components that it had before");
    assert_eq!(visitor.submit(&rollback, &[("seen", &now)]).reply.status, 409);
    let now = seen(&visitor.open(path));
    let wrong = [("processor", digest.as_str()), ("validator", "none"), ("seen", &now)];
    assert_eq!(visitor.submit(&components, &wrong).with("is a validator").reply.status, 400);
    // All of it is in the audit log, with its way.
    let by_console: Vec<Value> = logged(server)
        .iter()
        .filter(|entry| entry["way"] == "console")
        .map(|entry| json!([entry["action"], entry["outcome"]]))
        .collect();
    let acts = |action: &str, outcomes: &[&str]| -> Vec<Value> {
        outcomes.iter().map(|outcome| json!([action, outcome])).collect()
    };
    let expected = [
        // The limits: out of range, saved, too late.
        acts("tenant.set", &["failed", "done", "failed"]),
        // The profile and the component.
        acts("tenant.set", &["failed", "done", "done"]),
        acts("tenant.rollback", &["failed", "done", "failed"]),
        acts("tenant.set", &["failed"]),
    ]
    .concat();
    assert_eq!(by_console, expected);
    let audit = visitor.open("/ops/audit?tenant=acme").with("tenant.rollback").with("operator").with("127.0.0.1");
    assert!(!audit.html().contains("component.add"), "that is about no tenant");
    visitor.open("/ops/audit").with("component.add");
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
    let cancelled = visitor.submit(&format!("{path}/cancel"), &[]);
    assert_eq!(cancelled.path, path);
    let ended = wait_until("the job's end", || {
        let page = visitor.open(&path);
        (!page.html().contains("http-equiv=\"refresh\"")).then_some(page)
    });
    ended.with("Cancelled").with("stopped");
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
        "/ops/components/default?check=1".into(),
        "/ops/tenants/acme/profile".into(),
        "/ops/tenants/acme/limits".into(),
        "/ops/tenants/acme/components".into(),
        "/ops/tenants/acme/rollback".into(),
        format!("/ops/webhooks/{webhook}/switch"),
        format!("/ops/webhooks/{webhook}/replay"),
        format!("/ops/tenants/acme/webhooks/{webhook}/switch"),
        format!("/ops/tenants/acme/webhooks/{webhook}/replay"),
    ] {
        if path.contains('?') {
            assert_eq!(reader.open(&path).with("may only read").reply.status, 403, "{path}");
            continue;
        }
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
