//! The values that each kind of field accepts and refuses, and their stored form.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod common;

use bulkhead_rules::{FieldEntry, Operation, Profile};
use common::{document, entry, one, profile, reject};
use serde_json::{Value, json};

const INVALID: &str = "This value is not valid.";
const NO_EMAIL: &str = "A valid email is required.";

fn item(alias: &str, value: &Value) -> String {
    json!({ alias: value }).to_string()
}

fn check_in(profile: &Profile, alias: &str, table: &[(Value, Result<Value, &str>)]) {
    for (sent, expected) in table {
        let outcome = one(Operation::Create, profile, &[], &item(alias, sent));
        match expected {
            Ok(stored) => assert_eq!(&document(outcome)["fields"][alias], stored, "{alias}: {sent}"),
            Err(text) => {
                let rejection = reject(outcome);
                assert_eq!(rejection.message, format!("{alias}: {text}"), "{alias}: {sent}");
                let details: Vec<_> =
                    rejection.details.iter().map(|complaint| (&complaint.field, &complaint.messages)).collect();
                assert_eq!(details, [(&alias.to_owned(), &vec![(*text).to_owned()])]);
                assert_eq!((rejection.status, rejection.api_style, rejection.id), (400, false, None));
            }
        }
    }
}

fn check(alias: &str, table: &[(Value, Result<Value, &str>)]) {
    check_in(&profile(&[]), alias, table);
}

/// Asserts that the field stores the values as they were sent.
fn accepts(alias: &str, values: &[&str]) {
    check(alias, &values.iter().map(|value| (json!(value), Ok(json!(value)))).collect::<Vec<_>>());
}

fn refuses(alias: &str, values: &[Value]) {
    check(alias, &values.iter().map(|value| (value.clone(), Err(INVALID))).collect::<Vec<_>>());
}

fn blanks(alias: &str, values: &[Value]) {
    check(alias, &values.iter().map(|value| (value.clone(), Ok(Value::Null))).collect::<Vec<_>>());
}

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
fn countries_are_taken_in_any_spelling_and_stored_as_sent() {
    // As Mautic, ISO 3166-1 and CLDR name them.
    accepts("country", &["United States", "United Kingdom", "Ivory Coast", "Türkiye", "Myanmar", "Germany", "Kosovo"]);
    accepts("country", &["Sao Tome and Principe", "Pitcairn", "Turkey", "Swaziland", "Saint Barthelemy", "Réunion"]);
    accepts(
        "country",
        &["Bonaire, Saint Eustatius and Saba", "Heard Island and McDonald Islands", "Virgin Islands, U.S."],
    );
    accepts(
        "country",
        &["Saint Helena, Ascension and Tristan da Cunha", "South Georgia and the South Sandwich Islands"],
    );
    accepts("country", &["Czechia", "Czech Republic", "North Macedonia", "Macedonia", "Faroe Islands", "Cabo Verde"]);
    accepts(
        "country",
        &["Bolivia, Plurinational State of", "Korea, Republic of", "Taiwan, Province of China", "Eswatini"],
    );
    accepts(
        "country",
        &["Congo - Kinshasa", "Hong Kong SAR China", "Federal Republic of Germany", "Vatican City", "UK"],
    );
    // In another case, without marks, with other punctuation or linking words.
    accepts(
        "country",
        &["germany", "TÜRKIYE", "turkiye", "Tu\u{308}rkiye", "Trinidad & Tobago", "St. Lucia", "ST LUCIA"],
    );
    accepts(
        "country",
        &["Cote d\u{2019}Ivoire", "COTE DIVOIRE", "Curacao", "Aland Islands", "Guinea Bissau", "Timor Leste"],
    );
    accepts(
        "country",
        &[
            "the Netherlands",
            "Gambia, The",
            "Republic of Korea",
            "Vietnam",
            "Viet-Nam",
            "Sa\u{303}o Tome\u{301} & Principe",
        ],
    );
    check("country", &[(json!(" Germany\n"), Ok(json!("Germany")))]);

    let unknown =
        ["DE", "USA", "Great Britain", "Burma", "Deutschland", "Korea", "Atlantis", "not existing country", "x"];
    refuses("country", &unknown.map(|name| json!(name)));
    let no_names =
        ["<b>Germany</b>", "<Germany>", "Germany?", "Germany\u{fffd}", "Germany, France", "Germany1", "-", "&"];
    refuses("country", &no_names.map(|name| json!(name)));
    refuses("country", &[json!([]), json!(["Germany"]), json!(1)]);
    blanks("country", &[json!(""), json!(null), json!("  ")]);
}

