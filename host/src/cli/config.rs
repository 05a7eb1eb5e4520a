//! `bulkhead config`: what counts of all that configures a server.

use std::error::Error;

use bulkhead::harmless_text::is_unprintable;
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
    args.component()?;
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

/// Returns a text in quotes as TOML has it. What a terminal must not see is escaped, as it would become something else when it is
/// printed.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            _ if is_unprintable(character) => {
                let code = u32::from(character);
                let escape = if code > 0xffff { format!("\\U{code:08X}") } else { format!("\\u{code:04X}") };
                quoted.push_str(&escape);
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::quoted;

    #[test]
    fn every_text_is_the_same_after_toml_has_read_it() {
        let hostile = "\u{0}\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{2028}\u{feff}\u{e0001}\\u{1b}\\\"'#\r\n\t\u{8}\u{c}=é𝄞";
        let all: String = (0..0x3000).filter_map(char::from_u32).collect();
        for text in [hostile, &all, "", "C:\\new\\users", "/var/lib/bulkhead"] {
            let written = quoted(text);
            assert!(!written.contains(|sign: char| sign.is_control()), "{written}");
            let line = format!("a = {written}  # where");
            let table = DeTable::parse(&line).unwrap().into_inner();
            let read = table.values().map(|value| value.get_ref().as_str()).collect::<Vec<_>>();
            assert_eq!(read, [Some(text)]);
        }
    }
}
