//! The command that sends a file of failures again.

use std::path::Path;

use clap::ValueEnum as _;

use super::failures::WrittenFailures;
use super::{DEFAULT_URL, SubmitArgs, URL_VARIABLE, USER_VARIABLE};

/// What separates cells if the header of a table has it, and its name.
const USUAL_DELIMITERS: [(u8, &str); 4] = [(b',', "comma"), (b';', "semicolon"), (b'\t', "tab"), (b'|', "pipe")];

/// Returns the command by which a file of failures is submitted as the file from which they come was: to the same server, and read
/// in the same way. Its text is for a shell, and has no secret. `delimiter` separates the cells of a table.
pub(super) fn command(args: &SubmitArgs, failures: &WrittenFailures, delimiter: Option<u8>) -> String {
    let mut words = vec![String::from("bulkhead"), String::from("submit"), file_word(&failures.place)];
    add_server(&mut words, args);
    if args.dry_run {
        words.push(String::from("--dry-run"));
    }
    add_reading(&mut words, args);
    let mut option = |name: &str, value: &str| words.extend([name.to_owned(), word(value)]);
    if let Some(delimiter) = delimiter.and_then(|delimiter| told_delimiter(delimiter, failures)) {
        option("--delimiter", &delimiter);
    }
    option("--failures", &next_name(&failures.place));
    words.join(" ")
}

/// Returns the command that stores what a dry run tried: the same without --dry-run. Its text is for a shell, and has no secret.
/// `None` if the contacts came from standard input.
pub(super) fn for_good(args: &SubmitArgs) -> Option<String> {
    if args.file.as_os_str() == "-" {
        return None;
    }
    let mut words = vec![String::from("bulkhead"), String::from("submit"), file_word(&args.file)];
    add_server(&mut words, args);
    add_reading(&mut words, args);
    args.reading.add_form(|name, value| words.extend([name.to_owned(), word(value)]));
    if let Some(failures) = &args.failures {
        words.extend([String::from("--failures"), file_word(failures)]);
    }
    if args.excel {
        words.push(String::from("--excel"));
    }
    Some(words.join(" "))
}

/// Adds the options that say to whom contacts are sent, and what for.
fn add_server(words: &mut Vec<String>, args: &SubmitArgs) {
    let mut option = |name: &str, value: &str| words.extend([name.to_owned(), word(value)]);
    let is_set = |variable: &str, value: &str| std::env::var(variable).is_ok_and(|set| set == value);
    let is_usual_url = if std::env::var_os(URL_VARIABLE).is_some() {
        is_set(URL_VARIABLE, &args.url)
    } else {
        args.url == DEFAULT_URL
    };
    if !is_usual_url {
        option("--url", &args.url);
    }
    if let Some(file) = &args.user_file {
        option("--user-file", &file.display().to_string());
    } else if let Some(user) = args.user.as_deref().filter(|user| !is_set(USER_VARIABLE, user)) {
        let (id, _) = user.split_once(':').unwrap_or_default();
        option("--user", &format!("{id}:SECRET"));
    }
    if let Some(operation) = args.operation.and_then(|operation| operation.to_possible_value()) {
        option("--operation", operation.get_name());
    }
}

/// Adds the options that say how contacts are read and what they may do, which are the same for their file of failures.
fn add_reading(words: &mut Vec<String>, args: &SubmitArgs) {
    let mut option = |name: &str, value: &str| words.extend([name.to_owned(), word(value)]);
    if let Some(mode) = args.reading.mode.and_then(|mode| mode.to_possible_value()) {
        option("--mode", mode.get_name());
    }
    if let Some(mapping) = &args.reading.mapping {
        option("--mapping", mapping);
    }
    if let Some(blank) = args.reading.blank.and_then(|blank| blank.to_possible_value()) {
        option("--blank", blank.get_name());
    }
}

/// Returns the name of the next file of failures: `failed-2.csv` after `failed.csv`, and `failed-3.csv` after that.
fn next_name(place: &Path) -> String {
    let stem = place.file_stem().unwrap_or_default().to_string_lossy();
    let (name, number) = match stem.rsplit_once('-').map(|(name, number)| (name, number.parse::<u32>())) {
        Some((name, Ok(number))) => (name, number.saturating_add(1)),
        _ => (&*stem, 2),
    };
    let extension = place.extension().unwrap_or_default().to_string_lossy();
    let next = place.with_file_name(format!("{name}-{number}.{extension}")).display().to_string();
    if next.starts_with('-') { format!("./{next}") } else { next }
}

/// Returns what separates the cells of a table, unless whoever reads its header or its name finds that anyway.
fn told_delimiter(delimiter: u8, failures: &WrittenFailures) -> Option<String> {
    let is_named = failures.place.extension().is_some_and(|extension| !extension.eq_ignore_ascii_case("csv"));
    let Some((_, name)) = USUAL_DELIMITERS.iter().find(|(usual, _)| *usual == delimiter) else {
        return Some(char::from(delimiter).to_string());
    };
    let has_other = USUAL_DELIMITERS.iter().any(|(usual, _)| *usual != delimiter && failures.header.contains(usual));
    (!is_named && has_other).then(|| (*name).to_owned())
}

