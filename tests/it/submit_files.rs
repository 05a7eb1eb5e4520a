//! `bulkhead submit` with tables and JSON lines: what is sent, and what is refused before.

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bulkhead_tests::{Finished, Options, Server, bulkhead, gzip, run, run_with_input, wait_until};
use serde_json::{Value, json};

/// A server, and the options by which a tenant submits to it.
pub(crate) struct Desk {
    pub(crate) server: Server,
    url: String,
    pub(crate) user: String,
}

impl Desk {
    pub(crate) fn new(server: Server) -> Self {
        let tenant = server.add_tenant("acme");
        let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
        Self { url: server.url(), user, server }
    }

    /// Writes a file, and returns its path.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.server.scratch(name);
        fs::write(&path, bytes).expect("a file can be written");
        path.display().to_string()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.server.scratch(name).display().to_string()
    }

    pub(crate) fn args<'a>(&'a self, file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["submit", file, "--url", &self.url, "--user", &self.user], more].concat()
    }

    pub(crate) fn submit(&self, file: &str, more: &[&str]) -> Finished {
        run(self.args(file, more))
    }

    pub(crate) fn submit_input(&self, more: &[&str], input: &[u8]) -> Finished {
        run_with_input(self.args("-", more), input)
    }
}

pub(crate) fn assert_counts(report: &str, counts: [(&str, usize); 3]) {
    for (name, count) in counts {
        assert!(report.contains(&format!("{name:<20}{count:>9}\n")), "{name} {count}: {report}");
    }
}

/// Returns bytes as zstd that is not compressed: one frame of one block.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let size = u8::try_from(bytes.len()).expect("few bytes");
    let block = (u32::from(size) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, size], &block[..3], bytes].concat()
}

