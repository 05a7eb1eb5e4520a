//! What Mautic's clients call besides editing contacts, one test for each call.

use bulkhead_tests::{Client, Server};
use serde_json::{Value, json};

/// A server, and a client of a tenant whose contacts have two more fields, owners, stages and companies.
fn start() -> (Server, Client) {
    let server = Server::start();
    let profile = json!({
        "fields": [
            {"alias": "plan", "label": "Plan", "type": "select", "group": "professional", "choices": [
                {"label": "Free", "value": "free"}, {"label": "Paid", "value": "paid"},
            ]},
            {"alias": "number", "label": "Number", "type": "text", "required": true, "unique": true},
        ],
        "owners": [
            {"id": 5, "username": "grace", "firstName": "Grace", "lastName": "Hopper"},
            {"id": 2, "username": "ada", "firstName": "Ada", "lastName": "Lovelace"},
        ],
        "stages": [{"id": 3, "name": "Lead"}, {"id": 1, "name": "Customer"}],
        "companies": [{"id": 7, "name": "Acme \"&\" Co"}, {"id": 4, "name": "Bolts"}],
    });
    let client = server.client(&server.add_tenant_with("acme", &profile));
    (server, client)
}

fn ids(entries: &Value) -> Vec<u64> {
    entries.as_array().expect("a list").iter().map(|entry| entry["id"].as_u64().expect("an id")).collect()
}

#[test]
fn fields_are_listed_as_the_processor_knows_them() {
    let (_server, client) = start();
    let body = client.get("/api/fields/contact").expect(200).json();
    assert_eq!(body["total"], 30);
    assert_eq!(ids(&body["fields"]), (1..=30).collect::<Vec<u64>>());
    let fields = body["fields"].as_array().expect("a list");
    let names: Vec<&String> = fields[0].as_object().expect("an object").keys().collect();
    assert_eq!(
        names,
        [
            "isPublished",
            "dateAdded",
            "dateModified",
            "createdBy",
            "createdByUser",
            "modifiedBy",
            "modifiedByUser",
            "id",
            "label",
            "alias",
            "type",
            "group",
            "order",
            "object",
            "defaultValue",
            "isRequired",
            "isPubliclyUpdatable",
            "isUniqueIdentifier",
            "properties",
        ]
    );
    let field = |alias: &str| fields.iter().find(|field| field["alias"] == alias).expect("the field is listed");
    for (alias, label, kind, group, required, unique, properties) in [
        ("firstname", "First Name", "text", "core", false, false, json!([])),
        ("email", "Email", "email", "core", false, true, json!([])),
        ("points", "Points", "number", "core", false, false, json!({"roundmode": 4, "scale": 0})),
        ("attribution", "Attribution", "number", "core", false, false, json!({"roundmode": 4, "scale": 2})),
        (
            "plan",
            "Plan",
            "select",
            "professional",
            false,
            false,
            json!({"list": [{"label": "Free", "value": "free"}, {"label": "Paid", "value": "paid"}]}),
        ),
        ("number", "Number", "text", "core", true, true, json!([])),
    ] {
        let field = field(alias);
        let told =
            ["label", "type", "group", "isRequired", "isUniqueIdentifier", "properties"].map(|name| &field[name]);
        let expected = [json!(label), json!(kind), json!(group), json!(required), json!(unique), properties];
        assert_eq!(told, expected.each_ref(), "{alias}");
        assert_eq!((&field["object"], &field["order"]), (&json!("lead"), &field["id"]));
    }
    // A contact's fields are described alike.
    client.send("POST", "/api/contacts/new", &[], &json!({"number": "1"})).expect(201);
    let contact = client.get("/api/contacts/1").expect(200).json()["contact"].clone();
    for field in fields {
        let group = &contact["fields"][field["group"].as_str().expect("a group")];
        let described = &group[field["alias"].as_str().expect("an alias")];
        for name in ["id", "label", "alias", "type", "group", "properties"] {
            assert_eq!(described[name], field[name], "{field}");
        }
    }
    // In pages, as clients read them.
    let page = client.get("/api/fields/contact?start=28&limit=10&orderByDir=ASC").expect(200).json();
    assert_eq!((&page["total"], ids(&page["fields"])), (&json!(30), vec![29, 30]));
    client.get("/api/fields/contact?search=plan").expect(400);
    client.call("POST", "/api/fields/contact", &[], b"").expect(405);
}

