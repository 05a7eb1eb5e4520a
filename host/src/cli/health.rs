//! `bulkhead health`: for supervisors of containers, whose images have no other program that could ask.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bulkhead::plain_words::io_error;
use clap::Args;
use serde_json::Value;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use super::listening::ListenArgs;
use super::output::{print_error, print_line};
use super::submit::authorities;

/// Bytes of an answer at most.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// Arguments of `bulkhead health`. The options of 'serve' say where it listens.
#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// Ask whether the server should get requests (/readyz), and not only whether it is alive (/livez).
    #[arg(long)]
    ready: bool,
    /// URL of the listener to ask, such as http://127.0.0.1:8080; by default the listener for health checks, else the operators',
    /// else the public one.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Seconds to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// A configuration file: TOML whose keys are the long names of the options of 'serve'.
    #[arg(long, value_name = "FILE", env = "BULKHEAD_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    listening: ListenArgs,
}

/// Asks a server for its health and prints a line. Exit status: 0 if it is well, 1 if it says that it is not, 2 if it does not answer.
///
/// # Errors
/// If it is not known where to ask, or standard output cannot be written to.
pub(super) fn run(args: &HealthArgs) -> Result<ExitCode, Box<dyn Error>> {
    let path = if args.ready { "/readyz" } else { "/livez" };
    let base = match &args.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            args.listening.health_url().ok_or("the system chose the port of that listener, so name it with --url")?
        }
    };
    let url = format!("{base}{path}");
    let agent = agent(&base, Duration::from_secs(args.timeout));
    let answered = agent.get(&url).call().and_then(|mut answer| {
        let text = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string()?;
        Ok((answer.status().as_u16(), text))
    });
    match answered {
        Ok((200, _)) => {
            print_line(format_args!("{url}: {}", if args.ready { "ready" } else { "alive" }))?;
            Ok(ExitCode::SUCCESS)
        }
        Ok((503, report)) => {
            print_line(format_args!("{url}: not ready: {}", reasons(&report)))?;
            Ok(ExitCode::from(1))
        }
        Ok((status, _)) => {
            print_error(format_args!(
                "{url}: this is no health check of a Bulkhead server: it answered {status}; check --url"
            ));
            Ok(ExitCode::from(2))
        }
        Err(error) => {
            print_error(format_args!("{url}: {}", why(&error)));
            Ok(ExitCode::from(2))
        }
    }
}

fn agent(base: &str, timeout: Duration) -> Agent {
    // Nobody is between two programs of one machine, and no authority certifies its addresses.
    let tls = if is_loopback(base) {
        TlsConfig::builder().disable_verification(true)
    } else {
        TlsConfig::builder().root_certs(authorities().unwrap_or(RootCerts::WebPki))
    };
    let settings = Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
    let settings = settings.user_agent(concat!("bulkhead-health/", env!("CARGO_PKG_VERSION")));
    settings.timeout_global(Some(timeout)).tls_config(tls.build()).build().into()
}

/// Returns whether a URL names this machine by a loopback address.
fn is_loopback(url: &str) -> bool {
    let uri: Option<ureq::http::Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(|uri| uri.host()).unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Says why a server is not ready, by its report.
fn reasons(report: &str) -> String {
    let Ok(report) = serde_json::from_str::<Value>(report) else { return String::from("it does not say why") };
    let is_true = |name: &str| report.get(name) == Some(&Value::Bool(true));
    let store = report.get("store").and_then(Value::as_str).filter(|store| *store != "ok");
    let stalled = report.get("stalled").and_then(Value::as_u64).filter(|count| *count > 0);
    let reasons = [
        store.map(|why| format!("store: {why}")),
        is_true("starting").then(|| String::from("it starts")),
        is_true("draining").then(|| String::from("it is about to stop")),
        stalled.map(|count| format!("{count} threads are stalled")),
    ];
    let reasons: Vec<String> = reasons.into_iter().flatten().collect();
    if reasons.is_empty() { String::from("it does not say why") } else { reasons.join("; ") }
}

fn why(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => String::from("it does not answer in time"),
        ureq::Error::Io(error) if error.get_ref().is_some() => {
            String::from("no HTTP is spoken there, or no TLS that can be verified; check --url")
        }
        ureq::Error::Io(error) => io_error(error),
        ureq::Error::HostNotFound => String::from("no address of this name can be found"),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => String::from("this is no URL such as http://127.0.0.1:8080"),
        ureq::Error::Protocol(_) => {
            String::from("what answers there does not speak HTTP; if it speaks TLS, give https://")
        }
        _ => String::from("it cannot be asked; check --url"),
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_loopback_addresses_are_asked_without_a_verified_certificate() {
        for (url, expected) in [
            ("https://127.0.0.1:8443", true),
            ("https://[::1]:8443", true),
            ("https://localhost", true),
            ("https://10.0.0.1:8443", false),
            ("https://127.0.0.1.example", false),
            ("https://localhost.example", false),
            ("https://127.0.0.1@example.com", false),
        ] {
            assert_eq!(is_loopback(url), expected, "{url}");
        }
    }
}
