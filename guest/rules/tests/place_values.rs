//! The countries, regions, locales and time zones that fields accept and refuse.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod common;

use bulkhead_rules::FieldEntry;
use common::checks::{INVALID, accepts, blanks, check, check_in, refuses};
use common::profile;
use serde_json::json;

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
