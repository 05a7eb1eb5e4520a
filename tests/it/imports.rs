//! Files of contacts: tables and JSON lines become jobs, and what failed comes back as a file that is corrected and sent again.

mod refused;

use bulkhead_tests::{Client, Job, Options, Reply, Server, gzip};
use serde_json::{Value, json};

const NEW: &str = "/api/contacts/bulk/new";
const IMPORT: &str = "/api/contacts/importCsv";
const CSV: (&str, &str) = ("content-type", "text/csv");

fn send(client: &Client, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Reply {
    client.call("POST", path, headers, body.as_ref())
}

fn csv<'a>(client: &'a Client, query: &str, body: impl AsRef<[u8]>) -> Job<'a> {
    client.accepted(&send(client, &format!("{NEW}{query}"), &[CSV], body))
}

/// Returns a form with a file.
fn form(fields: &[(&str, &str)], file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    body.extend(
        b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"c.csv\"\r\nContent-Type: text/csv\r\n\r\n",
    );
    body.extend(file);
    body.extend(b"\r\n--b--\r\n");
    body
}

const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=b");

fn file(client: &Client, job: &Job<'_>, accept: &str, query: &str) -> Reply {
    client.call("GET", &format!("{}{query}", job.path()), &[("accept", accept)], &[])
}

fn tables_of_many_kinds_are_read(server: &Server) {
    let client = server.new_client("acme");
    for (case, query, content_type, body) in [
        ("plain", "", "text/csv", b"email,firstname,phone\nN@example.com,J\xc3\xb6rg,0049\n".to_vec()),
        (
            "semicolons of Excel",
            "",
            "text/csv",
            b"\xef\xbb\xbfE-Mail;Vorname;Telefon\r\nN@example.com;J\xc3\xb6rg;0049\r\n".to_vec(),
        ),
        (
            "windows",
            "",
            "text/csv; charset=windows-1252",
            b"Email,First name,Phone\r\nN@example.com,J\xf6rg,0049\r\n".to_vec(),
        ),
        (
            "charset in the query",
            "?charset=latin1",
            "text/csv",
            b"Email,First name,Phone\r\nN@example.com,J\xf6rg,0049\r\n".to_vec(),
        ),
        ("carriage returns", "", "text/csv", b"email\tfirstname\tphone\rN@example.com\tJ\xc3\xb6rg\t0049\r".to_vec()),
        (
            "tabs",
            "",
            "text/tab-separated-values",
            b"email\tfirstname\tphone\ta,b;c\nN@example.com\tJ\xc3\xb6rg\t0049\t\n".to_vec(),
        ),
        (
            "columns without names",
            "",
            "text/csv",
            b"email,firstname,,phone,,\nN@example.com,J\xc3\xb6rg,,0049,,\n,,,,,\n".to_vec(),
        ),
        (
            "german names",
            "",
            "text/csv",
            b"E-Mailadresse;Anrede;Titel;Vorname;Telefonnummer\nN@example.com;Frau;Dr.;J\xc3\xb6rg;0049\n".to_vec(),
        ),
        (
            "a delimiter",
            "?delimiter=%5E",
            "text/csv",
            b"email^firstname^phone\nN@example.com^J\xc3\xb6rg^0049\n".to_vec(),
        ),
        (
            "no header",
            "?header=absent&mapping=%7B%221%22%3A%22email%22%2C%222%22%3A%22firstname%22%2C%223%22%3A%22phone%22%7D",
            "text/csv",
            b"N@example.com,J\xc3\xb6rg,0049\n".to_vec(),
        ),
        (
            "no header by its type",
            "?mapping=%7B%221%22%3A%22email%22%2C%222%22%3A%22firstname%22%2C%223%22%3A%22phone%22%7D",
            "text/csv; header=absent",
            b"N@example.com,J\xc3\xb6rg,0049".to_vec(),
        ),
        (
            "utf-16",
            "",
            "text/csv",
            "\u{feff}email,firstname,phone\r\nN@example.com,Jörg,0049\r\n"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
        ),
        (
            "lines",
            "",
            "application/x-ndjson",
            "{\"email\":\"N@example.com\",\"firstname\":\"Jörg\",\"phone\":\"0049\"}\n\n".as_bytes().to_vec(),
        ),
    ] {
        let address = format!("{}@example.com", case.replace(' ', "."));
        let body = if String::from_utf8_lossy(&body).contains("N@example.com") {
            replace(&body, b"N@example.com", address.as_bytes())
        } else {
            let text: Vec<u16> = body.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            let text = String::from_utf16(&text).expect("text").replace("N@example.com", &address);
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        };
        let reply = send(&client, &format!("{NEW}{query}"), &[("content-type", content_type)], &body);
        let job = client.accepted(&reply);
        assert_eq!(job.codes(), [201], "{case}: {:?}", job.rows());
        let (total, values) = client.search(&address);
        assert_eq!((total, &values["firstname"], &values["phone"]), (1, &json!("Jörg"), &json!("0049")), "{case}");
    }
}

