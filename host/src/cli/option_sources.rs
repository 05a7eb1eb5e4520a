//! Where the options of a command come from: the command line, environment variables, the configuration file, files of secrets, and
//! defaults, in this order.
//!
//! What the configuration file says becomes arguments before those of the command line, so one parser judges all of them.

mod config_file;
mod origin;
mod secret_file;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use self::config_file::ConfigFile;
pub(super) use self::origin::Origin;
use super::output;

/// The option that names the configuration file.
const CONFIG: &str = "config";
/// The option that names the folder of the embedded store, and those that name a database instead.
const FOLDER: &str = "data";
const DATABASE: &str = "database";
const DATABASE_OPTIONS: [&str; 2] = [DATABASE, "database-file"];
/// Options of which one stands for all: where one of them is on the command line or in the environment, the configuration file says
/// nothing about the others.
const ALTERNATIVES: [&[&str]; 4] = [
    &[FOLDER, DATABASE, "database-file"],
    &["admin-token", "admin-token-file"],
    &["admin-read-token", "admin-read-token-file"],
    &["user", "user-file"],
];
/// What ends the name of an option whose file has the secret.
const FILE_SUFFIX: &str = "-file";

/// An option of a command, as it counts.
#[derive(Debug)]
pub(super) struct EffectiveOption {
    /// The long name, without dashes.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) is_secret: bool,
    /// The values; none if the option is not set.
    pub(super) values: Vec<String>,
    pub(super) origin: Origin,
}

/// What values an option has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One text.
    Text,
    /// One whole number.
    Number,
    /// True or false.
    Switch,
    /// Any number of texts.
    List,
}

impl Kind {
    /// Returns the kind of an option.
    pub(super) fn of(option: &Arg) -> Self {
        const NUMBERS: [&str; 4] = ["N", "SECONDS", "BYTES", "MIB"];
        let is_number =
            || option.get_value_names().is_some_and(|names| names.iter().any(|n| NUMBERS.contains(&n.as_str())));
        match option.get_action() {
            ArgAction::SetTrue => Self::Switch,
            ArgAction::Append => Self::List,
            _ if is_number() => Self::Number,
            _ => Self::Text,
        }
    }
}

/// An option that neither the command line nor the environment gives.
struct Addition {
    name: String,
    values: Vec<String>,
    kind: Kind,
    origin: Origin,
}

impl Addition {
    fn arguments(&self) -> Vec<OsString> {
        let name = &self.name;
        match self.kind {
            Kind::Switch if self.values.iter().any(|value| value == "true") => vec![format!("--{name}").into()],
            Kind::Switch => Vec::new(),
            _ => self.values.iter().map(|value| format!("--{name}={value}").into()).collect(),
        }
    }
}

/// A database that the configuration file or a credential names, and that is not used because a folder counts before it.
#[derive(Debug)]
pub(super) struct UnusedDatabase {
    /// Where the database is named.
    pub(super) named_by: Origin,
    /// Where the folder is named.
    pub(super) folder_by: Origin,
}

/// The options of the command that was called.
#[derive(Debug)]
pub(super) struct ParsedOptions {
    pub(super) matches: ArgMatches,
    /// The options in the order of the help.
    pub(super) effective: Vec<EffectiveOption>,
    pub(super) unused_databases: Vec<UnusedDatabase>,
}

/// Why options cannot be used.
#[derive(Debug)]
pub(super) enum OptionError {
    /// What the parser of arguments says; it can be help, which was asked for.
    Arguments(clap::Error),
    /// What is wrong with the configuration file or the file of a secret.
    File(String),
}

impl fmt::Display for OptionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(said) => formatter.write_str(&output::first_line(said)),
            Self::File(why) => formatter.write_str(why),
        }
    }
}

impl std::error::Error for OptionError {}

/// As [`try_parse`], for the arguments of the process: ends it with help, or with what is wrong.
pub(super) fn parse(command: Command, known: &Command, arguments: Vec<OsString>) -> ParsedOptions {
    try_parse(command, known, arguments).unwrap_or_else(|error| match error {
        OptionError::Arguments(said) => output::exit_with(&said),
        OptionError::File(why) => {
            output::print_error(why);
            std::process::exit(2)
        }
    })
}