/// Names of regions as they are and were in ISO 3166-2, CLDR and Mautic, and other spellings of them.
const KNOWN_REGIONS: [&str; 86] = [
    "Texas",
    "texas",
    "TEXAS",
    "Puerto Rico",
    "Armed Forces Pacific",
    "Virgin Islands, U.S.",
    "District of Columbia",
    "New South Wales",
    "Ontario",
    "Québec",
    "quebec",
    "Yukon Territory",
    "Kent",
    "West Midlands",
    "England",
    "Bayern",
    "Bavaria",
    "Baden-Wuerttemberg",
    "Thueringen",
    "Île-de-France",
    "ile de france",
    "Comunidad de Madrid",
    "Madrid",
    "St. Gallen",
    "Sankt Gallen",
    "Praha, hlavní město",
    "Prague",
    "Mazowieckie",
    "mazowieckie",
    "Województwo mazowieckie",
    "Lodzkie",
    "Małopolskie",
    "Lower Silesia",
    "Dolnoslaskie",
    "Beijing",
    "Beijing Shi",
    "Guangdong Sheng",
    "Xinjiang",
    "Nei Mongol",
    "北京市",
    "Hovedstaden",
    "Region Hovedstaden",
    "Midtjylland",
    "Bornholm",
    "Sjaelland",
    "Blekinge lan",
    "Blekinge län",
    "Skåne",
    "Västra Götalands län",
    "Orebro lan",
    "Busan",
    "Busan Gwang'yeogsi",
    "Seoul Teugbyeolsi",
    "Gyeonggi-do",
    "Jeju",
    "Zagrebačka županija",
    "Bjelovarsko-bilogorska zupanija",
    "Grad Zagreb",
    "Istarska",
    "Attikí",
    "Attica",
    "Arkadia",
    "Thessaloniki",
    "Crete",
    "Kyiv",
    "Kyivska oblast",
    "L'vivs'ka Oblast'",
    "Odeska",
    "Donetsk",
    "Sao Paulo",
    "São Paulo",
    "Estado de São Paulo",
    "Ceara",
    "Goias",
    "Rio de Janeiro",
    "Gujarat",
    "Gujarāt",
    "Davao",
    "Tōkyō",
    "Tokyo",
    "Kyoto-fu",
    "Hokkaido",
    "Capital federal",
    "Brussels",
    "Akershus",
    "Liege",
];

const UNKNOWN_REGIONS: [&str; 10] =
    ["TX", "nowhere", "Nowhere at all", "Bra'ov", "Caazapl", "Texas?", "Texas, USA", "5", "???", "K\u{fffd}ln"];

#[test]
fn regions_are_taken_in_any_spelling_and_stored_as_sent() {
    let strict = profile(&[FieldEntry { is_strict: Some(true), alias: "state".to_owned(), ..FieldEntry::default() }]);
    check_in(&strict, "state", &KNOWN_REGIONS.map(|name| (json!(name), Ok(json!(name)))));
    check_in(&strict, "state", &UNKNOWN_REGIONS.map(|name| (json!(name), Err(INVALID))));
    check_in(&strict, "state", &[(json!(" Texas "), Ok(json!("Texas"))), (json!("<b>Texas</b>"), Err(INVALID))]);
    accepts("state", &KNOWN_REGIONS);
    accepts("state", &UNKNOWN_REGIONS);
    // A text like others.
    check("state", &[(json!(" Texas "), Ok(json!("Texas"))), (json!("<script>x</script>Kent"), Ok(json!("xKent")))]);
}

