//! Values as other programs write them, through the parts that the cases of `tests/cases/values.json` do not reach: forms and
//! searches.

use bulkhead_tests::Server;
use serde_json::json;

#[test]
fn forms_take_lists_with_gaps() {
    let server = Server::start();
    let profile = json!({"fields": [
        {"alias": "colours", "type": "multiselect", "choices": [{"label": "Red", "value": "r"}, {"label": "Blue", "value": "b"}]}
    ]});
    let client = server.client(&server.add_tenant_with("acme", &profile));
    let form = [("content-type", "application/x-www-form-urlencoded")];
    // The byte order mark belongs to no name.
    let body = "\u{feff}0[email]=ada@example.com&0[tags][0]=new&0[tags][2]=vip&0[colours][1]=r&0[colours][4]=b\
                &0[doNotContact][3][channel]=sms&0[doNotContact][3][reason]=1&1[tags][name]=vip";
    let reply = client.call("POST", "/api/contacts/batch/new", &form, body.as_bytes()).expect(201).json();
    assert_eq!(reply["statusCodes"], json!([201, 400]));
    let contact = &reply["contacts"][0];
    assert_eq!(contact["fields"]["all"]["email"], "ada@example.com");
    assert_eq!(contact["tags"].as_array().map(Vec::len), Some(2));
    assert_eq!(contact["fields"]["all"]["colours"], "r|b");
    assert_eq!(contact["doNotContact"][0]["channel"], "sms");
    let single = client.call("POST", "/api/contacts/new", &form, b"tags[1]=new&tags[5]=vip").expect(201).json();
    assert_eq!(single["contact"]["tags"].as_array().map(Vec::len), Some(2));
}

#[test]
fn names_are_found_in_any_form_of_unicode() {
    let server = Server::start();
    let client = server.new_client("acme");
    for (lastname, city) in [("Mu\u{308}ller", "Poznan\u{301}"), ("M\u{fc}ller", "Pozna\u{144}")] {
        client.send("POST", "/api/contacts/new", &[], &json!({"lastname": lastname, "city": city})).expect(201);
    }
    for search in ["m%C3%BCller", "mu%CC%88ller", "muller", "MU%CC%88LL+pozna%C5%84", "m%C3%BCller+poznan%CC%81"] {
        let found = client.get(&format!("/api/contacts?search={search}")).expect(200).json();
        assert_eq!(found["total"], "2", "{search}");
    }
    assert_eq!(client.values(&json!(1))["lastname"], "Mu\u{308}ller", "a value is stored as it was sent");
}