fn replace(body: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let place = body.windows(from.len()).position(|window| window == from).expect("it is there");
    [&body[..place], to, &body[place + from.len()..]].concat()
}

on_both_stores!(tables_of_many_kinds_are_read);

#[test]
fn a_form_brings_a_file_and_its_mapping() {
    let server = Server::start();
    let client = server.new_client("acme");
    let table = "Addr;Name;Colour\r\nada@example.com;Ada;red\r\n;;\r\nbob@example.com;Bob;\r\n";
    // The shape that was proposed to Mautic, in either direction.
    for mapping in [r#"{"Addr":"email","Name":"firstname"}"#, r#"{"email":"Addr","firstname":"Name"}"#] {
        let body = form(&[("mapping", mapping)], table.as_bytes());
        let job = client.accepted(&send(&client, IMPORT, &[FORM], body));
        let full = job.finished();
        assert_eq!((&full["total"], &full["failed"]), (&json!(2), &json!(0)));
        assert_eq!(
            full["source"],
            json!({"format": "csv", "delimiter": ";", "blankRows": 1, "columns": [
                {"column": "Addr", "field": "email"},
                {"column": "Name", "field": "firstname"},
                {"column": "Colour", "field": null},
            ]})
        );
        assert_eq!(full["ignored"], json!({"Colour": 1}));
    }
    assert_eq!(client.search("bob@example.com").1["firstname"], "Bob");
    // The table alone is taken, too, and gzip as everywhere.
    let headers = [CSV, ("content-encoding", "gzip")];
    let job = client.accepted(&send(&client, IMPORT, &headers, gzip(b"email\neve@example.com\n")));
    assert_eq!(job.codes(), [201]);
    for (headers, body, status, part) in [
        (FORM, form(&[("mapping", "x")], b"email\na@b.co\n"), 400, "mapping must be a JSON object"),
        (
            FORM,
            form(&[("mode", "x")], b"email\na@b.co\n"),
            400,
            "'mode' must be create, update or upsert, not 'x'. Nothing was stored.",
        ),
        (FORM, form(&[("dryRun", "")], b"email\na@b.co\n"), 400, "'dryRun' must be 0 or 1"),
        (FORM, form(&[("dryRun", "true")], b"email\na@b.co\n"), 400, "'dryRun' must be 0 or 1"),
        (FORM, form(&[("dryRun", "1"), ("diff", " ")], b"email\na@b.co\n"), 400, "'diff' must be 0 or 1"),
        (FORM, form(&[("x", "1")], b"email\na@b.co\n"), 400, "'x' is no field of this form"),
        (FORM, form(&[("mode", "create"), ("mode", "update")], b"email\na@b.co\n"), 400, "'mode' is there twice"),
        (FORM, form(&[], b"PK\x03\x04"), 400, "spreadsheet"),
        (
            FORM,
            b"--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b--".to_vec(),
            400,
            "Nothing was stored. With curl, send it as -F file=@",
        ),
        (
            FORM,
            b"--b\r\nContent-Disposition: form-data; name=\"contacts\"; filename=\"x.csv\"\r\n\r\nemail\na@b.co\r\n--b--".to_vec(),
            400,
            "part 'contacts' is a file, and the part with the file must be named 'file'. Nothing was stored.",
        ),
        (("content-type", "application/json"), b"[]".to_vec(), 415, "takes a table"),
    ] {
        let refused = send(&client, IMPORT, &[headers], body).expect(status);
        assert!(refused.message().contains(part), "{part}: {}", refused.message());
    }
    for (query, part) in
        [("?mode=create", "'mode' is there twice"), ("?mdoe=create", "'mdoe' is no parameter of a file")]
    {
        let body = form(&[("mode", "create")], b"email\na@b.co\n");
        let refused = send(&client, &format!("{IMPORT}{query}"), &[FORM], body).expect(400);
        assert!(refused.message().contains(part), "{part}: {}", refused.message());
    }
}

