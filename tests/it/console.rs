//! The console, as a browser without script uses it: the way of a file, and what keeps strangers out.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bulkhead_tests::{Options, Page, RawSocket, Server, Tenant, Visitor, wait_until};
use serde_json::json;

/// What a value must not do, wherever it is shown.
const HOSTILE: &str = r#""><script>alert(1)</script><img src=x onerror=alert(1)>'&"#;

fn server() -> Server {
    Options::default().console().start()
}

/// Starts a server, and has somebody log in for a tenant.
fn logged_in(options: Options) -> (Server, Tenant, Visitor) {
    let server = options.console().start();
    let tenant = server.add_tenant("acme");
    let visitor = server.visitor();
    visitor.log_in(&tenant);
    (server, tenant, visitor)
}

/// Returns the address of the page's form that goes on with a mapping.
fn form_of(page: &Page) -> String {
    let path = page.path.split('?').next().unwrap_or_default().to_owned();
    assert!(path.starts_with("/files/") && path.ends_with("/map"), "{path}: {}", page.html());
    path
}

/// Brings a table whose columns mean themselves, and has it checked.
fn check(visitor: &Visitor, table: &str, fields: &[(&str, &str)]) -> Page {
    let map = visitor.bring("contacts.csv", table.as_bytes(), &[]);
    let checking = visitor.submit(&form_of(&map), fields);
    visitor.wait_for(&checking.path, "/check")
}

fn table(rows: std::ops::Range<usize>) -> String {
    rows.fold(String::from("email,firstname\n"), |mut table, n| {
        let _ = writeln!(table, "c{n}@example.com,Name {n}");
        table
    })
}

on_both_stores!(a_file_goes_its_way, console());

