//! `/openapi.json` and `/docs`: what the server says of its own API.

use bulkhead_tests::{Client, Options, Reply, Server, component};
use serde_json::json;

const COMPONENTS: &str = "/components/schemas";

fn etag(reply: &Reply) -> String {
    reply.header("etag").expect("a tag").to_owned()
}

fn assert_published(client: &Client, path: &str, content_type: &str) -> Reply {
    let whole = client.get(path).expect(200);
    assert_eq!(whole.header("content-type"), Some(content_type), "{path}");
    assert_eq!(whole.header("cache-control"), Some("max-age=300"), "{path}");
    let tag = etag(&whole);
    let head = client.call("HEAD", path, &[], &[]).expect(200);
    assert_eq!((etag(&head), head.body.len()), (tag.clone(), 0), "{path}");
    assert_eq!(head.header("content-length"), Some(whole.body.len().to_string().as_str()), "{path}");
    let unchanged = client.call("GET", path, &[("if-none-match", &tag)], &[]).expect(304);
    assert_eq!((etag(&unchanged), unchanged.body.len()), (tag, 0), "{path}");
    client.call("GET", path, &[("if-none-match", "\"an earlier one\"")], &[]).expect(200);
    whole
}

#[test]
fn each_listener_describes_its_api_to_everybody() {
    let server = Options::default().admin().health().start();
    let clients = assert_published(&server.client_with(None), "/openapi.json", "application/json").json();
    let operators = assert_published(&server.operator_with(None), "/openapi.json", "application/json").json();
    for (description, path) in [(&clients, "/api/contacts/bulk/new"), (&operators, "/admin/tenants")] {
        assert_eq!(description["openapi"], "3.1.0");
        assert!(description["paths"][path].is_object(), "{path}");
        assert!(description.pointer(COMPONENTS).is_some_and(|schemas| schemas["Problem"].is_object()));
    }
    assert!(clients["paths"]["/admin/tenants"].is_null(), "strangers need not know");
    let health = Client::with_timeout(format!("http://{}", server.health_address()), None, bulkhead_tests::DEADLINE);
    health.get("/openapi.json").expect(404);
}

#[test]
fn the_description_is_a_page_without_script_and_without_another_origin() {
    let server = Options::default().admin().start();
    let page = assert_published(&server.client_with(None), "/docs", "text/html; charset=utf-8");
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let text = page.text();
    assert!(text.contains("POST /api/contacts/bulk/new") && !text.contains("<script"), "{text}");
    assert!(!text.contains("src=") && !text.contains("href=\"http"), "{text}");
    server.operator().get("/docs").expect(404);
}

#[test]
fn what_is_published_is_read_only() {
    let server = Options::default().admin().start();
    let client = server.new_client("acme");
    let stranger = server.client_with(None);
    for path in ["/openapi.json", "/docs"] {
        let options = stranger.call("OPTIONS", path, &[], &[]).expect(204);
        assert_eq!(options.header("allow"), Some("GET, HEAD, OPTIONS"), "{path}");
        for method in ["POST", "PUT", "DELETE"] {
            stranger.call(method, path, &[], &[]).expect(401);
            client.call(method, path, &[], &[]).expect(405);
        }
        client.get(path).expect(200);
    }
    let operator = server.operator();
    operator.call("POST", "/openapi.json", &[], &[]).expect(405);
    assert_eq!(
        operator.call("OPTIONS", "/openapi.json", &[], &[]).expect(204).header("allow"),
        Some("GET, HEAD, OPTIONS")
    );
    operator.get("/openapi.json").expect(200);
}

#[test]
fn credentials_do_not_matter_to_what_everybody_may_read() {
    let server = Server::start();
    server.client_with(None).get("/openapi.json?access_token=x").expect(200);
    server.client_with(Some("Bearer wrong")).get("/docs").expect(200);
}

/// The descriptions have answers for which no other test has a reason. The check of all exchanges looks at these, too.
#[test]
fn rare_answers_are_given() {
    let server = Options::default().admin().start();
    let operator = server.operator();
    let bytes = std::fs::read(component("rules-a")).expect("it can be read");
    operator.call("POST", "/admin/components?name=rules", &[], &bytes).expect(201);
    operator.delete("/admin/components/rules").expect(200);
    operator.delete("/admin/components/rules").expect(404);
    operator.call("POST", "/admin/tenants/nobody/rollback", &[], &[]).expect(404);
    operator.get("/admin/tenants/nobody/secrets").expect(404);
    operator.call("POST", "/admin/jobs/11111111-2222-4333-8444-555555555555/cancel", &[], &[]).expect(404);
    operator.delete("/admin/tenants/nobody/tokens").expect(404);

    let profile = json!({"fields": [{"alias": "phone", "unique": true}]});
    let client = server.client(&server.add_tenant_with("acme", &profile));
    let added = |_| operator.send("POST", "/admin/tenants/acme/secrets", &[], &json!({})).status;
    assert_eq!((0..5).map(added).collect::<Vec<_>>(), [201, 201, 201, 201, 409]);

    client.create(&json!([{"email": "a@example.com"}, {"phone": "030 1"}])).wait_for("completed");
    let both = json!({"email": "a@example.com", "phone": "030 1"});
    client.send("POST", "/api/contacts/new", &[], &both).expect(422);
    client.send("PUT", "/api/contacts/1/edit", &[], &both).expect(422);
    for (table, status) in [("email\nb@example.com", 202), ("email\nc@example.com", 422)] {
        let headers = [("content-type", "text/csv"), ("idempotency-key", "one")];
        client.call("POST", "/api/contacts/importCsv", &headers, table.as_bytes()).expect(status);
    }
    for path in ["add/email", "remove/email", "email/add", "email/remove"] {
        client.call("POST", &format!("/api/contacts/99/dnc/{path}"), &[], &[]).expect(404);
    }
}