#[test]
fn a_table_is_sent_as_the_options_say_and_its_failures_come_back() {
    let desk = Desk::new(Server::start());
    let table = "E-Mail;Wie;Ort\r\nada@example.com;Ada;London\r\nbob@example.com;Bob;Paris\r\n;;\r\n";
    let (file, failed) = (desk.file("people.csv", table), desk.path("failed.csv"));
    let mapping = desk.file("mapping.json", "{\n\"E-Mail\": \"email\",\n\"firstname\": \"Wie\"\n}\n");
    let mapping = format!("@{mapping}");
    let first = desk.submit_input(&["--format", "csv", "--failures", &failed], b"email\nada@example.com\n").expect(0);
    assert_counts(&first.stdout, [("created", 1), ("updated", 0), ("failed", 0)]);
    for leftover in [&failed, &format!("{failed}.partial")] {
        assert!(!Path::new(leftover).exists(), "no contact failed, so there is no file {leftover}");
    }
    let options = ["--mapping", &mapping, "--mode", "create", "--failures", &failed];
    let report = desk.submit(&file, &options).expect(1).stdout;
    assert_counts(&report, [("created", 1), ("updated", 0), ("failed", 1)]);
    assert!(report.contains("\nfailed contact:\n  line 2 ada@example.com;Ada;London ("), "{report}");
    let again = format!("\n{failed} has the contacts to correct and submit again:\n  bulkhead submit {failed} ");
    assert!(report.contains(&again), "{report}");
    let rows = fs::read_to_string(&failed).expect("a file");
    assert!(
        rows.starts_with("E-Mail;Wie;Ort;bulkhead:status;bulkhead:errors\r\nada@example.com;Ada;London;"),
        "{rows}"
    );
    assert_eq!(rows.lines().count(), 2, "{rows}");
    let again = desk.submit(&failed, &["--mapping", &mapping, "--mode", "update"]).expect(0).stdout;
    assert_counts(&again, [("created", 0), ("updated", 1), ("failed", 0)]);
    // Blank cells and tables without a header.
    let options = ["--header", "absent", "--mapping", r#"{"1":"email","2":"firstname"}"#, "--blank", "clear"];
    let table = desk.file("no-header.csv", "ada@example.com^\nbob@example.com^Bobby\n");
    desk.submit(&table, &[&options[..], &["--delimiter", "^"]].concat()).expect(0);
    let tenant_contacts = desk.server.database().documents();
    let document = |email: &str| {
        let found = tenant_contacts.iter().find(|(_, document)| document.contains(email));
        found.map(|(_, document)| document.clone()).unwrap_or_default()
    };
    assert!(!document("ada@example.com").contains("Ada"), "{tenant_contacts:?}");
    assert!(document("bob@example.com").contains("Bobby"), "{tenant_contacts:?}");
}

#[test]
fn a_large_table_is_split_and_its_failures_are_one_file() {
    let desk = Desk::new(Server::start());
    let mut table = "email,firstname,Remark\n".to_owned();
    for number in 0..25_000 {
        let email =
            if [12_000, 24_000].contains(&number) { "nonsense".to_owned() } else { format!("p{number}@example.com") };
        writeln!(table, "{email},First{number},\"two\nlines\"").expect("memory can be written to");
    }
    let (file, failed) = (desk.file("many.csv", table), desk.path("failed.csv"));
    let report = desk.submit(&file, &["--failures", &failed, "--show", "1"]).expect(1);
    assert_eq!(report.stdout.lines().filter(|line| line.starts_with("job ")).count(), 3, "{}", report.stdout);
    assert_counts(&report.stdout, [("created", 24_998), ("updated", 0), ("failed", 2)]);
    let shown =
        "the first 1 of 2 failed contacts:\n  line 24002 nonsense,First12000,\"two\u{fffd}lines\" (400): email:";
    assert!(report.stdout.contains(shown), "{}", report.stdout);
    assert!(report.stderr.contains("25000 of 25000 contacts"), "{}", report.stderr);
    let rows = fs::read_to_string(&failed).expect("a file");
    assert_eq!((rows.matches("bulkhead:status").count(), rows.matches("nonsense").count()), (1, 2), "{rows}");
    let corrected =
        desk.file("corrected.csv", rows.replacen("nonsense", "q@example.com", 1).replace("nonsense", "r@example.com"));
    let again = desk.submit(&corrected, &[]).expect(0).stdout;
    assert_counts(&again, [("created", 2), ("updated", 0), ("failed", 0)]);
    assert_eq!(desk.server.database().contacts(), 25_000);
}

#[test]
fn lines_and_json_come_back_as_lines() {
    let desk = Desk::new(Server::start());
    let failed = desk.path("failed.ndjson");
    let lines = "{\"email\":\"ada@example.com\"}\r\n\r\n{\"email\":\"nonsense\",\"x\":1.0}\n";
    let report = desk.submit_input(&["--format", "ndjson", "--failures", &failed], lines.as_bytes()).expect(1).stdout;
    assert_counts(&report, [("created", 1), ("updated", 0), ("failed", 1)]);
    assert!(report.contains("line 3 {\"email\":\"nonsense\",\"x\":1.0} (400): email:"), "{report}");
    let rows = fs::read_to_string(&failed).expect("a file");
    let begin = "{\"email\":\"nonsense\",\"x\":1.0,\"bulkhead:status\":400,";
    assert!(rows.starts_with(begin) && rows.lines().count() == 1, "{rows}");
    let corrected = desk.file("corrected.jsonl", rows.replace("nonsense", "bob@example.com"));
    desk.submit(&corrected, &[]).expect(0);
    let report = desk.submit_input(&["--failures", &failed], br#"{"k":7,"l":{"email":"nonsense"}}"#).expect(1).stdout;
    assert_counts(&report, [("created", 0), ("updated", 0), ("failed", 2)]);
    let rows = fs::read_to_string(&failed).expect("a file");
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&rows[0]["bulkhead:item"], &rows[1]["email"]), (&json!(7), &json!("nonsense")));
}

