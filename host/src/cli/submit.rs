//! Placeholder.
#[derive(Debug, clap::Args)]
pub(crate) struct SubmitArgs {}
pub(crate) fn run(_: SubmitArgs) -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
