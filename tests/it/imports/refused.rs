//! Files that cannot be read whole: nothing of them is stored, and the answer says where they are wrong.

use bulkhead_tests::Server;
use serde_json::json;

use super::{CSV, NEW, send};

#[test]
fn files_that_cannot_be_read_whole_store_nothing() {
    let server = Server::start();
    let client = server.new_client("acme");
    let many = format!("email\n{}", "a@example.com\n".repeat(10_001));
    let names: String = (0..60).map(|number| format!(",{number}{}", "x".repeat(990))).collect();
    let cells = "y,".repeat(59);
    let large = format!("email{names}\n{}", format!("a@example.com,{cells}y\n").repeat(1_200));
    let long_name = format!("email,{}\na@example.com,y\n", "x".repeat(1_001));
    let long_names = format!("email{names},{}\n", names.replace('x', "y"));
    let long_row = format!("email,phone\na@b.co,1\nb@b.co,{}\n", "2".repeat(9 << 20));
    let many_members: String = (0..1_001).map(|number| format!("%22{number}%22:%22email%22,")).collect();
    let many_members = format!("?mapping=%7B{}%7D", many_members.trim_end_matches(','));
    let workbook = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    for (content_type, query, body, status, part) in [
        ("text/csv", "", &b"email\nM\x96@example.com\n"[..], 400, "0x96 in line 2"),
        ("text/csv", "?charset=klingon", b"email\na@b.co\n", 400, "'klingon'"),
        ("text/csv", "", b"email,phone\na@b.co\n", 400, "The row in line 2 has 1 cell"),
        ("text/csv", "", b"email,phone\n\"a\n\nb\",1\na@b.co,1,2\n", 400, "line 5"),
        ("text/csv", "", b"email,phone\na@b.co,\"1\n", 400, "begins with a quotation mark"),
        ("text/csv", "", b"email,email\na@b.co,1\n", 400, "'email' twice"),
        ("text/csv", "", b"email,\na@b.co,1\n", 400, "Column 2"),
        ("text/csv", "", b"x,y\n1,2\n", 400, "No column"),
        ("text/csv", "", b"ada@example.com,Ada\nb@b.co,Bob\n", 400, "so it seems to be a contact"),
        ("text/csv", "", b"ada@example.com,Ada\nb@b.co,Bob\n", 400, "Send header=absent and a mapping by numbers"),
        ("text/csv", "", b"E-Mail;email\na@b.co;b@b.co\n", 400, "such as {\"E-Mail\":\"email\"}, which names one"),
        ("text/csv", "", b"Post an,Stadtt\na@b.co,Rom\n", 400, "Send a mapping such as {\"Post an\":\"email\"}"),
        ("text/csv", "", b"<html><table>", 400, "web page"),
        ("text/csv", "", b"PK\x03\x04", 400, "spreadsheet"),
        ("text/csv", "", b"", 400, "empty"),
        ("text/csv", "", b"email,phone\n", 400, "a header and no rows"),
        ("text/csv", "", b"email,phone\n,\n \t,\n", 400, "a header and no rows"),
        // What `curl -d @FILE` makes of a table.
        ("text/csv", "", b"email,phonea@b.co,1b@b.co,2", 400, "use --data-binary, because -d leaves out"),
        ("text/csv", "", b"E-Maila@b.co", 400, "use --data-binary"),
        ("text/csv", "?mapping=%7B%22x%22:%22phone%22%7D", b"email,xa@b.co,1", 400, "use --data-binary"),
        ("text/csv", "", b"emial,x\na@b.co,1\n", 400, "contacts: 'emial', 'x' (did you mean 'email'?)."),
        ("text/csv", "", many.as_bytes(), 413, "more than 10000 rows"),
        ("text/csv", "", large.as_bytes(), 413, "as JSON"),
        ("text/csv", "", long_name.as_bytes(), 400, "Column 2 has a name of 1001 bytes"),
        ("text/csv", "", long_names.as_bytes(), 400, "bytes in all"),
        ("text/csv", "", long_row.as_bytes(), 400, "The row in line 3 has more than 8388608 bytes"),
        (
            "text/csv",
            "",
            b"email,,\na@b.co,,\nb@b.co,,x\n",
            400,
            "Column 3 has no name in the header, and text in line 3",
        ),
        ("text/csv", "", b"sep=\"\nemail\na@b.co\n", 400, "names '\"' as the separator, and '\"' cannot be one"),
        ("text/csv", "", b"email,phone\na@b.co,\0\n", 400, "Line 2 has a NUL character"),
        ("text/csv; header=maybe", "", b"email\na@b.co\n", 400, "header=maybe"),
        ("text/csv", "?mdoe=create", b"email\na@b.co\n", 400, "'mdoe'"),
        ("application/x-ndjson", "?xmode=create", b"{}\n", 400, "'xmode'"),
        (
            "text/csv",
            "?mapping=%7B%22a%22:%22email%22,%22a%22:%22phone%22%7D",
            b"a\nb\n",
            400,
            "a: this is given twice",
        ),
        (
            "text/csv",
            "?mapping=%7B%22a%22:%22email%22,%22phone%22:%22a%22%7D",
            b"a\nb\n",
            400,
            "makes two fields of the column 'a'",
        ),
        (
            "text/csv",
            "?mapping=%7B%22b%22:%22email%22%7D",
            b"a\nb\n",
            400,
            "names the column 'b', which the file does not have",
        ),
        ("text/csv", "?mapping=%7B%22a%22:%22mail%22%7D", b"a\nb\n", 400, "names the field 'mail' for the column 'a'"),
        ("text/csv", &many_members, b"email\na@b.co\n", 400, "The mapping has 1001 members"),
        ("application/x-www-form-urlencoded", "", b"email,firstname\na@b.co,Ada\n", 415, "'Content-Type: text/csv'"),
        (
            "application/x-www-form-urlencoded",
            "",
            b"{\"a\":1}\n{\"b\":2}\n",
            415,
            "'Content-Type: application/x-ndjson'",
        ),
        // What `curl -d @FILE` makes of JSON lines.
        ("application/x-ndjson", "", b"{\"email\":\"a@b.co\"}{\"email\":\"b@b.co\"}", 400, "use --data-binary"),
        (
            "application/x-www-form-urlencoded",
            "",
            b"{\"email\":\"a@b.co\"}{\"email\":\"b@b.co\"}",
            415,
            "with curl's --data-binary",
        ),
        ("text/csv", "", b"PK\x03\x04..xl/workbook.xml", 400, "an Excel workbook (.xlsx). Open it in Excel"),
        ("application/json", "", b"PK\x03\x04..xl/workbook.xml", 400, "an Excel workbook"),
        (workbook, "", b"PK\x03\x04..xl/workbook.xml", 415, "an Excel workbook"),
        ("application/pdf", "", b"%PDF-1.7", 415, "a PDF document"),
        ("application/x-ndjson", "", b"\n \n", 400, "Send a file with at least one contact."),
        ("application/x-ndjson", "", b"{}\n{\"a\"\n", 400, "the text ends too early, at column 4"),
        ("application/x-ndjson", "", b"{}\n{\"a\":\n", 400, "Line 2"),
        ("application/x-ndjson", "?mapping=%7B%7D", b"{}\n", 400, "'mapping' is for tables"),
        ("application/json", "?mapping=%7B%7D", b"[]", 400, "'mapping' is for files"),
        ("application/json", "?split=1", b"[]", 400, "'split' is for files"),
    ] {
        let refused = send(&client, &format!("{NEW}{query}"), &[("content-type", content_type)], body).expect(status);
        assert!(refused.message().contains(part), "{part}: {}", refused.message());
        assert!(refused.message().contains("Nothing was stored") || part.contains('\''), "{}", refused.message());
    }
    for path in ["/api/contacts/batch/new", "/api/contacts/new"] {
        send(&client, path, &[CSV], b"email\na@b.co\n").expect(415);
    }
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn edits_need_a_column_of_ids() {
    const EDIT: &str = "/api/contacts/bulk/edit";
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&json!([{"email": "a@b.co"}])).wait_for("completed");
    for (query, table) in
        [("", "email,city\na@b.co,Rome\n"), ("?mapping=%7B%22email%22:%22email%22%7D", "email,id\na,1\n")]
    {
        for method in ["PATCH", "PUT"] {
            let refused =
                client.call(method, &format!("{EDIT}{query}"), &[CSV], table.as_bytes()).expect(400).message();
            for part in ["no column of the file means 'id': 'email', '", "/bulk/new?mode=update", "Nothing was stored."]
            {
                assert!(refused.contains(part), "{method} {part}: {refused}");
            }
        }
    }
    assert_eq!(server.database().jobs(), 1);
    for (query, table) in [
        ("", "ID,city\n1,Rome\n"),
        ("?mapping=%7B%22Nr%22:%22id%22,%22Ort%22:%22city%22%7D", "Nr,Ort\n1,Oslo\n"),
        ("", "city,bulkhead:item\n,\"{\"\"id\"\":1,\"\"city\"\":\"\"Bath\"\"}\"\n"),
    ] {
        let job = client.accepted(&client.call("PATCH", &format!("{EDIT}{query}"), &[CSV], table.as_bytes()));
        assert_eq!(job.codes(), [200], "{table}");
    }
}