#[test]
fn compressed_files_are_read_by_their_names() {
    let desk = Desk::new(Server::start());
    let latin = b"Email;Vorname\nj@example.com;J\xf6rg\n".to_vec();
    for (name, bytes, options) in [
        ("a.csv.gz", gzip(b"email,firstname\na@example.com,A\n"), &[][..]),
        ("b.csv.zst", zstd(b"email,firstname\nb@example.com,B\n"), &[]),
        ("c.tsv", b"email\tfirst name\nc@example.com\tA, B\n".to_vec(), &[]),
        ("d.jsonl.gz", gzip(b"{\"email\":\"d@example.com\"}\n"), &[]),
        ("e.json.zst", zstd(b"[{\"email\":\"e@example.com\"}]"), &[]),
        ("f.csv", latin.clone(), &["--charset", "windows-1252"]),
        ("g.txt", b"sep=;\nemail;firstname\ng@example.com;G".to_vec(), &["--format", "csv"]),
        (
            "h.txt",
            b"email\tfirst, name\nh@example.com\tH".to_vec(),
            &["--format", "tsv", "--mapping", r#"{"first, name":"firstname"}"#],
        ),
        ("i", b"{\"email\":\"i@example.com\"}\n{\"email\":\"a@example.com\",\"firstname\":\"A\"}\n".to_vec(), &[]),
    ] {
        let file = desk.file(name, bytes);
        let report = desk.submit(&file, options).expect(0).stdout;
        assert_counts(&report, [("created", 1), ("updated", 0), ("failed", 0)]);
    }
    assert!(desk.server.database().documents().iter().any(|(_, document)| document.contains("Jörg")));
}

#[test]
fn what_cannot_be_read_whole_is_not_sent() {
    let desk = Desk::new(Server::start());
    let folder = desk.path("missing").clone() + "/failed.csv";
    let good = desk.file("good.csv", "email\na@example.com\n");
    let (link, pipe, begun, failed) =
        (desk.path("link.csv"), desk.path("pipe.csv"), desk.path("begun.csv"), desk.path("failed.csv"));
    std::os::unix::fs::symlink(&good, &link).expect("a link can be made");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()));
    desk.file("begun.csv.partial", "email\nb@example.com\n");
    for (name, text, options, part) in [
        ("a.csv", &b"email,firstname\na@example.com\n"[..], &[][..], "The row in line 2 has 1 cell"),
        ("b.csv", b"email\n\"a@example.com\n", &[], "line 2 begins with a quotation mark"),
        ("c.csv", b"email,email\na,b\n", &[], "twice"),
        ("d.csv", b"email\nJ\xf6rg\n", &[], "mostly writes --charset windows-1252"),
        ("e.csv", b"", &[], "is empty"),
        (
            "f.csv",
            b"PK\x03\x04",
            &[],
            "f.csv is a ZIP archive, not a text, so nothing was sent. If it is a spreadsheet",
        ),
        ("f.json", b"%PDF-1.7", &[], "is a PDF"),
        ("f.xls", b"email\tfirstname\n", &[], "save it with 'Save As' and the type 'CSV UTF-8'"),
        ("f.txt", b"email\na@example.com\n", &[], "Give --format csv (a table), --format tsv"),
        ("g.ndjson", b"{}\n{\n", &[], "Line 2 is not JSON"),
        ("h.csv", b"a@example.com\n", &["--header", "absent"], r#"such as --mapping '{"1":"email""#),
        ("i.csv", b"email\na@example.com\n", &["--mapping", "x"], "--mapping: The mapping must be a JSON object"),
        ("j.csv", b"email\na@example.com\n", &["--mapping", "@missing"], "--mapping: missing: there is no such file"),
        ("k.csv", b"email\na@example.com\n", &["--delimiter", "ab"], "this must be one sign"),
        (
            "l.csv",
            b"email\na@example.com\n",
            &["--operation", "update", "--mode", "create"],
            "--mode is for new contacts",
        ),
        ("m.json", b"[{}]", &["--mapping", "{}"], "--mapping is for tables"),
        ("n.json", b"[{}]", &["--charset", "latin1"], "--charset is for tables and JSON lines"),
        ("o.csv", b"email\na@example.com\n", &["--failures", &folder], "--failures: "),
        ("o2.csv", b"email\na@example.com\n", &["--failures", "/dev/stdout"], "ends in .csv"),
        ("o3.csv", b"email\na@example.com\n", &["--failures", &link], "this is a link"),
        ("o4.csv", b"email\na@example.com\n", &["--failures", &pipe], "this is a device or a pipe"),
        (
            "o5.csv",
            b"email\na@example.com\n",
            &["--failures", &begun],
            "begun.csv.partial cannot be written: a submission that goes on or was interrupted has left it there",
        ),
        ("o6.ndjson", b"{}", &["--failures", &begun], "Give a name that ends in .ndjson"),
        ("o7.ndjson", b"{}", &["--failures", "failed.ndjson", "--excel"], "--excel is for tables"),
        ("good.csv", b"email\na@example.com\n", &["--failures", &good], "--failures names the file that is sent"),
        // Only the server knows the fields.
        ("p.csv", b"Colour\nred\n", &["--failures", &failed], "Give a mapping such as --mapping '{"),
    ] {
        let file = desk.file(name, text);
        let refused = desk.submit(&file, options).expect(2);
        assert!(refused.stderr.contains(part), "{name}: {part}: {}", refused.stderr);
        assert_eq!(refused.stdout, "", "{name}");
    }
    assert_eq!((desk.server.database().jobs(), desk.server.database().contacts()), (0, 0));
    for leftover in [&failed, &format!("{failed}.partial")] {
        assert!(!Path::new(leftover).exists(), "what the server refused leaves nothing behind: {leftover}");
    }
    assert_eq!(fs::read_to_string(&good).expect("it is there"), "email\na@example.com\n");
    // Nobody knows whether exported contacts are to be changed, or to be stored on another server.
    let exported =
        desk.file("exported.csv", "id,email,city,dateAdded,dateModified\n7,a@example.com,Rome,,\n8,,Oslo,,\n");
    let refused = desk.submit(&exported, &[]).expect(2);
    for part in ["--operation update", "--operation create", "Nothing was sent."] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    assert_eq!(desk.server.database().jobs(), 0);
    let report = desk.submit(&exported, &["--operation", "create"]).expect(0).stdout;
    assert!(report.contains("\n  id in 2 contacts\n"), "{report}");
    let changed = desk.file("changed.csv", "id,email,city,dateAdded,dateModified\n2,,Bath,,\n");
    let report = desk.submit(&changed, &["--operation", "update"]).expect(0).stdout;
    assert_counts(&report, [("created", 0), ("updated", 1), ("failed", 0)]);
    let misspelt = desk.file("misspelt.csv", "email,fistname\nc@example.com,Cy\n");
    let report = desk.submit(&misspelt, &[]).expect(0).stdout;
    assert!(report.contains("\n  fistname in 1 contact (did you mean firstname?)\n"), "{report}");
    // A table without rows is no error.
    let empty = desk.file("empty.csv", "email\n");
    assert!(desk.submit(&empty, &[]).expect(0).stderr.contains("has no contacts, so nothing was sent"));
    // Unless its header is a contact.
    let contact = desk.file("contact.csv", "d@example.com,Di\n");
    let refused = desk.submit(&contact, &[]).expect(2).stderr;
    assert!(refused.contains("The first row has 'd@example.com'") && refused.contains("--header absent"), "{refused}");
    let mapping = ["--header", "absent", "--mapping", r#"{"1":"email","2":"firstname"}"#];
    assert_counts(&desk.submit(&contact, &mapping).expect(0).stdout, [("created", 1), ("updated", 0), ("failed", 0)]);
    // What failed before is shown without the reasons of then.
    let (bad, failed) = (desk.file("bad.csv", "email,city\nnonsense,Rome\n"), desk.path("again.csv"));
    desk.submit(&bad, &["--failures", &failed]).expect(1);
    let report = desk.submit(&failed, &[]).expect(1).stdout;
    assert!(report.contains("\n  line 2 nonsense,Rome (400): email:"), "{report}");
}

#[test]
fn an_interrupted_table_is_resumed() {
    let desk = Desk::new(Options::default().rogue().with("--workers", 1).start());
    desk.server.allow_long_calls("acme");
    let mut table = "email,do\n".to_owned();
    for number in 0..12_000 {
        let what = match number {
            11_001 => "trap",
            _ if number % 4 == 0 => "slow",
            _ => "",
        };
        writeln!(table, "m{number}@example.com,{what}").expect("memory can be written to");
    }
    let (file, failed) = (desk.file("many.csv", table), desk.path("failed.csv"));
    let options = ["--failures", failed.as_str()];
    let mut submitting = bulkhead()
        .args(desk.args(&file, &options))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    wait_until("some contacts", || (desk.server.database().half_done() == 1).then_some(()));
    let sent = Command::new("kill").args(["-INT", &submitting.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let mut said = String::new();
    submitting.stderr.take().expect("it was piped").read_to_string(&mut said).expect("it is text");
    assert_eq!(submitting.wait().expect("it ends").code(), Some(130), "{said}");
    for part in ["sent: 10000 of 12000 contacts, in 1 job", "send POST /api/contacts/job/", "/cancel"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let id = said.split("--resume ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an id");
    let resumed = desk.submit(&file, &[&options[..], &["--resume", id]].concat());
    assert_counts(&resumed.stdout, [("created", 11_999), ("updated", 0), ("failed", 1)]);
    assert_eq!(desk.server.database().jobs(), 2, "nothing was sent twice");
    assert!(fs::read_to_string(&failed).is_ok_and(|rows| rows.contains("\r\nm11001@example.com,trap,500,")));
}