fn a_file_goes_its_way(server: &Server) {
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    client.create(&json!([{"email": "c1@example.com", "firstname": "Old"}])).finished();
    let visitor = server.visitor();
    visitor.log_in(&tenant).with("Jobs");

    // Upload: the separator and the charset are found, and nothing is stored.
    let file = "E-Mail;Vorname;Schuhgröße\nc1@example.com;Zoë;38\nc2@example.com;Ada;\nbad;Bob;40\n";
    let latin: Vec<u8> = file.chars().map(|sign| u8::try_from(u32::from(sign)).unwrap_or(b'?')).collect();
    let map = visitor.bring("Kontakte.csv", &latin, &[]).with("Kontakte.csv").with("3 rows");
    let map = map.with("Zoë").with("read as Western").with("Schuhgröße");
    let form = form_of(&map);
    // Map: two columns that become one field are refused, and the choices stay.
    let twice = [("c0", "email"), ("c1", "email"), ("charset", "windows-1252")];
    let refused = visitor.submit(&form, &twice).with("becomes the same field").with("Zoë");
    assert!(refused.path.starts_with(&form), "the way back leads to pages alone: {}", refused.path);
    visitor.submit(&form, &[("charset", "windows-1252")]).with("No column becomes a field");
    // Check: what would happen, and why not.
    let chosen = [("c0", "email"), ("c1", "firstname"), ("c2", ""), ("charset", "windows-1252")];
    let checking = visitor.submit(&form, &chosen);
    let check = visitor.wait_for(&checking.path, "/check").with("Nothing is stored yet");
    let figures = ["would be created", "would be updated", "would be refused"].map(|label| check.figure(label));
    assert_eq!(figures, [1, 1, 1]);
    let check = check.with("E-Mail (email)").with("Old").with("Zoë");
    assert_eq!(client.search("c2@example.com").0, 0, "a check stores nothing");
    assert_eq!(visitor.open(&check.path.replace("/check", "/run")).path, check.path, "nothing was run");
    // Run and result. Running twice is running once.
    let run = visitor.submit(&check.path, &[]);
    assert_eq!(visitor.submit(&check.path, &[]).path.split('/').nth(2), run.path.split('/').nth(2));
    let result = visitor.wait_for(&run.path, "/result");
    assert_eq!(["created", "updated", "refused"].map(|label| result.figure(label)), [1, 1, 1]);
    assert_eq!(client.search("c2@example.com").0, 1);
    // The failures, corrected, go the same way again.
    let job = result.path.split('/').nth(2).expect("the path has the job").to_owned();
    let failures = visitor.open(&format!("/jobs/{job}/failures.csv"));
    assert!(failures.reply.header("content-disposition").is_some_and(|it| it.starts_with("attachment")));
    let corrected = failures.html().replacen("bad", "b@example.com", 1);
    visitor.open(&format!("/upload?like={job}")).with("corrected file");
    let map = visitor.bring("corrected.csv", corrected.as_bytes(), &[("like", &job)]);
    let map = map.with("Bulkhead wrote this file").with(r#"<option value="firstname" selected>"#);
    let again = visitor.submit(&form_of(&map), &chosen[..2]);
    let again = visitor.wait_for(&again.path, "/check");
    assert_eq!(again.figure("would be created"), 1);
    // Undo says what it would skip.
    let contact = client.get("/api/contacts?search=email:c2@example.com").json()["contacts"].clone();
    let id = contact.as_object().and_then(|all| all.keys().next().cloned()).expect("it is there");
    client.update(&json!([{"id": id.parse::<u64>().expect("a number"), "firstname": "Later"}])).finished();
    let undo = visitor.open(&format!("/jobs/{job}/undo"));
    assert_eq!([undo.figure("would be what they were"), undo.figure("would be skipped")], [1, 1]);
    let undone = visitor.submit(&format!("/jobs/{job}/undo"), &[]);
    let undone = visitor.wait_for(&undone.path, "/result").with("Undone").with("Contacts that were skipped");
    assert!(!undone.html().contains("failures.csv"), "nobody sent the rows of an undo");
    assert_eq!(client.values(&json!(1))["firstname"], "Old");
    visitor.open(&format!("/jobs/{job}/result")).with("This job was undone");
    visitor.open("/jobs").with("Undo").with("Check").with("done, some refused").with("From a program");
}

#[test]
fn a_large_file_goes_its_way_as_a_group() {
    let (server, tenant, visitor) = logged_in(Options::default());
    let check = check(&visitor, &table(0..25_000), &[("c0", "email"), ("c1", "firstname")]);
    assert!(check.path.starts_with("/groups/"), "{}", check.path);
    assert_eq!(check.figure("would be created"), 25_000);
    // The list of jobs leads to the whole file.
    let jobs = visitor.open("/jobs").with("Check of a part").with(&check.path);
    assert!(!jobs.html().contains("href=\"/jobs/"), "{}", jobs.html());
    let parts = server.client(&tenant).get("/api/contacts/jobs").json()["jobs"].clone();
    let part = format!("/jobs/{}/check", parts[0]["id"].as_str().expect("an id"));
    assert_eq!(visitor.open(&part).path, check.path, "and so does a part");
    let run = visitor.submit(&check.path, &[]);
    let result = visitor.wait_for(&run.path, "/result");
    assert_eq!(result.figure("created"), 25_000);
    assert_eq!(server.database().contacts(), 25_000);
}

#[test]
fn a_file_that_was_begun_in_part_says_so_and_goes_on() {
    let (server, _, visitor) = logged_in(Options::default());
    // Three jobs are accepted for the check, so one more is.
    server.set_limits("acme", &json!({"jobsPerMinute": 4}));
    let check = check(&visitor, &table(0..25_000), &[("c0", "email"), ("c1", "firstname")]);
    let run = visitor.submit(&check.path, &[]);
    let result = visitor.wait_for(&run.path, "/result").with("Done in part").with("2 parts").with("Run the rest");
    assert_eq!(result.figure("created"), 10_000);
    server.set_limits("acme", &json!({}));
    let run = visitor.submit(&check.path, &[]);
    let result = visitor.wait_for(&run.path, "/result");
    assert_eq!(result.figure("created"), 25_000);
    assert!(!result.html().contains("Run the rest") && result.html().contains("<h1>Done</h1>"));
}

#[test]
fn a_check_that_is_stopped_cannot_be_run() {
    let server = Options::default().console().rogue().start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let items = bulkhead_tests::slow_contacts("s", 0..10_000);
    let job = client.send("POST", "/api/contacts/bulk/new?dryRun=1", &[], &items).expect(202).json()["id"].clone();
    let path = format!("/jobs/{}/check", job.as_str().expect("an id"));
    let visitor = server.visitor();
    visitor.log_in(&tenant);
    visitor.open(&path).with("Checking the file").with("Stop");
    let stopped = visitor.submit(&path.replace("check", "cancel"), &[]);
    assert_eq!(stopped.path, path);
    let stopped = visitor.wait_for(&path, "/check").with("The check was stopped");
    assert!(!stopped.html().contains("<button class=\"primary\""));
    assert_eq!(visitor.submit(&path, &[]).reply.status, 400);
    assert_eq!(server.database().contacts(), 0);
}

#[test]
fn rows_that_bring_whole_contacts_are_told_before_they_count() {
    let (_server, _, visitor) = logged_in(Options::default());
    let item = r#""{""email"":""hidden@example.com"",""points"":99}""#;
    let file = format!("email,bulkhead:item\na@example.com,\n,{item}\n");
    let map = visitor.bring("contacts.csv", file.as_bytes(), &[]).with("1 row brings a contact of its own");
    let checking = visitor.submit(&form_of(&map), &[("c0", "email")]);
    visitor.wait_for(&checking.path, "/check").with("hidden@example.com").with("<dt>points</dt>");
}

#[test]
fn a_page_of_a_wide_table_is_bounded() {
    let (_server, _, visitor) = logged_in(Options::default());
    let names: Vec<String> = (0..999).map(|n| format!("column {n}")).collect();
    let file = format!("Mail,{}\nwide@example.com{}\n", names.join(","), ",x".repeat(999));
    let map = visitor.bring("wide.csv", file.as_bytes(), &[]).with("<datalist");
    assert!(map.reply.body.len() < 1 << 20, "{} bytes", map.reply.body.len());
    let mut fields: Vec<(String, &str)> = (1..1_000).map(|n| (format!("c{n}"), "")).collect();
    fields.push((String::from("c0"), "email"));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let checking = visitor.submit(&form_of(&map), &fields);
    assert_eq!(visitor.wait_for(&checking.path, "/check").figure("would be created"), 1);
}

#[test]
fn a_job_is_stopped_and_leaves_what_it_did() {
    let server = Options::default().console().rogue().start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let job = client.create(&bulkhead_tests::slow_contacts("s", 0..10_000)).id.clone();
    let visitor = server.visitor();
    visitor.log_in(&tenant).with("in progress");
    let run =
        visitor.open(&format!("/jobs/{job}/run")).with("Stop").with("data-progress").with("http-equiv=\"refresh\"");
    visitor.open(&format!("/jobs/{job}/progress")).with("data-percent");
    let stopped = visitor.submit(&format!("/jobs/{job}/cancel"), &[]);
    assert_eq!(run.reply.status, 200);
    visitor.wait_for(&stopped.path, "/result").with("Stopped").with("were not processed");
}

#[test]
fn hostile_texts_are_texts() {
    let (_server, _, visitor) = logged_in(Options::default());
    let quoted = format!("\"{}\"", HOSTILE.replace('"', "\"\""));
    let file = format!("email,firstname,{quoted}\na@example.com,{quoted},{quoted}\n{quoted},x,y\n");
    let map = visitor.bring(&format!("{HOSTILE}.csv"), file.as_bytes(), &[]);
    let chosen = [("c0", "email"), ("c1", "firstname"), ("c2", "lastname")];
    let form = form_of(&map);
    let faulty = visitor.submit(&form, &[("c0", "email"), ("c1", HOSTILE), ("c2", "email")]);
    let check = {
        let checking = visitor.submit(&form, &chosen);
        visitor.wait_for(&checking.path, "/check")
    };
    let result = {
        let run = visitor.submit(&check.path, &[]);
        visitor.wait_for(&run.path, "/result")
    };
    for page in [&map, &faulty, &check, &result] {
        let html = page.html();
        assert!(!html.contains("<script>") && !html.contains("<img"), "{}: {html}", page.path);
    }
    map.with("&lt;script&gt;");
    // The default component takes tags out of texts.
    check.with("&quot;&gt;alert(1)");
}

#[test]
fn every_page_says_what_a_browser_may_do() {
    let server = server();
    let tenant = server.add_tenant("acme");
    let visitor = server.visitor();
    let login = visitor.open("/").with("Log in");
    visitor.log_in(&tenant);
    for page in
        [login, visitor.open("/jobs"), visitor.open("/upload"), visitor.open("/nowhere"), visitor.open("/files/x/map")]
    {
        let header = |name: &str| page.reply.header(name).unwrap_or_default().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{}: {policy}", page.path);
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cache-control"), "no-store");
        let html = page.html();
        let has_handler = html.split([' ', '<']).any(|word| word.starts_with("on") && word.contains('='));
        assert!(!html.contains(" style=") && !html.contains("javascript:") && !has_handler, "{html}");
        for place in html.split(['"', '\'']).filter(|text| text.contains("//")) {
            assert!(!place.contains("http"), "{}: another origin: {place}", page.path);
        }
        // Everything that the page names is there.
        for path in html.split('"').filter(|text| text.starts_with("/assets/")) {
            let asset = visitor.send("GET", path, &[], &[]).expect(200);
            let tag = asset.header("etag").expect("a tag").to_owned();
            let known = visitor.send("GET", path, &[("if-none-match", &tag)], &[]).expect(304);
            for reply in [&asset, &known] {
                assert!(reply.header("cache-control").is_some_and(|value| value.contains("immutable")), "{path}");
            }
        }
    }
    assert_eq!(visitor.open("/nowhere").reply.status, 404);
}

#[test]
fn forms_of_other_pages_are_refused() {
    let (server, _, visitor) = logged_in(Options::default());
    let own = format!("http://{}", server.console_address());
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (headers, is_allowed) in [
        (vec![form, ("sec-fetch-site", "cross-site")], false),
        (vec![form, ("sec-fetch-site", "same-site")], false),
        (vec![form, ("origin", "http://evil.example")], false),
        (vec![form, ("origin", "null")], false),
        (vec![form], false),
        (vec![form, ("origin", own.as_str())], true),
        (vec![form, ("sec-fetch-site", "same-origin")], true),
    ] {
        for path in ["/login", "/logout"] {
            let stranger = server.visitor();
            let status = stranger.send("POST", path, &headers, b"client_id=a&client_secret=b").status;
            assert_eq!(status != 403 || is_allowed, is_allowed, "{path} {headers:?}: {status}");
        }
    }
    assert_eq!(visitor.open("/jobs").path, "/jobs", "nobody was logged out");
}

#[test]
fn a_session_ends_with_its_secret_by_logging_out_and_with_time() {
    let mut server = server();
    let tenant = server.add_tenant("acme");
    let visitor = server.visitor();
    assert_eq!(visitor.open("/jobs").path, "/login");
    let wrong = visitor.submit("/login", &[("client_id", &tenant.client_id), ("client_secret", "wrong")]);
    let wrong = wrong.with("no such client");
    server.wait_for_event("credentials_refused");
    assert_eq!((wrong.path.as_str(), visitor.cookie()), ("/login?fault=wrong", None));
    visitor.log_in(&tenant);
    let cookie = visitor.cookie().expect("the console set a cookie");
    let [with_it, other] = [(); 2].map(|()| server.visitor());
    other.log_in(&tenant);
    // Logging out ends the session, also for whoever has the cookie.
    assert_eq!(visitor.submit("/logout", &[]).path, "/login");
    assert_eq!(with_it.send("GET", "/jobs", &[("cookie", &cookie)], &[]).status, 303);
    assert_eq!(other.open("/jobs").path, "/jobs");
    // A revoked secret ends what began with it.
    let made = server.command_line(&["tenant", "secret", "add", "acme"]).expect(0).stdout;
    assert!(made.contains("client_secret"), "{made}");
    let listed = server.command_line(&["tenant", "secret", "list", "acme"]).expect(0).stdout;
    let first = listed.lines().next().expect("there is a secret");
    let id = first.split_once("\"id\":\"").and_then(|(_, rest)| rest.split('"').next()).expect("it has an id");
    server.command_line(&["tenant", "secret", "revoke", "acme", id]).expect(0);
    let ended = other.open("/jobs").with("Your session has ended");
    assert_eq!((ended.path.as_str(), other.cookie()), ("/login?fault=ended", None));
    // A day later, nobody is logged in.
    let tenant = server.add_tenant("other");
    let visitor = server.visitor();
    visitor.log_in(&tenant);
    server.set_clock(Duration::from_secs(13 * 60 * 60));
    visitor.open("/jobs").with("Your session has ended");
}

#[test]
fn an_address_that_guesses_sessions_has_to_wait_and_others_go_on() {
    let (mut server, _, visitor) = logged_in(Options::default());
    let guess = |n: usize| {
        let cookie = format!("bulkhead={n:0>43}");
        server.visitor().send("GET", "/jobs", &[("cookie", &cookie)], &[]).status
    };
    let statuses: Vec<u16> = (0..150).map(guess).collect();
    server.wait_for_event("credentials_refused");
    assert!(statuses.iter().take(100).all(|status| *status == 303) && statuses.contains(&429), "{statuses:?}");
    assert_eq!(visitor.open("/jobs").reply.status, 200);
}

#[test]
fn a_visitor_sees_the_own_tenant_alone_and_a_reader_changes_nothing() {
    let server = server();
    let (tenant, stranger) = (server.add_tenant("acme"), server.add_tenant("other"));
    let (visitor, other) = (server.visitor(), server.visitor());
    visitor.log_in(&tenant);
    other.log_in(&stranger);
    let map = visitor.bring("contacts.csv", table(0..3).as_bytes(), &[]);
    let form = form_of(&map);
    assert_eq!(other.open(&form).reply.status, 404);
    let checked = visitor.submit(&form, &[("c0", "email")]);
    let check = visitor.wait_for(&checked.path, "/check");
    for page in ["check", "run", "result", "progress", "failures.csv", "undo"] {
        let path = check.path.replace("check", page);
        assert_eq!(other.open(&path).reply.status, 404, "{path}");
    }
    assert_eq!(other.submit(&check.path, &[]).reply.status, 404);
    // A secret that only reads.
    let made = server.command_line(&["tenant", "secret", "add", "acme", "--scope", "read"]).expect(0).stdout;
    let secret =
        made.split_once("\"client_secret\":\"").and_then(|(_, rest)| rest.split('"').next()).expect("a secret");
    let reader = server.visitor();
    let page = reader.submit("/login", &[("client_id", &tenant.client_id), ("client_secret", secret)]);
    assert_eq!(page.path, "/jobs");
    let page = reader.open(&check.path).html();
    assert!(!page.contains("<button class=\"primary\"") && !page.contains("New import"), "{page}");
    let refused = reader.submit(&check.path, &[]).with("logged in to look only");
    assert_eq!(refused.reply.status, 403);
    assert_eq!(reader.open("/upload").reply.status, 403);
}

#[test]
fn over_tls_the_cookie_is_bound_to_the_host() {
    // A proxy on this machine says that the client spoke TLS.
    let server = Options::default().console().with("--trusted-proxy", "127.0.0.1").start();
    let tenant = server.add_tenant("acme");
    let body = format!("client_id={}&client_secret={}", tenant.client_id, tenant.client_secret);
    for (proto, begin, secure) in [("https", "__Host-bulkhead=", true), ("http", "bulkhead=", false)] {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
            ("x-forwarded-for", "10.1.2.3"),
            ("x-forwarded-proto", proto),
        ];
        let reply = server.visitor().send("POST", "/login", &headers, body.as_bytes()).expect(303);
        let cookie = reply.header("set-cookie").expect("a cookie").to_owned();
        assert!(cookie.starts_with(begin) && cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
        assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
    }
}

#[test]
fn what_comes_after_its_secret_was_revoked_counts_for_nothing() {
    let (server, tenant, visitor) = logged_in(Options::default());
    let made = server.command_line(&["tenant", "secret", "add", "acme"]).expect(0).stdout;
    let part = |name: &str| {
        let found = made.split_once(&format!("\"{name}\":\"")).and_then(|(_, rest)| rest.split('"').next());
        found.expect("the command prints it").to_owned()
    };
    let other = server.visitor();
    other.submit("/login", &[("client_id", &tenant.client_id), ("client_secret", &part("client_secret"))]);
    let cookie = other.cookie().expect("the console set a cookie");
    let map = visitor.bring("contacts.csv", table(0..3).as_bytes(), &[]);
    let upload =
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nemail\na@b.co\n\r\n--x--\r\n";
    let begun = Instant::now();
    let mut requests = [
        ("/upload", "multipart/form-data; boundary=x", upload),
        (&*form_of(&map), "application/x-www-form-urlencoded", "c0=email"),
    ]
    .map(|(path, kind, body)| {
        let mut socket = RawSocket::connect_from(Ipv4Addr::LOCALHOST.into(), server.console_address());
        socket.send(format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\nsec-fetch-site: same-origin\r\n\
             expect: 100-continue\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        ));
        assert_eq!(socket.begun_reply().status, 100, "{path}");
        (socket, body)
    });
    server.command_line(&["tenant", "secret", "revoke", "acme", &part("id")]).expect(0);
    // A session counts for a second.
    wait_until("the second is over", || (begun.elapsed() > Duration::from_millis(1_500)).then_some(()));
    for (socket, body) in &mut requests {
        let refused = socket.send(body).reply();
        assert!(refused.status == 403 && refused.text().contains("Your session has ended"), "{}", refused.text());
    }
    assert_eq!(server.database().jobs(), 0, "no check began");
    assert_eq!(server.database().number("SELECT count(*) FROM staged_files", []), 1, "the other file was not kept");
}