#[test]
fn locales_and_time_zones_must_be_in_the_lists() {
    let plain = ["af", "en", "en_US", "es_SV", "nb_NO", "zu_ZA", "en_001", "en_150", "es_419"];
    accepts("preferred_locale", &plain);
    let with_script = ["zh_Hans_CN", "zh_Hant", "sr_Latn_RS", "az_Cyrl_AZ", "hi_Latn", "ff_Adlm_GN", "ks_Deva_IN"];
    accepts("preferred_locale", &with_script);
    let short = ["zh_CN", "zh_HK", "zh_TW", "sr_RS", "sr_ME", "pa_PK", "uz_AF", "az_AZ", "bs_BA", "sd_IN", "ff_SN"];
    accepts("preferred_locale", &short);
    accepts("preferred_locale", &["no", "no_NO", "sh", "sh_BA", "tl", "tl_PH"]);

    let misspelt = ["en-US", "EN_us", "en_us", "zh_hans", "English", "en_", "_", "_US", "en__US", "en_US ", " en", "e"];
    refuses("preferred_locale", &misspelt.map(|code| json!(code)));
    let not_listed = ["de_US", "de_JP", "en_XX", "zz", "x_y", "zh_Latn", "zh_MY", "ff_GH", "la", "sh_YU", "sr_CS"];
    refuses("preferred_locale", &not_listed.map(|code| json!(code)));
    let not_of_symfony = ["iw", "in_ID", "mo", "fil", "haw_US", "sq_XK", "es_IC", "en_US_POSIX", "ca_ES_VALENCIA"];
    refuses("preferred_locale", &not_of_symfony.map(|code| json!(code)));
    refuses("preferred_locale", &["en\nen_001", "# en"].map(|code| json!(code)));

    accepts("timezone", &["UTC", "Europe/Berlin", "Europe/Kyiv", "Asia/Kolkata", "Arctic/Longyearbyen"]);
    accepts("timezone", &["America/Argentina/Buenos_Aires", "America/Nuuk", "Africa/Abidjan", "Pacific/Wallis"]);
    let former = ["Asia/Calcutta", "Europe/Kiev", "America/Godthab", "Europe/Belfast", "Asia/Istanbul"];
    refuses("timezone", &former.map(|zone| json!(zone)));
    let no_place = ["GMT", "Etc/UTC", "EST", "EST5EDT", "US/Eastern", "Zulu", "Europe", "Europe/", "+02:00"];
    refuses("timezone", &no_place.map(|zone| json!(zone)));
    refuses("timezone", &["europe/berlin", "utc", "Europe/Berlin ", "Berlin"].map(|zone| json!(zone)));
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

#[test]
fn dates_and_times_are_parsed_as_in_php() {
    let days = [
        "2024-02-14",
        "2024/02/14",
        "02/14/2024",
        "14.02.2024",
        "20240214",
        "24-02-14",
        "2024-2-14",
        "14 February 2024",
        "14-02-2024",
        "14-Feb-2024",
        "14feb2024",
        "14th February, 2024",
        "2024-Feb-14",
        "2024-02-14T10:00:00Z",
        "2024-02-14T23:00:00+02:00",
        "2024-02-14T00:00:00+02:00",
        "2024-02-14T23:00:00-05:00",
        "2024-02-14T00:00:00.000Z",
        "2024-02-14 00:00 Europe/Berlin",
        "2024-02-14 23:59 EST",
        "2024-02-14T00:30:00+01:00[Europe/Berlin]",
        "2024-02-14Z",
        "2024-02-14+02:00",
        "2024-02-14 EST",
        "20240214102030",
        "20240214T1020",
    ];
    check("born", &days.map(|day| (json!(day), Ok(json!("2024-02-14")))));
    check("born", &[(json!(20_240_214), Ok(json!("2024-02-14"))), (json!("1970-01-01"), Ok(json!("1970-01-01")))]);
    check("born", &[(json!("2024-02"), Ok(json!("2024-02-01")))]);
    check("born", &[(json!("1920-05-17 00:00 Europe/Berlin"), Ok(json!("1920-05-17")))]);
    check("born", &[(json!("0001-01-01T00:00:00+14:00"), Ok(json!("0001-01-01")))]);
    blanks("born", &[json!(""), json!(null)]);
    let unread = [
        "2024-02-30",
        "14/02/2024",
        "tomorrow",
        "@1707900000",
        "1707900000",
        "0000-00-00",
        "2024-13-01",
        "2024-02-14 25:00",
        "2024-02-14 10:20 Nowhere/Town",
        "2024-02-14-5",
        "2024-02-14x",
        "2024-2",
        "2024/02",
        "20240230",
        "20240214256030",
        "14 Fbr 2024",
        "14 February",
        "Feb 14 2024",
        "２０２４-02-14",
    ];
    refuses("born", &unread.map(|day| json!(day)));
    refuses("born", &[json!(true), json!([]), json!({})]);

    check(
        "seen",
        &[
            (json!("2024-02-14 10:20:30"), Ok(json!("2024-02-14 10:20:00"))),
            (json!("2024-02-14T10:20:30.123Z"), Ok(json!("2024-02-14 10:20:00"))),
            (json!("2024-02-14T10:20:30+02:00"), Ok(json!("2024-02-14 08:20:00"))),
            (json!("2024-02-14 00:30 +0100"), Ok(json!("2024-02-13 23:30:00"))),
            (json!("2024-02-14"), Ok(json!("2024-02-14 00:00:00"))),
            (json!("20240214102030"), Ok(json!("2024-02-14 10:20:00"))),
            (json!("20240214T102030Z"), Ok(json!("2024-02-14 10:20:00"))),
            (json!("0001-01-01 00:00:00+14:00"), Err(INVALID)),
            (json!("2024-02-14 25:00:00"), Err(INVALID)),
        ],
    );
    check(
        "at",
        &[
            (json!("10:20"), Ok(json!("10:20:00"))),
            (json!("23:59:59"), Ok(json!("23:59:00"))),
            (json!("10am"), Ok(json!("10:00:00"))),
            (json!("12:05 AM"), Ok(json!("00:05:00"))),
            (json!("1:2"), Ok(json!("01:02:00"))),
            (json!("10.20"), Ok(json!("10:20:00"))),
            (json!("10:20:30.5"), Ok(json!("10:20:00"))),
            (json!("10.20:30"), Err(INVALID)),
            (json!("00:00"), Ok(json!("00:00:00"))),
            (json!("25:00"), Err(INVALID)),
            (json!("10"), Err(INVALID)),
            (json!("13pm"), Err(INVALID)),
        ],
    );
}

#[test]
fn zones_of_times_are_read() {
    let at = |utc: &'static str| move |sent: &str| (json!(sent), Ok(json!(utc)));
    let same_moment = [
        "2024-06-01 10:20",
        "2024-06-01 10:20:59 UTC",
        "2024-06-01 10:20 utc",
        "2024-06-01T10:20Z",
        "2024-06-01T10:20:30z",
        "2024-06-01T10:20Z[UTC]",
        "2024-06-01T12:20+02:00",
        "2024-06-01 12:20 +2",
        "2024-06-01 12:20:30.123456789 +0200 CEST",
        "2024-06-01 13:20 +0300 +03",
        "2024-06-01 12:20 GMT+0200",
        "2024-06-01 05:20 EST",
        "2024-06-01 06:20 edt",
        "2024-06-01 03:20 PDT",
        "2024-06-01 11:20 BST",
        "2024-06-01 11:20 CET",
        "2024-06-01 12:20 CEST",
        "2024-06-01 19:20 JST",
        "2024-06-01 12:20:00 Europe/Berlin",
        "2024-06-01 12:20 europe/berlin",
        "2024-06-01T12:20:30+02:00[Europe/Berlin]",
        "2024-06-01T12:20[Europe/Berlin]",
        "2024-06-01 06:20 US/Eastern",
        "2024-06-01 06:20 America/New_York",
        "2024-06-01 06:20 EST5EDT",
        "2024-06-01 15:50 Asia/Kolkata",
        "2024-06-01 15:50 Asia/Calcutta",
        "2024-06-01 20:20 Australia/Sydney",
        "2024-06-01 15:20 Etc/GMT-5",
        "6/1/2024, 10:20:30\u{202f}AM",
    ];
    check("seen", &same_moment.map(at("2024-06-01 10:20:00")));
    let in_winter =
        ["2024-01-01 11:20 Europe/Berlin", "2024-01-01 05:20 US/Eastern", "2024-01-01 21:20 Australia/Sydney"];
    check("seen", &in_winter.map(at("2024-01-01 10:20:00")));
    check(
        "seen",
        &[
            // Clocks are put back: the first of the two.
            (json!("2024-10-27 02:30 Europe/Berlin"), Ok(json!("2024-10-27 00:30:00"))),
            (json!("2099-07-01 12:00 Europe/Berlin"), Ok(json!("2099-07-01 10:00:00"))),
            (json!("2099-01-01 12:00 Australia/Sydney"), Ok(json!("2099-01-01 01:00:00"))),
            (json!("1975-07-01 12:00 Europe/Berlin"), Ok(json!("1975-07-01 11:00:00"))),
            (json!("1970-01-01 00:00 Asia/Tokyo"), Ok(json!("1969-12-31 15:00:00"))),
        ],
    );
    let unread = [
        // Clocks are put forward over this time.
        "2024-03-31 02:30 Europe/Berlin",
        "2011-12-30 12:00 Pacific/Apia",
        "1960-07-01 12:00 Europe/Berlin",
        "2024-06-01T12:20:30+03:00[Europe/Berlin]",
        "2024-06-01 12:20 +0200 EST",
        "2024-06-01 12:20 IST",
        "2024-06-01 12:20 Europe/Atlantis",
        "2024-06-01 12:20 Berlin",
        "2024-06-01 12:20 A",
        "2024-06-01 12:20 +15:00",
        "2024-06-01 12:20 [UTC",
        "2024-06-01 12:20 []",
        "2024-06-01 12:20 UTC]",
        "2024-06-01 12:20 Z Z Z",
    ];
    refuses("seen", &unread.map(|text| json!(text)));
}
