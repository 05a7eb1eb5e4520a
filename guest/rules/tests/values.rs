//! The values that each kind of field accepts and refuses, and their stored form. Those of places and of times are in files of
//! their own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod common;

use bulkhead_rules::{FieldEntry, Operation, Profile};
use common::checks::{INVALID, accepts, blanks, check, check_in, item, refuses};
use common::{document, entry, one, profile, reject};
use serde_json::json;

const NO_EMAIL: &str = "A valid email is required.";

#[test]
fn text_is_stripped_of_markup_and_trimmed() {
    check(
        "firstname",
        &[
            (json!("  Ann\n"), Ok(json!("Ann"))),
            (json!("<b>bold</b> & \"q\""), Ok(json!("bold & \"q\""))),
            (json!("a &amp; b"), Ok(json!("a & b"))),
            (json!("a &amp;amp; b"), Ok(json!("a &amp; b"))),
            (json!("&lt;b&gt;"), Ok(json!("&lt;b&gt;"))),
            (json!("&#65;&#x42;&#60;&unknown;&"), Ok(json!("AB&#60;&unknown;&"))),
            (json!("caf&eacute; &ndash; 5&nbsp;&euro; &Eacute;&Yuml;"), Ok(json!("café – 5\u{a0}€ ÉŸ"))),
            (json!("1 < 2"), Ok(json!("1 < 2"))),
            (json!("a<b"), Ok(json!("a<b"))),
            (json!("I <3 <i>you</i>"), Ok(json!("I <3 you"))),
            (json!("a <x@y.z> </b\n> <br/> <o:p x='>'>c<?php ?>"), Ok(json!("a <x@y.z>   c"))),
            (json!("x<!-- <b> -->y"), Ok(json!("xy"))),
            (json!("a<!-->b<!--->c<!-- --!><b>d"), Ok(json!("abcd"))),
            (json!("a <!-- <b>b</b> <!-- c"), Ok(json!("a <!-- b <!-- c"))),
            (json!("line1\nline2\tx"), Ok(json!("line1\nline2\tx"))),
            (json!("é"), Ok(json!("é"))),
            (json!(true), Ok(json!("1"))),
            (json!(0), Ok(json!("0"))),
            (json!(12.5), Ok(json!("12.5"))),
            (json!("00"), Ok(json!("00"))),
            (json!(1.0), Ok(json!("1"))),
            (json!("1.0"), Ok(json!("1.0"))),
            (json!("Mu\u{308}ller"), Ok(json!("Mu\u{308}ller"))),
        ],
    );
    blanks("firstname", &[json!(""), json!("   "), json!(null), json!(false), json!("<b></b>")]);
    refuses("firstname", &[json!([]), json!(["a"]), json!({}), json!({"a": 1})]);
    accepts("title", &["Mr", "Dr"]);
}

