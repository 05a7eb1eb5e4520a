//! `bulkhead config`: what counts of all that configures a server.

use std::error::Error;

use clap::Subcommand;

use super::option_sources::{EffectiveOption, Kind};
use super::output::print_line;
use super::serve::ServeArgs;

/// Commands about the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print each option of 'serve' with its value, and where the value comes from: the command line, an environment variable, a line
    /// of the configuration file, the file of a secret, or the default. What is printed can be a configuration file. Options that
    /// 'serve' would refuse are refused.
    Show(Box<ServeArgs>),
}

/// Runs a command about the configuration. `options` are those of the command.
///
/// # Errors
/// If a server would refuse the options, or standard output cannot be written to.
pub(super) fn run(command: ConfigCommand, options: &[EffectiveOption]) -> Result<(), Box<dyn Error>> {
    let ConfigCommand::Show(args) = command;
    args.check()?;
    args.identities()?;
    let computed = args.computed();
    for option in options.iter().filter(|option| !["config", "help", "version"].contains(&option.name.as_str())) {
        print_line(line(option, computed.iter().find(|(name, _)| *name == option.name).map(|(_, value)| value)))?;
    }
    Ok(())
}

/// Returns a line of TOML. `computed` is the value of an option that nobody set and that depends on the machine or on other options.
fn line(option: &EffectiveOption, computed: Option<&String>) -> String {
    let EffectiveOption { name, kind, is_secret, values, origin } = option;
    let first = values.first().or(computed);
    match (kind, first) {
        (Kind::List, _) => {
            let texts: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            format!("{name} = [{}]  # {origin}", texts.join(", "))
        }
        (_, None) => format!("# {name} is not set"),
        (_, Some(_)) if *is_secret => format!("# {name} = (set)  # {origin}"),
        (Kind::Text, Some(value)) => format!("{name} = {}  # {origin}", quoted(value)),
        (Kind::Number | Kind::Switch, Some(value)) => format!("{name} = {value}  # {origin}"),
    }
}

/// Returns a text in quotes, as both JSON and TOML have it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}
