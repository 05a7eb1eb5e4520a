//! The dates and times that fields accept and refuse, and their stored form.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

mod common;

use common::checks::{INVALID, blanks, check, refuses};
use serde_json::json;

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