/// Parses arguments. `known` is the command whose options a configuration file may set; another command takes those of them that it
/// has.
///
/// # Errors
/// If an option cannot be used, wherever it is given.
pub(super) fn try_parse(
    command: Command,
    known: &Command,
    arguments: Vec<OsString>,
) -> Result<ParsedOptions, OptionError> {
    let command = &without_empty_variables(command);
    let matches = command.clone().try_get_matches_from(&arguments).map_err(OptionError::Arguments)?;
    let (depth, leaf, given) = leaf(command, &matches);
    let (additions, unused_databases) = additions(leaf, known, given).map_err(OptionError::File)?;
    let mut completed = arguments;
    let rest = completed.split_off(completed.len().min(1 + depth));
    completed.extend(additions.iter().flat_map(Addition::arguments));
    completed.extend(rest);
    let all = command.clone().try_get_matches_from(completed).map_err(|said| reason(said, leaf, &additions))?;
    let (_, leaf, complete) = self::leaf(command, &all);
    let effective = leaf.get_arguments().filter_map(|option| effective(option, given, complete, &additions)).collect();
    Ok(ParsedOptions { effective, matches: all, unused_databases })
}

/// Makes environment variables that are empty count as not set.
fn without_empty_variables(command: Command) -> Command {
    let is_empty = |option: &Arg| option.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|option| if is_empty(&option) { option.env(Resettable::Reset) } else { option });
    command.mut_subcommands(without_empty_variables)
}

/// Returns the command that was called, its depth and its matches.
fn leaf<'a>(command: &'a Command, matches: &'a ArgMatches) -> (usize, &'a Command, &'a ArgMatches) {
    match matches.subcommand().and_then(|(name, matches)| Some((command.find_subcommand(name)?, matches))) {
        Some((command, matches)) => {
            let (depth, command, matches) = leaf(command, matches);
            (depth + 1, command, matches)
        }
        None => (0, command, matches),
    }
}

/// Finds what the configuration file and files of secrets say of the options of `leaf`, and the databases that are not used.
fn additions(
    leaf: &Command,
    known: &Command,
    given: &ArgMatches,
) -> Result<(Vec<Addition>, Vec<UnusedDatabase>), String> {
    let (mut additions, mut unused) = (Vec::new(), Vec::new());
    let has = |name: &str| option(leaf, name).is_some();
    let is_given = |name: &str| option(leaf, name).is_some_and(|option| given_as(option, given).is_some());
    if let Some(path) = has(CONFIG).then(|| given.get_one::<PathBuf>(CONFIG)).flatten() {
        for (name, entry) in ConfigFile::read(path, known)?.entries {
            let alternatives = ALTERNATIVES.iter().find(|names| names.contains(&name.as_str()));
            let is_replaced = alternatives.map_or(is_given(&name), |names| names.iter().any(|name| is_given(name)));
            let origin = Origin::ConfigFile { path: path.clone(), line: entry.line };
            match option(leaf, &name) {
                Some(_) if is_replaced && DATABASE_OPTIONS.contains(&name.as_str()) => unused.push(origin),
                Some(option) if !is_replaced => {
                    additions.push(Addition { name, values: entry.values, kind: Kind::of(option), origin });
                }
                _ => {}
            }
        }
    }
    for secret in leaf.get_arguments().filter(|option| is_secret(option)).filter_map(Arg::get_long) {
        additions.extend(secret_of(secret, leaf, given, &additions)?);
    }
    let Some(folder_by) = origin(FOLDER, leaf, given, &additions) else { return Ok((additions, Vec::new())) };
    unused.extend(secret_file::credential(DATABASE).map(Origin::Credential));
    let unused = unused.into_iter().map(|named_by| UnusedDatabase { named_by, folder_by: folder_by.clone() }).collect();
    Ok((additions, unused))
}

/// Returns where an option is given, if it is.
fn origin(name: &str, leaf: &Command, given: &ArgMatches, additions: &[Addition]) -> Option<Origin> {
    let added = || additions.iter().find(|added| added.name == name).map(|added| added.origin.clone());
    given_as(option(leaf, name)?, given).or_else(added)
}