#[test]
fn cells_become_values_without_guessing() {
    let server = Server::start();
    let client = server.new_client("acme");
    let table = concat!(
        "email,firstname,zipcode,tags,city,address1\n",
        "a@example.com,Ada,00123,new | old,London,\"Line 1\nLine 2\"\n",
        "a@example.com,, ,-old,,\n",
    );
    assert_eq!(csv(&client, "", table).codes(), [201, 200]);
    let contact = client.get("/api/contacts/1").expect(200).json()["contact"].clone();
    let all = &contact["fields"]["all"];
    assert_eq!((&all["firstname"], &all["zipcode"], &all["city"]), (&json!("Ada"), &json!("00123"), &json!("London")));
    assert_eq!(all["address1"], "Line 1\nLine 2");
    let tags: Vec<&Value> = contact["tags"].as_array().into_iter().flatten().map(|tag| &tag["tag"]).collect();
    assert_eq!(tags, ["new"]);
    assert_eq!(csv(&client, "?blank=clear", "email,firstname,city\na@example.com,,\n").codes(), [200]);
    let all = client.values(&json!(1));
    assert_eq!((&all["firstname"], &all["city"], &all["zipcode"]), (&Value::Null, &Value::Null, &json!("00123")));
}

fn a_mode_refuses_what_exists_or_does_not(server: &Server) {
    let client = server.new_client("acme");
    csv(&client, "", "email,city\nold@example.com,Rome\n").wait_for("completed");
    let table =
        "email,city\nold@example.com,Oslo\nnew@example.com,Oslo\nbad,Oslo\nnew@example.com,Bonn\nNEW@example.com,\n";
    let job = csv(&client, "?mode=update", table);
    assert_eq!(job.codes(), [200, 400, 400, 400, 400]);
    let full = job.finished();
    assert_eq!(full["mode"], "update");
    let codes = |full: &Value, row: usize| full["details"]["contacts"][row]["codes"].clone();
    assert_eq!(codes(&full, 1), json!([{"field": "email", "code": "not_found"}]));
    assert_eq!(codes(&full, 2), json!([{"field": "email", "code": "invalid_email"}]));
    assert_eq!(client.search("new@example.com").0, 0);
    let job = csv(&client, "?mode=create", table);
    // The later rows name the contact that the second row makes.
    assert_eq!(job.codes(), [400, 201, 400, 400, 400]);
    assert_eq!(codes(&job.finished(), 0), json!([{"field": "email", "code": "exists"}]));
    assert_eq!(client.search("new@example.com").1["city"], "Oslo");
    assert_eq!(csv(&client, "?mode=upsert", table).codes(), [200, 200, 400, 200, 200]);
    // It is for JSON as well, and not for edits by id.
    let items = json!([{"email": "old@example.com"}, {"email": "third@example.com"}]);
    let job = client.accepted(&client.send("POST", &format!("{NEW}?mode=create"), &[], &items));
    assert_eq!(job.codes(), [400, 201]);
    let refused = client.send("PATCH", "/api/contacts/bulk/edit?mode=update", &[], &json!([{"id": 1}])).expect(400);
    assert!(refused.message().contains("by its id"), "{}", refused.message());
    // Many new ones in a row are decided without looking them up.
    let many: String = (0..3_000).map(|number| format!("m{number}@example.com,Rome\n")).collect();
    let job = csv(&client, "?mode=update", format!("email,city\n{many}old@example.com,Kyoto\n"));
    let codes = job.codes();
    assert!(codes[..3_000].iter().all(|code| *code == 400) && codes[3_000] == 200);
}