#[test]
fn the_names_of_all_fields_are_listed_by_id() {
    let (_server, client) = start();
    let reply = client.get("/api/contacts/list/fields").expect(200);
    let names = reply.json();
    assert_eq!(names.as_object().map(|names| names.len()), Some(30));
    assert!(
        reply.text().starts_with(
            r#"{"1":{"id":1,"label":"Title","alias":"title","type":"lookup","group":"core","order":1},"2":{"id":2,"#
        ),
        "{}",
        reply.text()
    );
    assert_eq!(
        names["29"],
        json!({"id": 29, "label": "Plan", "alias": "plan", "type": "select", "group": "professional", "order": 29})
    );
}

#[test]
fn owners_are_listed() {
    let (server, client) = start();
    let owners = client.get("/api/contacts/list/owners").expect(200).json();
    assert_eq!(
        owners,
        json!([
            {"id": 5, "firstName": "Grace", "lastName": "Hopper"}, {"id": 2, "firstName": "Ada", "lastName": "Lovelace"},
        ])
    );
    assert_eq!(server.new_client("other").get("/api/contacts/list/owners").expect(200).json(), json!([]));
    client.send("POST", "/api/contacts/new", &[], &json!({"number": "1", "owner": owners[1]["id"]})).expect(201);
}

#[test]
fn stages_are_listed() {
    let (server, client) = start();
    let body = client.get("/api/stages").expect(200).json();
    assert_eq!(body["total"], 2);
    assert_eq!(
        body["stages"][0],
        json!({
            "id": 3, "isPublished": true, "dateAdded": null, "dateModified": null, "createdBy": null,
            "createdByUser": null, "modifiedBy": null, "modifiedByUser": null, "name": "Lead", "category": null,
            "description": null, "weight": 0, "publishUp": null, "publishDown": null,
        })
    );
    let sorted = client.get("/api/stages?orderBy=id&limit=1").expect(200).json();
    assert_eq!((ids(&sorted["stages"]), &sorted["total"]), (vec![1], &json!(2)));
    assert_eq!(server.new_client("other").get("/api/stages").expect(200).json(), json!({"total": 0, "stages": []}));
    client.get("/api/stages?where[0][col]=name").expect(400);
}

