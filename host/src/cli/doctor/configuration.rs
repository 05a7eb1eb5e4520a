//! The checks of the options with which a server would start, and of what they name.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use bulkhead::clock::Clock;
use bulkhead::http::{CertificateState, TlsIdentity};
use bulkhead::plain_words::io_error;
use clap::FromArgMatches as _;
use tokio::net::TcpSocket;

use super::Finding;
use crate::cli::changeable::who_can_change;
use crate::cli::health::is_bulkhead;
use crate::cli::listening::local_url;
use crate::cli::option_sources::try_parse;
use crate::cli::serve::{ListenerIdentities, ServeArgs};
use crate::cli::server_options;
use crate::cli::store::StoreArgs;

const CHECK: &str = "configuration";
/// The instances of components that a server has at a time whose options are not known.
const USUAL_INSTANCES: u32 = 50;
/// How long a running server has to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Checks the options of a server of this store, and what they name: those of the environment, the configuration file and the files
/// that they name. Returns also how many component instances such a server has at a time.
pub(super) fn configuration(store: &StoreArgs) -> (Vec<Finding>, u32) {
    let mut findings: Vec<Finding> = store.config().and_then(who_can_change).map(changeable).into_iter().collect();
    let (args, identities) = match examine(store) {
        Ok(examined) => examined,
        Err(error) => {
            // 'config show' refuses such options, too.
            let advice = "a server does not start like this; correct that option where it is given ('bulkhead serve --help' describes it)";
            findings.push(Finding::fail(CHECK, error, advice));
            return (findings, USUAL_INSTANCES);
        }
    };
    let found = store.config().map_or_else(
        || String::from("no file; the environment and the defaults are well"),
        |path| format!("{} is well", path.display()),
    );
    findings.insert(0, Finding::ok(CHECK, found));
    findings.extend(identities.all().map(|identity| certificate(identity)));
    for (listener, address) in args.listeners() {
        let is_tls = identities.has_tls(listener);
        findings.extend(listening(listener.option(), address, is_tls));
    }
    (findings, args.instances())
}

fn examine(store: &StoreArgs) -> Result<(ServeArgs, ListenerIdentities), String> {
    let known = server_options();
    let arguments = [OsString::from("serve")].into_iter().chain(store.arguments()).collect();
    let mut parsed = try_parse(known.clone(), &known, arguments).map_err(|error| error.to_string())?;
    let args = ServeArgs::from_arg_matches_mut(&mut parsed.matches).map_err(|error| error.to_string())?;
    args.check()?;
    let identities = args.identities()?;
    args.component()?;
    Ok((args, identities))
}

/// Says that others than those who may can change the configuration.
fn changeable(found: String) -> Finding {
    Finding::warn(
        CHECK,
        found,
        "whoever changes the file decides what the server does; let root or the server's user own the file and its folder, and nobody else write to them (chown, chmod go-w)",
    )
}

/// Checks when a certificate is valid, and whether it can be a server's.
fn certificate(identity: &TlsIdentity) -> Finding {
    const CHECK: &str = "certificate";
    let (file, validity) = (identity.certificate().display(), identity.validity());
    let [begin, end] = [validity.begin, validity.end].map(|time| time.to_rfc3339());
    let renew = "renew it now, and send the server SIGHUP (systemctl reload bulkhead)";
    match validity.at(Clock::system().now()) {
        CertificateState::Valid if identity.is_of_authority() => Finding::warn(
            CHECK,
            format!("{file} is the certificate of an authority (CA:TRUE), so many clients refuse it as a server's"),
            "give one that is the server's own: let the authority sign it, or make it with 'openssl req -x509 -addext basicConstraints=critical,CA:FALSE'",
        ),
        CertificateState::Valid => Finding::ok(CHECK, format!("{file} is valid until {end}")),
        CertificateState::ExpiresSoon => Finding::warn(CHECK, format!("{file} expires at {end}"), renew),
        CertificateState::Expired => {
            Finding::fail(CHECK, format!("{file} has expired at {end}, so clients refuse it"), renew)
        }
        CertificateState::NotValidYet => Finding::fail(
            CHECK,
            format!("{file} is not valid before {begin}, so clients refuse it"),
            "set this machine's clock if it is behind (timedatectl); else wait, or get another certificate",
        ),
    }
}

/// Checks whether a server can listen at an address, or does. Nothing listens for that.
fn listening(option: &str, address: SocketAddr, is_tls: bool) -> Option<Finding> {
    const CHECK: &str = "address";
    let url = local_url(address, is_tls)?;
    let bound = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
        .and_then(|socket| socket.set_reuseaddr(true).and_then(|()| socket.bind(address)));
    Some(match bound {
        Ok(()) => Finding::ok(CHECK, format!("{option} {address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && is_bulkhead(&url, ANSWER_TIMEOUT) => {
            Finding::ok(CHECK, format!("a Bulkhead server answers at {option} {address}"))
        }
        Err(error) => {
            let advice = match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    "stop the program that has the address ('ss -ltnp' names it), or choose another port"
                }
                std::io::ErrorKind::AddrNotAvailable => {
                    "give an address that this machine has ('ip addr' lists them), or 0.0.0.0 for all"
                }
                std::io::ErrorKind::PermissionDenied => {
                    "choose a port from 1024 on, or let the server's user have this one (AmbientCapabilities=CAP_NET_BIND_SERVICE)"
                }
                _ => "choose another address",
            };
            Finding::fail(CHECK, format!("a server cannot listen on {option} {address}: {}", io_error(&error)), advice)
        }
    })
}