on_both_stores!(a_mode_refuses_what_exists_or_does_not);

#[test]
fn the_failures_are_corrected_and_sent_again() {
    let server = Server::start();
    let client = server.new_client("acme");
    let table =
        "E-Mail;Vorname;Farbe\r\nada@example.com;Ada;rot\r\n\"bo;b\";Bob;\"blau \"\"hell\"\"\"\r\neve@;+49 30;\r\n";
    let job = csv(&client, "", table);
    assert_eq!(job.codes(), [201, 400, 400]);
    let reply = file(&client, &job, "text/csv", "?only=failed").expect(200);
    assert_eq!(reply.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let name = format!("attachment; filename=\"job-{}-failed.csv\"", job.id);
    assert_eq!(reply.header("content-disposition"), Some(name.as_str()));
    let text = reply.text();
    assert_eq!(
        text,
        concat!(
            "E-Mail;Vorname;Farbe;bulkhead:status;bulkhead:errors\r\n",
            "\"bo;b\";Bob;\"blau \"\"hell\"\"\";400;E-Mail (email): A valid email is required.\r\n",
            "eve@;+49 30;;400;E-Mail (email): A valid email is required.\r\n",
        )
    );
    let corrected = text.replace("\"bo;b\"", "bob@example.com").replace("eve@;", "eve@example.com;");
    let again = csv(&client, "", corrected);
    assert_eq!(again.codes(), [201, 201]);
    assert_eq!(again.finished()["ignored"], json!({"Farbe": 1}));
    assert_eq!(client.search("eve@example.com").1["firstname"], "+49 30");
    assert_eq!(file(&client, &again, "text/csv", "?only=failed").expect(200).text().lines().count(), 1);
    // For Excel: a mark, and no formulas.
    let excel = file(&client, &job, "text/csv", "?only=failed&excel=1").expect(200).text();
    assert!(excel.starts_with("\u{feff}E-Mail;") && excel.contains("eve@;'+49 30;"), "{excel}");
}

#[test]
fn failures_name_the_column_and_what_is_wrong() {
    let server = Server::start();
    let client = server.new_client("acme");
    let table = concat!("email,Points,Land\n", "a@example.com,\"1,250\",\n", "b@example.com,\"1,5\",Nowhere\n",);
    let job = csv(&client, "", table);
    assert_eq!(job.codes(), [400, 400]);
    let failed = file(&client, &job, "text/csv", "?only=failed").expect(200).text();
    for part in [
        "400,Points (points): This value is not valid (not_a_number).\r\n",
        "400,Land (country): This value is not valid (not_a_choice).\r\n",
    ] {
        assert!(failed.contains(part), "{part}: {failed}");
    }
    // A column that is nearly named as a field is told with it, unless another column is the field, or a mapping leaves it out.
    let similar =
        |table: &str, query: &str| csv(&client, query, table).finished()["source"]["columns"][1]["similar"].clone();
    for (table, query, expected) in [
        ("email,fistname\nbad,x\n", "", json!("firstname")),
        ("firstname,fistname\nbad,x\n", "", Value::Null),
        ("email,colour\nbad,x\n", "", Value::Null),
        ("email,fistname\nbad,x\n", "?mapping=%7B%22email%22:%22email%22%7D", Value::Null),
    ] {
        assert_eq!(similar(table, query), expected, "{table} {query}");
    }
}

#[test]
fn an_id_that_is_not_used_is_told() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = csv(&client, "", "id,email\n7,a@example.com\n,b@example.com\n");
    assert_eq!((job.codes().as_slice(), &job.finished()["ignored"]), (&[201, 201][..], &json!({"id": 1})));
    let job = client
        .create(&json!([{"id": 7, "email": "c@example.com"}, {"id": null, "email": "d@example.com"}, {"id": ""}]));
    assert_eq!((job.codes().as_slice(), &job.finished()["ignored"]), (&[201, 201, 201][..], &json!({"id": 1})));
    let job =
        client.accepted(&client.send("PATCH", "/api/contacts/bulk/edit", &[], &json!([{"id": 1, "city": "Rome"}])));
    assert_eq!((job.codes().as_slice(), &job.finished()["ignored"]), (&[200][..], &json!({})));
}