/// Returns the name of a file as a word that is no option.
fn file_word(file: &Path) -> String {
    let name = file.display().to_string();
    word(&if name.starts_with('-') { format!("./{name}") } else { name })
}

/// Returns a text as one word of a shell's command.
fn word(text: &str) -> String {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "_-./:@%+,".contains(sign);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::Parser;

    use super::super::SubmitArgs;
    use super::super::failures::WrittenFailures;
    use super::{command, for_good};

    #[derive(Debug, Parser)]
    struct Submit {
        #[command(flatten)]
        args: SubmitArgs,
    }

    fn again(args: &[&str], place: &str, header: &str, delimiter: Option<u8>) -> String {
        let args = [&["submit"], args].concat();
        let failures = WrittenFailures { place: PathBuf::from(place), header: header.into() };
        command(&Submit::try_parse_from(args).unwrap().args, &failures, delimiter)
    }

    #[test]
    fn a_dry_run_is_done_for_good_by_the_same_command_without_that_option() {
        for (args, expected) in [
            (&["people.csv", "--user", "a:s3cret", "--dry-run"][..], "people.csv --user a:SECRET"),
            (
                &[
                    "p 1.txt",
                    "--user-file",
                    "u",
                    "--dry-run",
                    "--diff",
                    "--format",
                    "tsv",
                    "--charset",
                    "latin1",
                    "--header",
                    "absent",
                    "--mapping",
                    r#"{"1":"email"}"#,
                    "--mode",
                    "update",
                    "--failures",
                    "f.csv",
                    "--excel",
                ],
                r#"'p 1.txt' --user-file u --mode update --mapping '{"1":"email"}' --format tsv --charset latin1 --header absent --failures f.csv --excel"#,
            ),
            (
                &[
                    "p.csv",
                    "--user",
                    "a:b",
                    "--dry-run",
                    "--delimiter",
                    ";",
                    "--operation",
                    "replace",
                    "--blank",
                    "clear",
                ],
                "p.csv --user a:SECRET --operation replace --blank clear --delimiter ';'",
            ),
        ] {
            let args = Submit::try_parse_from([&["submit"], args].concat()).unwrap().args;
            assert_eq!(for_good(&args), Some(format!("bulkhead submit {expected}")));
        }
        let args = Submit::try_parse_from(["submit", "-", "--user", "a:b", "--dry-run"]).unwrap().args;
        assert_eq!(for_good(&args), None);
    }

    #[test]
    fn the_command_has_the_options_that_still_mean_something_and_no_secret() {
        for (args, place, header, delimiter, expected) in [
            (&["people.csv", "--user", "a-1:s3cret"][..], "f.csv", "a,b", Some(b','), " --user a-1:SECRET"),
            (
                &[
                    "p.txt",
                    "--user",
                    "a:s3cret",
                    "--url",
                    "https://example.com",
                    "--format",
                    "csv",
                    "--charset",
                    "latin1",
                ],
                "f.csv",
                "a;b",
                Some(b';'),
                " --url https://example.com --user a:SECRET",
            ),
            (
                &[
                    "p.csv",
                    "--user",
                    "a:s3cret",
                    "--header",
                    "absent",
                    "--mapping",
                    r#"{"1":"email"}"#,
                    "--blank",
                    "clear",
                ],
                "f.csv",
                "1,2",
                Some(b','),
                r#" --user a:SECRET --mapping '{"1":"email"}' --blank clear"#,
            ),
            (
                &["p.csv", "--user", "a:s3cret", "--operation", "update", "--mapping", "@it's.json", "--show", "1"],
                "f.csv",
                "\"a,b\";c",
                Some(b';'),
                r" --user a:SECRET --operation update --mapping '@it'\''s.json' --delimiter semicolon",
            ),
            (
                &["p.tsv", "--user", "a:s3cret", "--mode", "create"],
                "f.tsv",
                "a,b\tc",
                Some(b'\t'),
                " --user a:SECRET --mode create",
            ),
            (
                &["p.csv", "--user", "a:s3cret", "--delimiter", "^"],
                "f.csv",
                "a^b",
                Some(b'^'),
                " --user a:SECRET --delimiter '^'",
            ),
            (&["-", "--user", "a:s3cret"], "f.ndjson", "", None, " --user a:SECRET"),
        ] {
            let said = again(args, place, header, delimiter);
            let next = place.replace("f.", "f-2.");
            assert_eq!(said, format!("bulkhead submit {place}{expected} --failures {next}"), "{args:?}");
            assert!(!said.contains("s3cret"));
        }
        for (place, next) in
            [("a/f-2.csv", "a/f-3.csv"), ("f-x.csv", "f-x-2.csv"), ("-x.csv", "./-x-2.csv"), ("f.x.csv", "f.x-2.csv")]
        {
            let said = again(&["-", "--user", "a:b"], place, "", None);
            assert!(said.ends_with(&format!(" --failures {next}")), "{said}");
        }
        assert!(again(&["-", "--user", "a:b"], "-x y.csv", "", None).starts_with("bulkhead submit './-x y.csv' "));
    }
}
