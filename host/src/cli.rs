//! The command line. Each command is a module with its arguments and a `run`.

mod audit;
mod backup;
mod changeable;
mod compile;
mod completions;
mod component;
mod config;
mod contact_file;
mod doctor;
mod health;
mod job;
mod listening;
mod log;
mod migrate;
mod network;
mod operator;
mod option_sources;
mod output;
mod printable;
mod sample;
mod serve;
mod store;
mod submit;
mod tenant;
mod text_file;
mod token;
mod webhook;

use std::process::ExitCode;

use bulkhead::plain_words::io_error;
use bulkhead::sandbox::Compiler;
use clap::{Args as _, Command as ClapCommand, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

/// Bulk edits of contacts over REST, decided by WebAssembly components that need not be trusted.
#[derive(Debug, Parser)]
#[command(name = "bulkhead", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(Box<serve::ServeArgs>),
    /// Add, list, show, change and remove tenants, and replace their secrets.
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    /// Revoke tokens.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Create, check, try, test, register, list and remove components.
    #[command(subcommand)]
    Component(component::ComponentCommand),
    /// List, show, cancel, undo and delete jobs, and print their results and the output of their components.
    #[command(subcommand)]
    Job(job::JobCommand),
    /// Add, list, enable, disable and remove tenants' webhooks, and show and repeat what was sent to them.
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Show what operators did: who, what and when, newest first, one JSON object per line.
    Audit(audit::AuditArgs),
    /// Show what configures a server.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Look for what troubles a store, or soon will: disk, files, limits, clock. Prints a line for each check.
    Doctor(doctor::DoctorArgs),
    /// Ask a server whether it is alive, or ready for requests. Exits with 0 if it is, with 1 if not, with 2 if it does not answer.
    Health(health::HealthArgs),
    /// Copy the embedded store into a file, also while a server is using it.
    Backup(backup::BackupArgs),
    /// Bring the schema of a store up to date, also while servers of earlier versions use a database, if they can go on then.
    Migrate(migrate::MigrateArgs),
    /// For servers and commands themselves: compile the component on standard input.
    #[command(name = Compiler::COMMAND, hide = true)]
    Compile(compile::CompileArgs),
    /// Send a file of contacts to a server, watch the jobs and report the contacts that failed.
    Submit(submit::SubmitArgs),
    /// Print what completes commands and options in a shell.
    Completions(completions::CompletionsArgs),
    /// Generate contacts to try the service with.
    Sample(sample::SampleArgs),
}

/// Returns all commands with their options.
pub(crate) fn command() -> ClapCommand {
    Cli::command()
}

/// Returns the options of a server, as a command of their own.
fn server_options() -> ClapCommand {
    serve::ServeArgs::augment_args(ClapCommand::new("serve"))
}

/// Runs the command that the arguments of the process name.
pub(crate) fn run() -> ExitCode {
    let options = option_sources::parse(command(), &server_options(), std::env::args_os().collect());
    let cli = Cli::from_arg_matches(&options.matches).unwrap_or_else(|said| output::exit_with(&said));
    match cli.command {
        Command::Serve(args) => serve::run(*args, &options.unused_databases).unwrap_or_else(refused),
        Command::Tenant(command) => report(tenant::run(command)),
        Command::Token(command) => report(token::run(command)),
        Command::Component(command) => component::run(command).unwrap_or_else(refused),
        Command::Job(command) => report(job::run(command)),
        Command::Webhook(command) => report(webhook::run(command)),
        Command::Audit(args) => report(audit::run(&args)),
        Command::Config(command) => report(config::run(command, &options.effective)),
        Command::Doctor(args) => doctor::run(&args).unwrap_or_else(refused),
        Command::Health(args) => health::run(&args).unwrap_or_else(refused),
        Command::Backup(args) => report(backup::run(args)),
        Command::Migrate(args) => report(migrate::run(&args)),
        Command::Compile(args) => report(compile::run(&args)),
        Command::Submit(args) => submit::run(args),
        Command::Completions(args) => report(completions::run(&args)),
        Command::Sample(args) => sample::run(args),
    }
}

fn report(result: Result<(), Box<dyn std::error::Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refused(error),
    }
}

fn refused(error: Box<dyn std::error::Error>) -> ExitCode {
    if output::is_closed(&*error) {
        return ExitCode::SUCCESS;
    }
    match error.downcast_ref() {
        Some(error) => output::print_error(io_error(error)),
        None => output::print_error(store::with_advice(error)),
    }
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use clap::Command;

    /// Checks the page of a command and those of its commands, and returns how many there are.
    fn check_pages(command: &Command, name: &str, folder: &Path) -> usize {
        let page = fs::read_to_string(folder.join(format!("{name}.1"))).expect(name).replace("\\-", "-");
        let options = command.get_arguments().filter(|option| !option.is_hide_set());
        for long in options.filter_map(|option| option.get_long()) {
            assert!(page.contains(&format!("--{long}")), "{name}.1 does not name --{long}");
        }
        let visible = command.get_subcommands().filter(|command| !command.is_hide_set());
        1 + visible
            .map(|command| check_pages(command, &format!("{name}-{}", command.get_name()), folder))
            .sum::<usize>()
    }

    #[test]
    fn each_command_has_a_man_page_that_names_its_options() {
        let folder = tempfile::tempdir().unwrap();
        clap_mangen::generate_to(super::command(), folder.path()).unwrap();
        let pages = check_pages(&super::command(), "bulkhead", folder.path());
        assert!(pages > 30, "{pages}");
        let serve = fs::read_to_string(folder.path().join("bulkhead-serve.1")).unwrap();
        assert!(serve.contains("BULKHEAD_LISTEN") && serve.contains("127.0.0.1:8080"), "{serve}");
    }
}
