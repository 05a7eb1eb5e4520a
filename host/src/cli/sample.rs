//! Placeholder.
#[derive(Debug, clap::Args)]
pub(crate) struct SampleArgs {}
pub(crate) fn run(_: SampleArgs) -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
