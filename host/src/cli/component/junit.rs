//! The results of a table in the form of JUnit's XML, which build servers read.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cli::printable::Printable;

/// Bytes of what a component said in one case.
const MAX_SAID_BYTES: usize = 64 << 10;

/// The results so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    cases: String,
    number: usize,
    failed: usize,
    time: Duration,
}

impl Report {
    /// Adds a case, which failed if there are differences. `said` is what the component printed, and how it failed.
    pub(super) fn add(&mut self, name: &str, time: Duration, differences: &[String], said: &str) {
        self.number += 1;
        self.time += time;
        let name = attribute(name);
        let mut case =
            format!("    <testcase classname=\"cases\" name=\"{name}\" time=\"{:.3}\">\n", time.as_secs_f64());
        if let Some(first) = differences.first() {
            self.failed += 1;
            let (first, all) = (attribute(first), text(&differences.join("\n")));
            // Writing to a string cannot fail.
            let _ = writeln!(case, "      <failure message=\"{first}\">{all}</failure>");
        }
        if !said.is_empty() {
            let said = text(said.get(..said.floor_char_boundary(MAX_SAID_BYTES)).unwrap_or_default());
            let _ = writeln!(case, "      <system-out>{said}</system-out>");
        }
        case.push_str("    </testcase>\n");
        self.cases.push_str(&case);
    }

    /// Returns how many cases failed.
    pub(super) fn failed(&self) -> usize {
        self.failed
    }

    /// Returns the report of a suite with this name.
    pub(super) fn xml(&self, suite: &str) -> String {
        let &Self { ref cases, number, failed, time } = self;
        let counts =
            format!("tests=\"{number}\" failures=\"{failed}\" errors=\"0\" time=\"{:.3}\"", time.as_secs_f64());
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"{}\" {counts} skipped=\"0\">\n{cases}  </testsuite>\n</testsuites>\n",
            attribute(suite)
        )
    }
}

/// Returns a text of others for the inside of an element. Characters that XML does not have are shown as `\u{1b}`.
fn text(others: &str) -> String {
    let printable = Printable::lines(others).to_string();
    let mut escaped = String::with_capacity(printable.len());
    for letter in printable.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.extend(letter.escape_unicode()),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Returns a text of others for the value of an attribute.
fn attribute(others: &str) -> String {
    text(others).replace('\n', "&#10;").replace('\t', "&#9;")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Report;

    #[test]
    fn texts_of_others_break_no_element() {
        let mut report = Report::default();
        report.add("fine", Duration::from_millis(1_500), &[], "");
        let differences = ["status \"500\" <instead> of & 201".to_owned(), "]]>".to_owned()];
        report.add("a\n<b>", Duration::ZERO, &differences, "\u{1b}[2J\u{fffe}\n</system-out>");
        assert_eq!(report.failed(), 1);
        assert_eq!(
            report.xml("x.wasm"),
            r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="2" failures="1" errors="0" time="1.500">
  <testsuite name="x.wasm" tests="2" failures="1" errors="0" time="1.500" skipped="0">
    <testcase classname="cases" name="fine" time="1.500">
    </testcase>
    <testcase classname="cases" name="a&#10;&lt;b&gt;" time="0.000">
      <failure message="status &quot;500&quot; &lt;instead&gt; of &amp; 201">status &quot;500&quot; &lt;instead&gt; of &amp; 201
]]&gt;</failure>
      <system-out>\u{1b}[2J\u{fffe}
&lt;/system-out&gt;</system-out>
    </testcase>
  </testsuite>
</testsuites>
"#
        );
    }
}