#[test]
fn companies_are_listed() {
    let (server, client) = start();
    let body = client.get("/api/companies?limit=30&start=0").expect(200).json();
    assert_eq!(body["total"], "2");
    let companies = body["companies"].as_object().expect("an object");
    assert_eq!(companies.keys().collect::<Vec<_>>(), ["7", "4"]);
    let company = &companies["7"];
    assert_eq!((&company["id"], &company["score"]), (&json!(7), &json!(0)));
    assert_eq!(company["fields"]["all"], json!({"id": 7, "companyname": "Acme \"&\" Co"}));
    assert_eq!(company["fields"]["core"]["companyname"]["value"], "Acme \"&\" Co");
    assert_eq!((&company["fields"]["professional"], &company["fields"]["other"]), (&json!([]), &json!([])));
    let none = server.new_client("other").get("/api/companies").expect(200);
    assert_eq!(none.text(), r#"{"total":"0","companies":{}}"#);
}

#[test]
fn the_caller_is_told_who_calls() {
    let (server, client) = start();
    let body = client.get("/api/users/self").expect(200).json();
    assert_eq!(
        [&body["username"], &body["id"], &body["role"]["isAdmin"]],
        [&json!("acme"), &json!(0), &json!(true)],
        "{body}"
    );
    server.client_with(None).get("/api/users/self").expect(401);
    for path in ["/api/users", "/api/users/1", "/api/fields/company", "/api/stages/3", "/api/companies/7"] {
        client.get(path).expect(404);
    }
}

/// The entries of a contact, as channel, reason and comments.
fn do_not_contact(contact: &Value) -> Vec<(String, u64, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let entry = |entry: &Value| {
        (text(&entry["channel"]), entry["reason"].as_u64().expect("a number"), text(&entry["comments"]))
    };
    contact["doNotContact"].as_array().expect("a list").iter().map(entry).collect()
}

#[test]
fn a_channel_is_added_to_do_not_contact_and_removed() {
    let (_server, client) = start();
    client.send("POST", "/api/contacts/new", &[], &json!({"number": "1", "firstname": "Ada"})).expect(201);
    let entry = |channel: &str, reason, comments: &str| (channel.to_owned(), reason, comments.to_owned());
    // Without a body, as Mautic's clients send it.
    let added = client.call("POST", "/api/contacts/1/dnc/email/add", &[], b"").expect(200).json();
    assert_eq!(added.as_object().map(|added| added.len()), Some(1), "{added}");
    assert_eq!(do_not_contact(&added["contact"]), [entry("email", 3, "")]);
    assert_eq!(added["contact"]["fields"]["all"]["firstname"], "Ada");
    let body = json!({"reason": 2, "comments": "came <b>back</b>", "channelId": 7});
    let reply = client.send("POST", "/api/contacts/1/dnc/email/add", &[], &body).expect(200);
    assert_eq!(do_not_contact(&reply.json()["contact"]), [entry("email", 2, "came back")]);
    assert_eq!(reply.header("bulkhead-ignored"), Some("channelId"));
    // The older order of words, and a form.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let added =
        client.call("POST", "/api/contacts/1/dnc/add/sms", &form, b"reason=1&comments=a+%26+b").expect(200).json();
    assert_eq!(do_not_contact(&added["contact"]), [entry("email", 2, "came back"), entry("sms", 1, "a & b")]);
    assert_eq!(
        client.get("/api/contacts/1").expect(200).json()["contact"]["doNotContact"],
        added["contact"]["doNotContact"]
    );
    let removed = client.call("POST", "/api/contacts/1/dnc/email/remove", &[], b"").expect(200).json();
    assert_eq!(removed["recordFound"], true);
    assert_eq!(do_not_contact(&removed["contact"]), [entry("sms", 1, "a & b")]);
    let again = client.send("POST", "/api/contacts/1/dnc/remove/email", &[], &json!({})).expect(200).json();
    assert_eq!((&again["recordFound"], do_not_contact(&again["contact"]).len()), (&json!(false), 1));
}

#[test]
fn the_reason_of_an_entry_can_be_changed_unless_the_contact_unsubscribed() {
    let (_server, client) = start();
    client.send("POST", "/api/contacts/new", &[], &json!({"number": "1"})).expect(201);
    let add = |body: Value| client.send("POST", "/api/contacts/1/dnc/email/add", &[], &body).expect(200).json();
    let kept = json!([{"field": "doNotContact", "code": "unsubscribed_kept"}]);
    for (body, reason, warnings) in [
        (json!({"reason": 3}), 3, &Value::Null),
        (json!({"reason": 2}), 2, &Value::Null),
        (json!({"reason": 3.0}), 3, &Value::Null),
        (json!({"reason": "2.0"}), 2, &Value::Null),
        (json!({"reason": 1}), 1, &Value::Null),
        // As in Mautic, who unsubscribed stays unsubscribed until the entry is removed. Here, the client is told.
        (json!({"reason": 2}), 1, &kept),
        (json!({"comments": "by phone"}), 1, &kept),
        (json!({"reason": 1}), 1, &Value::Null),
        (json!({}), 1, &Value::Null),
    ] {
        let added = add(body.clone());
        assert_eq!(do_not_contact(&added["contact"]), [(String::from("email"), reason, String::new())], "{body}");
        assert_eq!(&added["warnings"], warnings, "{body}");
    }
    client.call("POST", "/api/contacts/1/dnc/email/remove", &[], b"").expect(200);
    assert_eq!(add(json!({"reason": 2}))["contact"]["doNotContact"][0]["reason"], 2);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    client.call("POST", "/api/contacts/1/dnc/email/add", &form, b"reason=3.0").expect(200);
    for reason in [json!(1.5), json!(4.0), json!(-1), json!("1,0"), json!(true)] {
        client.send("POST", "/api/contacts/1/dnc/email/add", &[], &json!({"reason": reason})).expect(400);
    }
}

#[test]
fn a_channel_is_refused_as_an_edit_would_be() {
    let (_server, client) = start();
    client.send("POST", "/api/contacts/new", &[], &json!({"number": "1"})).expect(201);
    for change in ["add", "remove"] {
        let path = format!("/api/contacts/9/dnc/email/{change}");
        let reply = client.call("POST", &path, &[], b"").expect(404);
        assert_eq!(
            reply.problem(),
            json!({"message": "Item was not found.", "code": 404, "type": "not_found"}),
            "{change}"
        );
    }
    for body in [json!({"reason": 0}), json!({"reason": "often"}), json!({"comments": []}), json!([])] {
        client.send("POST", "/api/contacts/1/dnc/email/add", &[], &body).expect(400);
    }
    for channel in ["%20", "%00", "a%0Ab"] {
        client.call("POST", &format!("/api/contacts/1/dnc/{channel}/add"), &[], b"").expect(400);
    }
    let long = format!("/api/contacts/1/dnc/{}/add", "x".repeat(65));
    let refused = client.call("POST", &long, &[], b"").expect(400).json();
    assert!(refused["errors"][0]["details"]["doNotContact"].is_array(), "{refused}");
    client.get("/api/contacts/1/dnc/email/add").expect(405);
    assert_eq!(client.get("/api/contacts/1").expect(200).json()["contact"]["doNotContact"], json!([]));
}

#[test]
fn contacts_are_deleted_by_a_list_of_ids() {
    let (server, client) = start();
    let items: Vec<Value> =
        (1..=6).map(|number| json!({"number": number, "firstname": format!("F{number}")})).collect();
    client.send("POST", "/api/contacts/batch/new", &[], &json!(items)).expect(201);
    let other = server.new_client("other");
    other.send("POST", "/api/contacts/new", &[], &json!({"firstname": "theirs"})).expect(201);
    let body = client.delete("/api/contacts/batch/delete?ids=1,2").expect(200).json();
    let names: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["contacts", "statusCodes"]);
    assert_eq!(body["statusCodes"], json!([200, 200]));
    let shown = |contact: &Value| contact["fields"]["all"]["firstname"].clone();
    assert_eq!(body["contacts"].as_array().expect("a list").iter().map(shown).collect::<Vec<_>>(), ["F1", "F2"]);
    // Some that are not there, one of them twice, under keys.
    let query = "ids[a]=3&ids[b]=1&ids[c]=3&ids[d]=4";
    let body = client.delete(&format!("/api/contacts/batch/delete?{query}")).expect(200).json();
    assert_eq!(body["statusCodes"], json!({"a": 200, "b": 404, "c": 404, "d": 200}));
    assert_eq!(shown(&body["contacts"]["d"]), "F4");
    let unknown = json!({"message": "Item was not found.", "code": 404, "type": "api"});
    assert_eq!(body["errors"], json!({"b": unknown, "c": unknown}));
    let left = client.get("/api/contacts").expect(200).json();
    assert_eq!((&left["total"], left["contacts"].as_object().map(|left| left.len())), (&json!("2"), Some(2)));
    assert_eq!(other.get("/api/contacts").expect(200).json()["total"], "1");
    // The method can be sent by a header, as clients behind some proxies do.
    let reply = client.call("POST", "/api/contacts/batch/delete?id=5", &[("x-http-method-override", "DELETE")], b"");
    assert_eq!(reply.expect(200).json()["statusCodes"], json!([200]));
    let many: Vec<String> = (1..=201).map(|id| id.to_string()).collect();
    let refused = client.delete(&format!("/api/contacts/batch/delete?ids={}", many.join(","))).expect(400);
    assert_eq!(refused.message(), "A max of 200 entities are supported at a time.");
    for query in ["", "?ids=", "?ids=all", "?ids=1&foo=2", "?ids=1&where[0][col]=id"] {
        client.delete(&format!("/api/contacts/batch/delete{query}")).expect(400);
    }
    assert_eq!(client.get("/api/contacts").expect(200).json()["total"], "1", "a refused request deletes nothing");
    let body = client.delete(&format!("/api/contacts/batch/delete?ids={}", many[..200].join(","))).expect(200).json();
    let codes = body["statusCodes"].as_array().expect("a list");
    assert_eq!((codes.len(), codes.iter().filter(|code| **code == 200).count()), (200, 1));
}

#[test]
fn a_token_in_a_url_is_refused_and_the_text_says_why() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let path = format!("/api/contacts?access_token={}", tenant.client_secret);
    for client in [server.client_with(None), server.client(&tenant)] {
        let reply = client.get(&path).expect(401);
        assert!(reply.header("www-authenticate").is_some());
        let message = reply.message();
        assert!(message.contains("Authorization: Bearer") && message.contains("logs"), "{message}");
        assert!(!message.contains(&tenant.client_secret));
        client.call("POST", "/api/contacts/new?limit=1&access%5Ftoken=x", &[], b"{}").expect(401);
    }
    assert!(!server.log().contains(&tenant.client_secret));
}