#[test]
fn results_come_as_files() {
    let server = Server::start();
    let client = server.new_client("acme");
    let items = json!([{"email": "a@example.com"}, {"email": "a@example.com"}, {"points": "x", "tags": ["b", "c"]}, 7, {
        "email": "a@example.com", "city": "Rome"}]);
    let job = client.create(&items);
    job.wait_for("completed");
    assert_eq!(
        file(&client, &job, "text/csv", "").expect(200).text(),
        concat!(
            "index,key,id,status,action,errors\r\n",
            "0,,1,201,create,\r\n",
            "1,,1,200,unchanged,\r\n",
            "2,,,400,refuse,points: This value is not valid (not_a_number).\r\n",
            "3,,,400,refuse,A contact must be a JSON object.\r\n",
            "4,,1,200,update,\r\n",
        )
    );
    for (only, rows) in [("created", 1), ("updated", 1), ("unchanged", 1), ("failed", 2)] {
        let table = file(&client, &job, "text/csv", &format!("?only={only}")).expect(200).text();
        assert_eq!(table.lines().count(), rows + 1, "{table}");
        let lines = file(&client, &job, "application/x-ndjson", &format!("?only={only}")).expect(200).text();
        assert_eq!(lines.lines().count(), rows, "{lines}");
    }
    let all = file(&client, &job, "application/x-ndjson", "").expect(200);
    assert_eq!(all.header("content-type"), Some("application/x-ndjson"));
    let rows: Vec<Value> = all.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let full = job.read("?details=full").expect(200).json()["details"]["contacts"].clone();
    assert_eq!(Value::from(rows), full);
    assert_eq!(
        file(&client, &job, "text/csv", "?only=failed").expect(200).text().lines().next(),
        Some("points,tags,bulkhead:item,bulkhead:status,bulkhead:errors")
    );
    let failed = file(&client, &job, "application/x-ndjson", "?only=failed").expect(200).text();
    assert_eq!(
        failed,
        concat!(
            r#"{"points":"x","tags":["b","c"],"bulkhead:status":400,"bulkhead:errors":"points: This value is not valid (not_a_number)."}"#,
            "\n",
            r#"{"bulkhead:item":7,"bulkhead:status":400,"bulkhead:errors":"A contact must be a JSON object."}"#,
            "\n"
        )
    );
    // Sent again as it is, it fails as it did, and makes nothing.
    let headers = [("content-type", "application/x-ndjson")];
    let again = client.accepted(&send(&client, NEW, &headers, &failed));
    assert_eq!(again.codes(), [400, 400]);
    assert_eq!(again.finished()["ignored"], json!({}));
    let corrected = failed.replace("\"x\"", "5");
    assert_eq!(client.accepted(&send(&client, NEW, &headers, corrected)).codes(), [201, 400]);
    let semicolons = file(&client, &job, "text/csv", "?only=failed&delimiter=;").expect(200).text();
    assert!(semicolons.starts_with("points;tags;bulkhead:item;"), "{semicolons}");
    for (query, accept, part) in [
        ("?only=failed", "application/json", "for files"),
        ("?delimiter=tab", "application/json", "for files"),
        ("?delimiter=ab", "text/csv", "'delimiter' must be"),
        ("?only=all", "text/csv", "'only' must be"),
        ("?page=2", "text/csv", "no pages"),
        ("?excel=yes", "text/csv", "'excel' must be"),
    ] {
        let refused = file(&client, &job, accept, query).expect(400);
        assert!(refused.message().contains(part), "{query}: {}", refused.message());
    }
}