#[test]
fn long_numbers_keep_all_digits() {
    let outcome = one(Operation::Create, &profile(&[]), &[], r#"{"phone":12345678901234567890123}"#);
    assert_eq!(document(outcome)["fields"]["phone"], "12345678901234567890123");
    for (sent, stored) in [
        ("1e3", "1000"),
        ("-2.50", "-2.5"),
        ("1E400", "1E400"),
        ("0.1234567890123456", "0.1234567890123456"),
        ("491511234567890123.0", "491511234567890123"),
    ] {
        let outcome = one(Operation::Create, &profile(&[]), &[], &format!(r#"{{"phone":{sent}}}"#));
        assert_eq!(document(outcome)["fields"]["phone"], stored);
    }
}

#[test]
fn a_lone_surrogate_is_refused() {
    let rejection = reject(one(Operation::Create, &profile(&[]), &[], r#"{"firstname":"\ud800"}"#));
    assert_eq!(rejection.message, format!("firstname: {INVALID}"));
}

#[test]
fn lengths_are_counted_in_code_points() {
    let long = |limit: u32| format!("This value is too long. It should have {limit} characters or less.");
    for character in ["x", "é", "😀"] {
        check("firstname", &[(json!(character.repeat(64)), Ok(json!(character.repeat(64))))]);
        check("firstname", &[(json!(character.repeat(65)), Err(&long(64)))]);
    }
    check("firstname", &[(json!("x".repeat(192)), Err(&long(191)))]);
    check("phone", &[(json!("1".repeat(192)), Err(&long(64)))]);
    check("notes", &[(json!("y".repeat(192)), Err(&long(64)))]);
    check("firstname", &[(json!(format!("<b>{}</b>", "x".repeat(64))), Ok(json!("x".repeat(64))))]);

    // The limit holds for all kinds except numbers and booleans. The size of Mautic's column does not limit telephone numbers.
    let many = "1|".repeat(32) + "2";
    check("sizes", &[(json!(many), Err(&long(64))), (json!(many.split('|').collect::<Vec<_>>()), Err(&long(64)))]);
    let wider = Profile { max_length: 300, ..profile(&[]) };
    check_in(&wider, "firstname", &[(json!("x".repeat(192)), Err(&long(191)))]);
    check_in(&wider, "title", &[(json!("x".repeat(192)), Err(&long(191)))]);
    check_in(&wider, "phone", &[(json!("1".repeat(300)), Ok(json!("1".repeat(300))))]);
    check_in(&wider, "notes", &[(json!("y".repeat(301)), Err(&long(300)))]);

    let wide = profile(&[FieldEntry { max_length: Some(300), ..entry("bio", "text") }]);
    check_in(&wide, "bio", &[(json!("x".repeat(300)), Ok(json!("x".repeat(300))))]);
    check_in(&wide, "bio", &[(json!("x".repeat(301)), Err(&long(300)))]);
}

#[test]
fn email_addresses_are_trimmed_and_validated() {
    accepts(
        "email",
        &[
            "a@b.co",
            "a+b@c.de",
            "Ann.Lee@Example.COM",
            "o'neil@x-y.example",
            "a@[127.0.0.1]",
            "a@b--c.de",
            "!#$'+-=?_`{|}~@b.co",
            "0@b.co",
        ],
    );
    let blanks_around =
        [" ", "\n", "\t\r\0\u{b}", "\u{a0}", "\u{202f}\u{2009}", "\u{3000}", "\u{feff}", "\u{200b}\u{2060}"];
    for blank in blanks_around {
        check("email", &[(json!(format!("{blank}A@b.co{blank}")), Ok(json!("A@b.co")))]);
        blanks("email", &[json!(blank)]);
    }
    check(
        "email",
        &[
            (json!("a^b@c.de"), Err("a^b@c.de has characters not allowed in email addresses.")),
            (json!("a&b@c.de"), Err("a&b@c.de has characters not allowed in email addresses.")),
            (json!([]), Err(INVALID)),
            (json!({}), Err(INVALID)),
        ],
    );
    let bad = [
        "foo",
        "a@b",
        "a@localhost",
        "a..b@c.de",
        ".a@b.co",
        "a.@b.co",
        "a@-b.co",
        "a@b-.co",
        "a@b..co",
        "a@b@c.de",
        "@b.co",
        "a@",
        "a@b.1",
        "a@b.co.",
        "a@b_c.de",
        "a[b@c.de",
        "a&b",
        "a@[127.0.0]",
        "a@[IPv6:::1]",
        "a@[b.co]",
        "a@b.co;c@d.co",
        "a@b.co, c@d.co",
        "üser@x.com",
        "user@exämple.com",
        ";,",
        "12.5",
        // Mautic makes another address of each of these.
        "a b@c.de",
        "a\u{a0}b@c.de",
        "a\u{200b}b@c.de",
        "a@b.co,",
        "te,st@user.email",
        "te/st@user.email",
        "te:st@user.email",
        "te(st)@user.email",
        "te\\st@user.email",
        "\"te st\"@user.email",
        "\"test\"@user.email",
        "mailto:a@b.co",
        "e-mail: a@b.co",
        "Ann Lee <a@b.co>",
        "<a@b.co>",
        "<a@b.co",
        "<b>a@b.co</b>",
        "a@b.co (home)",
        "a&amp;b@c.de",
        "<b></b>",
        // What programs send where there is no address.
        "0",
        "1",
        "-",
        "n/a",
        "N/A",
        "null",
        "NULL",
        "none",
        "undefined",
        "NaN",
        "#N/A",
    ];
    check("email", &bad.map(|address| (json!(address), Err(NO_EMAIL))));
    check("email", &[json!(0), json!(0.0), json!(1), json!(true)].map(|sent| (sent, Err(NO_EMAIL))));
    check("email", &[(json!(format!("{}@b.co", "a".repeat(65))), Err(NO_EMAIL))]);
    let long = "This value is too long. It should have 64 characters or less.";
    check("email", &[(json!(format!("{}@b.co", "a".repeat(64))), Err(long))]);
    blanks("email", &[json!(""), json!(null), json!(false), json!("  ")]);
}

#[test]
fn numbers_are_parsed_as_in_symfony() {
    check(
        "amount",
        &[
            (json!(7), Ok(json!(7))),
            (json!(0), Ok(json!(0))),
            (json!("0"), Ok(json!(0))),
            (json!(-2.5), Ok(json!(-2.5))),
            (json!(2.0), Ok(json!(2))),
            (json!("1.5"), Ok(json!(1.5))),
            (json!("1,5"), Ok(json!(1.5))),
            (json!("0,500"), Ok(json!(0.5))),
            (json!(" 7 "), Ok(json!(7))),
            (json!(".5"), Ok(json!(0.5))),
            (json!("12."), Ok(json!(12))),
            (json!("1e3"), Ok(json!(1000))),
            (json!("５２"), Ok(json!(52))),
            (json!(true), Ok(json!(1))),
            (json!(9_007_199_254_740_993_i64), Ok(json!(9_007_199_254_740_993_i64))),
        ],
    );
    blanks("amount", &[json!(""), json!(null), json!(" ")]);
    let words = [
        "abc",
        "7 abc",
        "+5",
        "--5",
        "0x1A",
        "1 000",
        "1.000,5",
        "1,000",
        "12,345",
        "1,000,000",
        "-1,000",
        "NaN",
        "inf",
        "∞",
        "1e20",
        "9999999999999999999",
        "9223372036854775807",
        "1e",
        ".",
        "1e400",
    ];
    refuses("amount", &words.map(|word| json!(word)));
    refuses("amount", &[json!([]), json!([3]), json!({}), json!(1e20)]);
}

#[test]
fn numbers_with_a_scale_are_rounded_half_to_even() {
    let table = [
        ("2.345", 2.34),
        ("2.355", 2.36),
        ("2.365", 2.36),
        ("7.125", 7.12),
        ("-7.125", -7.12),
        ("2.3451", 2.35),
        ("9.999", 10.0),
        ("-9.996", -10.0),
        ("2.3", 2.3),
        ("0.004", 0.004),
    ];
    for (sent, expected) in table {
        let stored = document(one(Operation::Create, &profile(&[]), &[], &item("price", &json!(sent))));
        assert_eq!(stored["fields"]["price"].as_f64(), Some(expected), "{sent}");
    }
    check("price", &[(json!("1.005"), Ok(json!(1))), (json!("2.005"), Ok(json!(2)))]);
}

#[test]
fn booleans_accept_the_words_of_php() {
    let yes = [json!(true), json!(1), json!("1"), json!("TRUE"), json!("Yes"), json!("on"), json!(["yes"])];
    let no = [json!(false), json!(0), json!("0"), json!("False"), json!("no"), json!("off"), json!([0])];
    // pandas and R write whole numbers so, and PHP may write a list as an object.
    let yes_of_others = [json!(1.0), json!("1.0"), json!("1.00"), json!({"3": "1"})];
    let no_of_others = [json!(0.0), json!("0.0"), json!({"0": false})];
    for yes in yes.into_iter().chain(yes_of_others) {
        check("member", &[(yes, Ok(json!(true)))]);
    }
    for no in no.into_iter().chain(no_of_others) {
        check("member", &[(no, Ok(json!(false)))]);
    }
    blanks("member", &[json!(""), json!(null)]);
    refuses("member", &[json!("maybe"), json!("Y"), json!("T"), json!(2), json!([1, 0]), json!([[1]]), json!({})]);
    refuses("member", &["1.5", "0.1", "1.", ".0", "1.0.0", "1,000", "1.0x", "10.0", "NaN"].map(|word| json!(word)));
    refuses("member", &[json!(1.5), json!(10.0), json!({"a": true}), json!({"0": {"0": 1}})]);
}

#[test]
fn only_the_choices_of_the_field_are_accepted() {
    accepts("colour", &["r", "b&c"]);
    blanks("colour", &[json!(""), json!(null)]);
    refuses("colour", &[json!("Red"), json!("R"), json!(0), json!(["r"]), json!(" r")]);
    check(
        "sizes",
        &[
            (json!(["1", "2"]), Ok(json!("1|2"))),
            (json!(["2", "1", "2"]), Ok(json!("2|1|2"))),
            (json!([1, 2]), Ok(json!("1|2"))),
            (json!("1|2"), Ok(json!("1|2"))),
            (json!("2"), Ok(json!("2"))),
            (json!(1), Ok(json!("1"))),
            (json!([1.0]), Ok(json!("1"))),
            (json!({"0": "1", "2": "2"}), Ok(json!("1|2"))),
            (json!({"7": 2, "3": 1}), Ok(json!("2|1"))),
            (json!({"-1": "1"}), Ok(json!("1"))),
        ],
    );
    blanks("sizes", &[json!(""), json!(null), json!([]), json!({})]);
    refuses(
        "sizes",
        &[
            json!("1,2"),
            json!("1|9"),
            json!(["One"]),
            json!([["1"]]),
            json!([""]),
            json!(["1|2"]),
            json!([true]),
            json!({"a": "1"}),
            json!({"0": "1", "a": "2"}),
            json!({"0": {"0": "1"}}),
        ],
    );
    let repeated = one(Operation::Create, &profile(&[]), &[], r#"{"sizes":{"0":"1","1":"1","0":"2"}}"#);
    assert_eq!(document(repeated)["fields"]["sizes"], "2|1");
}

#[test]
fn choices_are_found_in_any_form_of_unicode() {
    let (composed, decomposed) = ("Gr\u{fc}n", "Gru\u{308}n");
    for listed in [composed, decomposed] {
        let fields = ["select", "multiselect"].map(|kind| FieldEntry {
            choices: common::choices(&[("Green", listed), ("Red", "r")]),
            ..entry(kind, kind)
        });
        let profile = profile(&fields);
        for sent in [composed, decomposed] {
            check_in(&profile, "select", &[(json!(sent), Ok(json!(listed))), (json!("Grun"), Err(INVALID))]);
            check_in(&profile, "multiselect", &[(json!([sent, "r"]), Ok(json!(format!("{listed}|r"))))]);
            check_in(&profile, "multiselect", &[(json!(format!("r|{sent}")), Ok(json!(format!("r|{listed}"))))]);
        }
    }
}

#[test]
fn urls_get_a_scheme_and_must_not_run_scripts() {
    accepts("website", &["https://a.org/?a=1&b=2", "ftp://x.y", "//x.y", "http://"]);
    check("website", &[(json!("foo bar"), Ok(json!("http://foo bar"))), (json!("a.org"), Ok(json!("http://a.org")))]);
    let scripts = ["javascript:alert(1)", " JavaScript:x", "java\nscript:x", "data:text/html,x", "vbscript:x"];
    refuses("website", &scripts.map(|address| json!(address)));
}

#[test]
fn html_loses_event_handlers() {
    check(
        "page",
        &[
            (json!("<p onclick=\"x()\">hi</p>"), Ok(json!("<p>hi</p>"))),
            (json!("<p class='a' ONLOAD=x id=b>hi"), Ok(json!("<p class='a' id=b>hi"))),
            (json!("<img/onerror=x src=y>"), Ok(json!("<img src=y>"))),
            (json!("<a href='x'onclick=y()>z"), Ok(json!("<a href='x'>z"))),
            (json!("<a href=x\" onclick=\"y()>z"), Ok(json!("<a href=x\">z"))),
            (json!("<a href==\"x onclick=y() z\">"), Ok(json!("<a href==\"x z\">"))),
            (json!("<a id/onclick = y() href=/a/b>z"), Ok(json!("<a id = y() href=/a/b>z"))),
            (json!("<a title= 'one on two' onclick= 'y()'>z"), Ok(json!("<a title= 'one on two'>z"))),
            (json!("<a title='x onclick=1' id=1 / >z"), Ok(json!("<a title='x onclick=1' id=1 / >z"))),
            (json!("1 < 2 & <b>x</b>"), Ok(json!("1 < 2 & <b>x</b>"))),
        ],
    );
    check("notes", &[(json!("<b>x</b>\ny"), Ok(json!("x\ny")))]);
}

/// The time for a text must be linear in its length. If it were quadratic, each of these texts would take minutes.
#[test]
fn large_texts_are_read_in_linear_time() {
    for part in ["&", "&#", "<", "<!--", "<a '", "<a \"'>", "<a b=", "<b/c", "<b c='>", "</", "-", "--!", ",", "|", " "]
    {
        let text = part.repeat(4_000_000 / part.len());
        let item = json!({"notes": text, "page": text, "website": text, "email": text, "tags": text, "sizes": text});
        drop(one(Operation::Create, &profile(&[]), &[], &item.to_string()));
    }
}
