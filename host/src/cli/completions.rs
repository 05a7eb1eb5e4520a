//! `bulkhead completions`.

use std::error::Error;
use std::io::{self, Write as _};

use clap::{Args, Command};
use clap_complete::Shell;

/// Arguments of `bulkhead completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell. In bash, for example: source <(bulkhead completions bash)
    shell: Shell,
}

/// Prints what completes commands and options in a shell.
///
/// # Errors
/// If standard output is closed or cannot be written to.
pub(super) fn run(args: &CompletionsArgs) -> Result<(), Box<dyn Error>> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut visible(&super::command()), "bulkhead", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(())
}

/// Returns a command without what is hidden in it: the writers of scripts know nothing of hiding.
fn visible(command: &Command) -> Command {
    let options = command.get_arguments().filter(|option| !option.is_hide_set()).cloned();
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set()).map(visible);
    let about = command.get_about().cloned().unwrap_or_default();
    let version = command.get_version().unwrap_or_default().to_owned();
    Command::new(command.get_name().to_owned()).about(about).version(version).args(options).subcommands(commands)
}