#[test]
fn one_contact_is_no_list() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let server = Server::start();
    let client = server.new_client("acme");
    for path in [NEW, "/api/contacts/batch/new"] {
        for (content_type, body, part) in [
            ("application/json", r#"{"email":"a@b.co","city":"Rome"}"#, "Put it into a list, [{…}]"),
            (
                "application/json",
                r#"{"email":"a@b.co","points":7,"tags":["x"]}"#,
                "to /api/contacts/new, which takes one",
            ),
            (FORM, "email=a%40b.co&city=Rome", "such as 0[email]="),
        ] {
            let refused = send(&client, path, &[("content-type", content_type)], body.as_bytes()).expect(400).message();
            assert!(refused.contains("is one contact") && refused.contains(part), "{path} {body}: {refused}");
            assert!(refused.contains("Nothing was stored."), "{refused}");
        }
    }
    for (method, path) in [
        ("PATCH", "/api/contacts/bulk/edit"),
        ("PUT", "/api/contacts/bulk/edit"),
        ("PATCH", "/api/contacts/batch/edit"),
        ("PUT", "/api/contacts/batch/edit"),
    ] {
        let body = br#"{"id":1,"city":"Rome"}"#;
        let refused = client.call(method, path, &[("content-type", "application/json")], body).expect(400).message();
        let advice = format!("send it to {method} /api/contacts/ID/edit, which takes one");
        assert!(refused.contains(&advice) && refused.contains("Nothing was stored."), "{method} {path}: {refused}");
    }
    assert_eq!((server.database().jobs(), server.database().contacts()), (0, 0));
    // Contacts under the client's own keys are some, whatever else is there.
    for (body, codes) in [
        (r#"{"a":{"email":"a@b.co"},"b":7}"#, vec![201, 400]),
        (r#"{"0":7}"#, vec![400]),
        (r#"{"a":["x"]}"#, vec![400]),
        ("{}", vec![]),
    ] {
        let job = client.accepted(&send(&client, NEW, &[("content-type", "application/json")], body.as_bytes()));
        assert_eq!(job.codes(), codes, "{body}");
    }
}

#[test]
fn a_list_is_not_one_contact() {
    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json";
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&json!([{"email": "a@b.co"}])).wait_for("completed");
    let (new, edit) = ("/api/contacts/new", "/api/contacts/1/edit");
    for (method, path, content_type, body, lists) in [
        ("POST", new, JSON, r#" [ {"email":"b@b.co"}]"#, "/api/contacts/batch/new or /api/contacts/bulk/new"),
        ("POST", new, FORM, "0[email]=b%40b.co&1[email]=c%40b.co", "/api/contacts/batch/new or"),
        ("PATCH", edit, JSON, r#"[{"city":"Rome"},{"city":"Bath"}]"#, "PATCH /api/contacts/batch/edit or"),
        ("PUT", edit, JSON, r#"[{"city":"Rome"}]"#, "PUT /api/contacts/bulk/edit"),
    ] {
        let refused = client.call(method, path, &[("content-type", content_type)], body.as_bytes());
        let refused = refused.expect(400).message();
        assert!(refused.contains("is a list of contacts") && refused.contains(lists), "{method} {body}: {refused}");
    }
    assert_eq!(server.database().contacts(), 1);
    let refused = client.call("POST", edit, &[("content-type", JSON)], b"{}").expect(405).message();
    assert!(refused.contains("PATCH changes the fields that are sent; PUT also empties the others"), "{refused}");
}
