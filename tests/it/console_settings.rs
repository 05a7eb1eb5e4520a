//! The forms of the console that change a tenant: what is refused stays in them, and nobody overwrites what another changed.

use bulkhead_tests::{Page, Server, component};
use serde_json::{Value, json};

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

/// Returns what the log of operators' acts has, the oldest first.
pub(crate) fn logged(server: &Server) -> Vec<Value> {
    let printed = server.command_line(&["audit"]).expect(0).stdout;
    let mut entries: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    entries.reverse();
    entries
}

/// Returns which settings a tenant's page shows, as its forms say.
#[track_caller]
pub(crate) fn seen(page: &Page) -> String {
    let html = page.html();
    let value = html.split_once("name=\"seen\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
    value.unwrap_or_else(|| panic!("no form: {html}")).0.to_owned()
}

/// Returns a form with all limits, and these values of some of them.
pub(crate) fn limits_form<'a>(values: &[(&'a str, &'a str)], seen: &'a str) -> Vec<(&'a str, &'a str)> {
    let others = ALL_LIMITS.iter().filter(|name| values.iter().all(|(given, _)| given != *name));
    others.map(|name| (*name, "")).chain(values.iter().copied()).chain([("seen", seen)]).collect()
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
    let checked = visitor.submit(&format!("{component}/check"), &[]).with("survives a batch").with("bulkhead:contacts");
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