/// How well a page can be compressed tells something of it, so pages of others get none that is.
#[test]
fn only_what_the_consoles_own_pages_ask_for_is_compressed() {
    let (_server, _, visitor) = logged_in(Options::default());
    let map = visitor.bring("contacts.csv", table(0..3).as_bytes(), &[]);
    for (site, is_compressed) in [
        (Some("same-origin"), true),
        (Some("none"), true),
        (Some("same-site"), false),
        (Some("cross-site"), false),
        (None, false),
    ] {
        let headers: Vec<(&str, &str)> =
            [("accept-encoding", "zstd")].into_iter().chain(site.map(|site| ("sec-fetch-site", site))).collect();
        let reply = visitor.send("GET", &form_of(&map), &headers, &[]).expect(200);
        assert_eq!(reply.header("content-encoding") == Some("zstd"), is_compressed, "{site:?}");
    }
}

#[test]
fn a_column_of_ids_is_for_contacts_that_exist() {
    let (server, tenant, visitor) = logged_in(Options::default());
    server.client(&tenant).create(&json!([{"email": "a@example.com"}])).finished();
    let map = visitor.bring("contacts.csv", b"id,firstname\n1,Ada\n", &[]);
    let map = map.with(r#"<input type="radio" name="mode" value="edit" checked>"#);
    let fields = [("c0", "id"), ("c1", "firstname")];
    visitor.submit(&form_of(&map), &[&fields[..], &[("mode", "upsert")]].concat()).with("The id counts only with");
    let checking = visitor.submit(&form_of(&map), &[&fields[..], &[("mode", "edit")]].concat());
    assert_eq!(visitor.wait_for(&checking.path, "/check").figure("would be updated"), 1);
}

#[test]
fn what_is_wrong_with_a_file_is_said_by_what_the_page_has() {
    let (_server, _, visitor) = logged_in(Options::default());
    for (content, said) in [
        (&b"a@example.com,Ada\nb@example.com,Bob\n"[..], "Tick 'The first row is a contact'"),
        (b"email,firstname\n", "has only a first row"),
        (b"PK\x03\x04whatever", "Save it as CSV"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "unpack it"),
        (b"email,firstname\na@example.com\n", "line 2 has 1 cell"),
    ] {
        let map = visitor.bring("contacts.csv", content, &[]).with(said);
        assert!(!["curl", "header=absent", "Content-Encoding"].iter().any(|word| map.html().contains(word)), "{said}");
    }
}