/// Finds a secret in the file that an option names, or among the credentials that systemd gives.
fn secret_of(
    secret: &str,
    leaf: &Command,
    given: &ArgMatches,
    additions: &[Addition],
) -> Result<Option<Addition>, String> {
    let origin = |name: &str| origin(name, leaf, given, additions);
    let file_option = format!("{secret}{FILE_SUFFIX}");
    let values =
        |value| Addition { name: secret.to_owned(), values: vec![value], kind: Kind::Text, origin: Origin::Default };
    if let Some(named_by) = origin(&file_option) {
        if let Some(also) = origin(secret) {
            return Err(format!(
                "both --{secret} ({also}) and --{file_option} ({named_by}) are given; remove one of them"
            ));
        }
        let added = additions.iter().find(|added| added.name == file_option).and_then(|added| added.values.first());
        let named = given.get_one::<PathBuf>(&file_option.replace('-', "_"));
        let Some(path) = added.map(Path::new).or(named.map(PathBuf::as_path)) else { return Ok(None) };
        let value = secret_file::read(path).map_err(|why| format!("--{file_option}: {why}"))?;
        return Ok(Some(Addition { origin: Origin::SecretFile(path.to_owned()), ..values(value) }));
    }
    let alternatives = ALTERNATIVES.iter().find(|names| names.contains(&secret)).copied().unwrap_or_default();
    if alternatives.iter().any(|name| origin(name).is_some()) {
        return Ok(None);
    }
    let Some(path) = secret_file::credential(secret) else { return Ok(None) };
    let value = secret_file::read(&path)?;
    Ok(Some(Addition { origin: Origin::Credential(path), ..values(value) }))
}

/// Returns the option of a command with this long name.
fn option<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|option| option.get_long() == Some(name))
}

/// Returns whether an option has a secret: its value is shown nowhere.
pub(super) fn is_secret(option: &Arg) -> bool {
    option.is_hide_env_values_set()
}

/// Returns where an option is given: on the command line or in the environment.
fn given_as(option: &Arg, matches: &ArgMatches) -> Option<Origin> {
    match matches.value_source(option.get_id().as_str())? {
        ValueSource::CommandLine => Some(Origin::CommandLine),
        ValueSource::EnvVariable => {
            Some(Origin::Environment(option.get_env().map(|name| name.to_string_lossy().into_owned())?))
        }
        _ => None,
    }
}

fn effective(
    option: &Arg,
    given: &ArgMatches,
    complete: &ArgMatches,
    additions: &[Addition],
) -> Option<EffectiveOption> {
    let name = option.get_long().filter(|_| !option.is_hide_set())?.to_owned();
    let added = additions.iter().find(|added| added.name == name);
    let origin = given_as(option, given).or_else(|| added.map(|added| added.origin.clone()));
    let raw = complete.get_raw(option.get_id().as_str()).into_iter().flatten();
    let values = raw.map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty()).collect();
    let (kind, is_secret) = (Kind::of(option), is_secret(option));
    Some(EffectiveOption { name, kind, is_secret, values, origin: origin.unwrap_or(Origin::Default) })
}

/// Says what is wrong with a value that was added.
fn reason(said: clap::Error, leaf: &Command, additions: &[Addition]) -> OptionError {
    let named = match said.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(named)) => named.trim_start_matches("--").split([' ', '=', '[']).next(),
        _ => None,
    };
    let Some(Addition { name, origin, values, .. }) = additions.iter().find(|added| Some(&*added.name) == named) else {
        return OptionError::Arguments(said);
    };
    let expected = match said.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) => Some(format!("one of {} is expected", values.join(", "))),
        _ => None,
    };
    let source = || std::error::Error::source(&said).map(|source| output::number_in_plain_words(&source.to_string()));
    let why = expected.or_else(source).unwrap_or_else(|| String::from("this value cannot be used"));
    // What a parser says of a secret may quote it, too.
    if option(leaf, name).is_none_or(is_secret) {
        return OptionError::File(format!(
            "{origin}: {name}: this value cannot be used; it is not shown, as it is a secret"
        ));
    }
    OptionError::File(format!("{origin}: {name}: '{}' cannot be used: {why}", values.join(", ")))
}
