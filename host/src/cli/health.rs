//! `bulkhead health`: for supervisors of containers, whose images have no other program that could ask.

use std::error::Error;
use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bulkhead::authorities::{is_this_machine, trusted_authorities};
use bulkhead::plain_words::io_error;
use clap::Args;
use serde_json::Value;
use ureq::Agent;
use ureq::tls::TlsConfig;

use super::listening::ListenArgs;
use super::output::{print_error, print_line};

/// Bytes of an answer at most.
const MAX_ANSWER_BYTES: u64 = 64 << 10;
/// The path at which a server says that it is alive.
const LIVE: &str = "/livez";

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
    let path = if args.ready { "/readyz" } else { LIVE };
    let base = match &args.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            args.listening.health_url().ok_or("the system chose the port of that listener, so name it with --url")?
        }
    };
    let url = format!("{base}{path}");
    match ask(&base, path, Duration::from_secs(args.timeout)) {
        Ok((status, text)) => match Health::read(status, &text) {
            Some(health @ (Health::Alive | Health::Ready)) => {
                print_line(format_args!("{url}: {}", if health == Health::Ready { "ready" } else { "alive" }))?;
                Ok(ExitCode::SUCCESS)
            }
            Some(Health::NotReady(why)) => {
                print_line(format_args!("{url}: not ready: {why}"))?;
                Ok(ExitCode::from(1))
            }
            None => {
                print_error(format_args!(
                    "{url}: this is no health check of a Bulkhead server: it answered {status}, and not what Bulkhead says; check --url"
                ));
                Ok(ExitCode::from(2))
            }
        },
        Err(error) => {
            print_error(format_args!("{url}: {}", why(&error)));
            Ok(ExitCode::from(2))
        }
    }
}

/// Returns whether a Bulkhead server answers at a URL.
pub(super) fn is_bulkhead(base: &str, timeout: Duration) -> bool {
    ask(base, LIVE, timeout).is_ok_and(|(status, text)| Health::read(status, &text) == Some(Health::Alive))
}

/// Asks for a path, and returns the status and the text of the answer.
fn ask(base: &str, path: &str, timeout: Duration) -> Result<(u16, String), ureq::Error> {
    let mut answer = agent(base, timeout).get(format!("{base}{path}")).call()?;
    let text = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string()?;
    Ok((answer.status().as_u16(), text))
}

/// What a server says of its health.
#[derive(Debug, PartialEq, Eq)]
enum Health {
    /// It answers.
    Alive,
    /// It should get requests.
    Ready,
    /// It should get none, and why.
    NotReady(String),
}

impl Health {
    /// Reads an answer. Returns `None` if it is none of Bulkhead: other programs answer 200 to any path, too.
    fn read(status: u16, text: &str) -> Option<Self> {
        let report: Value = serde_json::from_str(text).ok()?;
        let is_ready = report.get("ready").and_then(Value::as_bool);
        let has_checks = report.get("store").is_some_and(Value::is_string) && report.get("draining").is_some();
        match (status, report.get("live"), is_ready) {
            (200, Some(Value::Bool(true)), None) => Some(Self::Alive),
            (200, None, Some(true)) if has_checks => Some(Self::Ready),
            (503, None, Some(false)) if has_checks => Some(Self::NotReady(reasons(&report))),
            _ => None,
        }
    }
}

fn agent(base: &str, timeout: Duration) -> Agent {
    // Nobody is between two programs of one machine, and a server's certificate names what its clients call it, not its addresses.
    let tls = if is_own_machine(base) {
        TlsConfig::builder().disable_verification(true)
    } else {
        TlsConfig::builder().root_certs(trusted_authorities())
    };
    let settings = Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
    let settings = settings.user_agent(concat!("bulkhead-health/", env!("CARGO_PKG_VERSION")));
    settings.timeout_global(Some(timeout)).tls_config(tls.build()).build().into()
}

/// Returns whether a URL names this machine by one of its addresses, of which the loopback addresses are some.
fn is_own_machine(url: &str) -> bool {
    let uri: Option<ureq::http::Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(|uri| uri.host()).unwrap_or_default();
    is_this_machine(host) || host.trim_matches(['[', ']']).parse().is_ok_and(is_own_address)
}

/// Returns whether this machine has an address: the system gives a socket no other.
fn is_own_address(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

/// Says why a server is not ready, by its report.
fn reasons(report: &Value) -> String {
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
    use super::{Health, is_own_machine};

    #[test]
    fn only_what_bulkhead_says_of_its_health_is_believed() {
        let not_ready = r#"{"ready":false,"store":"ok","disk":"ok","draining":true,"stalled":0}"#;
        for (status, text, expected) in [
            (200, r#"{"live":true}"#, Some(Health::Alive)),
            (200, r#"{"ready":true,"store":"ok","disk":"ok","draining":false,"stalled":0}"#, Some(Health::Ready)),
            (503, not_ready, Some(Health::NotReady(String::from("it is about to stop")))),
            (200, not_ready, None),
            (503, r#"{"live":true}"#, None),
            (200, r#"{"ready":true}"#, None),
            (200, r#"{"status":"UP"}"#, None),
            (200, "<html>Welcome to nginx!</html>", None),
            (200, "", None),
            (200, "[]", None),
            (503, "<html>503 Service Temporarily Unavailable</html>", None),
            (404, r#"{"live":true}"#, None),
        ] {
            assert_eq!(Health::read(status, text), expected, "{status} {text}");
        }
    }

    #[test]
    fn only_this_machine_is_asked_without_a_verified_certificate() {
        for (url, expected) in [
            ("https://127.0.0.1:8443", true),
            ("https://[::1]:8443", true),
            ("https://localhost", true),
            ("https://0.0.0.0:8443", true),
            // Addresses of documents, which no machine has.
            ("https://203.0.113.77:8443", false),
            ("https://[2001:db8::77]:8443", false),
            ("https://127.0.0.1.example", false),
            ("https://localhost.example", false),
            ("https://127.0.0.1@example.com", false),
        ] {
            assert_eq!(is_own_machine(url), expected, "{url}");
        }
    }
}
