//! The checks of a PostgreSQL database, which change nothing in it.

use bulkhead::plain_words::counted;
use bulkhead::store::postgres::PostgresFacts;

use super::Finding;
use super::checks::schema;

/// How far a database's clock may be ahead of or behind this machine's, in microseconds.
const MAX_CLOCK_LEAD_MICROS: u64 = 2_000_000;

/// Checks a shared database without changing it. Returns also whether this program can open it as it is.
pub(super) fn shared_database(url: &str) -> (Vec<Finding>, bool) {
    let refused = |found: String, advice: &str| (vec![Finding::fail("store", found, advice)], false);
    let facts = match url.parse().map_err(|error| format!("--database: {error}")) {
        Ok(url) => PostgresFacts::read(&url).map_err(|error| error.to_string()),
        Err(error) => return refused(error, "correct the URL: postgres://USER:PASSWORD@HOST/NAME"),
    };
    match facts {
        Err(error) => {
            refused(error, "start PostgreSQL, or correct the URL: a server does not start without its database")
        }
        Ok(facts) if facts.schema.number == 0 => {
            refused(String::from("there is no store in this database"), "start a server with it, or correct the URL")
        }
        Ok(facts) => {
            let (examined, is_usable) = schema(facts.schema, facts.known_schema);
            let findings = vec![
                examined,
                Finding::ok("database", format!("PostgreSQL {}", facts.version)),
                servers(&facts),
                clock_of_database(facts.clock_lead),
            ];
            (findings, is_usable)
        }
    }
}

/// Says which servers use a database.
fn servers(facts: &PostgresFacts) -> Finding {
    const CHECK: &str = "servers";
    let count = counted(facts.servers.len(), "server");
    let earlier = facts.servers.iter().filter(|known| **known < facts.known_schema).count();
    if earlier == 0 {
        return Finding::ok(CHECK, format!("{count} of this version's schema or a newer one"));
    }
    Finding::warn(CHECK, format!("{count}, of which {earlier} know an earlier schema"), "replace them by this version")
}

/// Checks how far a database's clock is ahead of this machine's, in microseconds.
fn clock_of_database(lead: i64) -> Finding {
    const CHECK: &str = "times";
    let seconds = lead.abs() / 1_000_000;
    let direction = if lead > 0 { "ahead of" } else { "behind" };
    if lead.unsigned_abs() > MAX_CLOCK_LEAD_MICROS {
        return Finding::warn(
            CHECK,
            format!("the database's clock is {seconds} s {direction} this machine's"),
            "let NTP keep both; leases and dates are the database's, and certificates are judged by this machine's",
        );
    }
    Finding::ok(CHECK, "the database's clock and this machine's agree")
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::clock_of_database;

    #[test]
    fn clocks_that_differ_by_seconds_are_told() {
        for (lead, verdict, part) in [
            (0, Verdict::Ok, "agree"),
            (-1_900_000, Verdict::Ok, "agree"),
            (90_500_000, Verdict::Warn, "90 s ahead of this machine's"),
            (-3_000_000, Verdict::Warn, "3 s behind this machine's"),
        ] {
            let finding = clock_of_database(lead);
            assert!(finding.verdict == verdict && finding.found.contains(part), "{lead}: {finding:?}");
        }
    }
}
