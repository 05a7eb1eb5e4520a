//! The configuration file: TOML whose keys are the long names of options.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use bulkhead::near_names::is_near;
use clap::{Arg, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{CONFIG, Kind, is_secret};
use crate::cli::text_file::{file_error, open_file};

/// Bytes of a configuration file at most.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What a configuration file says.
#[derive(Debug)]
pub(super) struct ConfigFile {
    /// The options by their long names.
    pub(super) entries: Vec<(String, Entry)>,
}

/// What a configuration file says of an option.
#[derive(Debug)]
pub(super) struct Entry {
    /// The values as they would be on the command line; `true` or `false` for a switch.
    pub(super) values: Vec<String>,
    /// The number of the line with the value.
    pub(super) line: usize,
}

impl ConfigFile {
    /// Reads a configuration file with options of `known`.
    ///
    /// # Errors
    /// If the file cannot be read, is no TOML, or has a key or a type that no option has. If every user may write to the file, or may
    /// read a secret in it. The error names the file, the line and the key.
    pub(super) fn read(path: &Path, known: &Command) -> Result<Self, String> {
        let name = path.display();
        let mut file = open_file(path)?;
        let mode = mode(&file).map_err(|error| file_error(path, &error))?;
        if mode & 0o002 != 0 {
            return Err(format!(
                "{name}: every user can write to this file, so it is not believed; run: chmod o-w {name}"
            ));
        }
        let mut bytes = Vec::new();
        file.by_ref().take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| file_error(path, &error))?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(format!("{name}: a configuration file has at most 1 MiB"));
        }
        let text = String::from_utf8(bytes).map_err(|_| format!("{name}: this is not a text in UTF-8"))?;
        let line_of = |place: usize| 1 + text.bytes().take(place).filter(|byte| *byte == b'\n').count();
        // A library's error also quotes the line, which can have a secret.
        let table = DeTable::parse(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(span.start));
            let hint = hint(known, &text, line, error.message());
            format!("{name}, line {line}: this is not TOML: {}{hint}", error.message())
        })?;
        let mut entries = Vec::new();
        for (key, value) in table.into_inner() {
            let line = line_of(key.span().start);
            let key = key.into_inner().into_owned();
            let refused = |why: String| format!("{name}, line {line}: {why}");
            if value.get_ref().is_table() {
                return Err(refused(format!("[{key}]: options have no sections; write them at the top of the file")));
            }
            let option = option(known, &key).ok_or_else(|| refused(unknown(known, &key)))?;
            if is_secret(option) && mode & 0o004 != 0 {
                return Err(refused(format!(
                    "{key} is a secret, and every user can read this file; run: chmod o-r {name}, or name a file of the secret with {key}-file"
                )));
            }
            let line = line_of(value.span().start);
            let values = values(option, value).map_err(|expected| refused(format!("{key}: {expected}")))?;
            entries.push((key, Entry { values, line }));
        }
        Ok(Self { entries })
    }
}

/// Returns the option that a key means.
fn option<'a>(known: &'a Command, key: &str) -> Option<&'a Arg> {
    super::option(known, key).filter(|option| key != CONFIG && !option.is_hide_set())
}

/// Says that no option has this name, and which one may be meant.
fn unknown(known: &Command, key: &str) -> String {
    let advice = String::from("'bulkhead config show' lists the options");
    if key == CONFIG {
        return format!("a configuration file cannot name another one; {advice}");
    }
    let written = key.to_lowercase().replace('_', "-");
    let names = known.get_arguments().filter_map(Arg::get_long).filter(|name| option(known, name).is_some());
    let mut near = names.filter(|name| *name == written || is_near(&written, name));
    match near.next() {
        Some(near) => format!("there is no option '{key}'; do you mean '{near}'?"),
        None => format!("there is no option '{key}'; {advice}"),
    }
}

/// Says what to do about a line that is no TOML, without the value in it, which can be a secret.
fn hint(known: &Command, text: &str, line: usize, message: &str) -> String {
    let keys = || text.lines().map(|line| line.split_once('=').map_or("", |(key, _)| key.trim()));
    let Some(key) = keys().nth(line - 1).filter(|key| !key.is_empty()) else { return String::new() };
    if message.contains("duplicate") {
        let first = keys().position(|other| other == key).map_or(0, |place| place + 1);
        return format!("; '{key}' is in line {first} already, so delete one of the two");
    }
    let Some(option) = option(known, key) else { return String::new() };
    match Kind::of(option) {
        Kind::Text => format!("; write the text in quotes: {key} = \"…\""),
        Kind::List => format!("; write a list of texts in quotes: {key} = [\"…\"]"),
        Kind::Switch => format!("; write {key} = true or {key} = false"),
        Kind::Number => format!("; {}", number(option)),
    }
}

/// Says what is expected where an option is a number.
fn number(option: &Arg) -> String {
    let unit = option.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
    match unit {
        "SECONDS" => String::from("a whole number of seconds is expected, without quotes and without a unit"),
        "BYTES" => String::from("a whole number of bytes is expected, without quotes and without a unit"),
        "MIB" => String::from("a whole number of MiB is expected, without quotes and without a unit"),
        _ => String::from("a whole number is expected, without quotes"),
    }
}

/// Returns the values of an option as they would be on the command line; as an error, what is expected instead.
fn values(option: &Arg, value: Spanned<DeValue<'_>>) -> Result<Vec<String>, String> {
    let expected = |what: &str| Err(String::from(what));
    match (Kind::of(option), value.into_inner()) {
        (Kind::Text, DeValue::String(text)) => Ok(vec![text.into_owned()]),
        (Kind::Text, _) => expected("a text in quotes is expected"),
        (Kind::Number, DeValue::Integer(number)) => {
            let parsed = i128::from_str_radix(number.as_str(), number.radix());
            Ok(vec![parsed.map_or_else(|_| number.as_str().to_owned(), |number| number.to_string())])
        }
        (Kind::Number, _) => Err(number(option)),
        (Kind::Switch, DeValue::Boolean(is_on)) => Ok(vec![is_on.to_string()]),
        (Kind::Switch, _) => expected("true or false is expected, without quotes"),
        (Kind::List, DeValue::Array(items)) => {
            let text = |item: Spanned<DeValue<'_>>| match item.into_inner() {
                DeValue::String(text) => Ok(text.into_owned()),
                _ => Err(String::from("a list of texts in quotes is expected")),
            };
            items.into_iter().map(text).collect()
        }
        (Kind::List, _) => expected("a list is expected, such as [\"one\", \"another\"]"),
    }
}

/// Returns the permissions of a file.
fn mode(file: &File) -> std::io::Result<u32> {
    #[cfg(unix)]
    {
        Ok(std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions()))
    }
    #[cfg(not(unix))]
    file.metadata().map(|_| 0)
}