#[test]
fn a_file_of_an_unfinished_job_is_refused() {
    let server = Options::default().rogue().with("--workers", 1).start();
    let client = server.new_client("acme");
    let job = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    job.wait_for("in_progress");
    let refused = file(&client, &job, "text/csv", "").expect(409);
    assert_eq!(refused.problem()["type"], "job_unfinished");
    assert!(refused.header("retry-after").is_some());
    client.call("POST", &format!("{}/cancel", job.path()), &[], &[]).expect(200);
    let rest = file(&client, &job, "application/x-ndjson", "?only=failed").expect(200).text();
    assert_eq!(rest.lines().count(), 500);
    assert!(rest.starts_with(r#"{"do":"loop","bulkhead:status":409,"#), "{}", &rest[..200]);
}

fn a_large_file_becomes_a_group(server: &Server) {
    let client = server.new_client("acme");
    let table: String = (0..25_000).map(|number| format!("g{number}@example.com\n")).collect();
    let table = format!("email\n{table}bad\n");
    let send_it = || send(&client, &format!("{NEW}?split=1"), &[CSV, ("idempotency-key", "k")], &table).expect(202);
    let reply = send_it();
    let body = reply.json();
    let path = format!("/api/contacts/group/{}", body["group"].as_str().expect("a group"));
    assert_eq!(reply.header("location"), Some(path.as_str()));
    let jobs: Vec<&str> = body["jobs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert_eq!(jobs.len(), 3);
    assert_eq!(send_it().json(), body, "the same request is the same group");
    for job in &jobs {
        client.job(*job).wait_for("completed");
    }
    let group = client.get(&path).expect(200).json();
    assert_eq!(
        (&group["status"], &group["total"], &group["processed"]),
        (&json!("completed"), &json!(25_001), &json!(25_001))
    );
    assert_eq!((&group["created"], &group["failed"]), (&json!(25_000), &json!(1)));
    let sizes: Vec<(&Value, &Value)> =
        group["jobs"].as_array().into_iter().flatten().map(|job| (&job["id"], &job["total"])).collect();
    let expected: Vec<(Value, Value)> =
        jobs.iter().map(|id| json!(id)).zip([10_000, 10_000, 5_001].map(Value::from)).collect();
    assert_eq!(sizes, expected.iter().map(|(id, total)| (id, total)).collect::<Vec<_>>());
    assert_eq!(client.job(jobs[1]).read("?details=full&limit=1").expect(200).json()["group"], body["group"]);
    let last = client.job(jobs[2]).read("?details=full&page=51").expect(200).json();
    assert_eq!(last["details"]["contacts"][0]["statusCode"], 400);
    // A small file is one job, and others do not see the group.
    let small = send(&client, &format!("{NEW}?split=1"), &[CSV], "email\na@example.com\n").expect(202).json();
    assert!(small["id"].is_string(), "{small}");
    server.new_client("other").get(&path).expect(404);
    client.job(jobs[0]).delete().expect(200);
    assert_eq!(client.get(&path).expect(200).json()["total"], 15_001);
    let again = send_it().json();
    assert_eq!((&again["group"], &again["jobs"]), (&body["group"], &json!(jobs[1..])), "the group keeps its key");
    client.job(jobs[1]).delete().expect(200);
    client.job(jobs[2]).delete().expect(200);
    client.get(&path).expect(404);
    client.get("/api/contacts/group/x").expect(404);
    // Its key is free again. A group that does not fit into the queue stores nothing.
    server.set_limits("acme", &json!({"queuedJobs": 2}));
    let refused = send(&client, &format!("{NEW}?split=1"), &[CSV, ("idempotency-key", "k")], &table).expect(429);
    assert!(refused.header("retry-after").is_some());
    let listed = client.get("/api/contacts/jobs").expect(200).json();
    assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(1));
}

on_both_stores!(a_large_file_becomes_a_group);
