//! The URL by which an operator names the database.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// PostgreSQL's port, unless the URL names another.
const DEFAULT_PORT: u16 = 5432;
/// How long a host may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long several hosts may take together: less than an operation waits for a connection, so that the last host is asked when the
/// others are silent, as a machine that is off.
const CONNECT_TO_ALL_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a connection may be silent before the system probes the other end.
const KEEPALIVE_IDLE_TIME: Duration = Duration::from_secs(10);
/// The time between two such probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
/// Probes without an answer after which the connection is lost.
const MAX_KEEPALIVE_PROBES: u32 = 3;
/// How long sent data may stay unacknowledged before the connection is lost.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(10);

/// A PostgreSQL database as an operator names it: `postgres://user:password@host:5432/database?sslmode=verify-full`.
#[derive(Debug, Clone)]
pub struct DatabaseUrl {
    pub(super) config: Config,
    pub(super) verify: Verify,
    /// A file of root certificates that replaces the system's.
    pub(super) roots: Option<PathBuf>,
}

/// How the certificate of a database that speaks TLS is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verify {
    /// Not at all: the connection is encrypted, but may lead to an impostor.
    Nothing,
    /// A trusted authority must have issued it.
    Authority,
    /// A trusted authority must have issued it for this host name.
    Full,
}

/// Why a URL cannot be used. The texts leave out the URL, because it holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// The URL is not of a PostgreSQL database.
    #[error("a database is given as postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Scheme,
    /// A parameter has a value that it cannot have.
    #[error("'{name}' cannot be '{value}'; it can be {allowed}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// The value in the URL.
        value: String,
        /// The values that it can have.
        allowed: &'static str,
    },
    /// The driver does not accept the rest of the URL.
    #[error("the URL of the database cannot be used: {0}")]
    Other(String),
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(DatabaseUrlError::Scheme);
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut verify, mut roots) = (SslMode::Prefer, Verify::Nothing, None);
        let mut rest = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "sslmode" => (mode, verify) = ssl_mode(&value)?,
                // As in libpq, `system` means the authorities that the system trusts.
                "sslrootcert" => roots = (value != "system").then(|| PathBuf::from(value.as_ref())),
                "sslcert" | "sslkey" | "sslcrl" => {
                    return Err(DatabaseUrlError::Other(format!("'{name}' is not supported")));
                }
                _ => rest.push((name, value)),
            }
        }
        // As in libpq, naming authorities asks for verification.
        if roots.is_some() && mode == SslMode::Require && verify == Verify::Nothing {
            verify = Verify::Authority;
        }
        let rest = form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish().replace('+', "%20");
        let mut config: Config =
            format!("{base}?{rest}").trim_end_matches('?').parse().map_err(|error: tokio_postgres::Error| {
                let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                DatabaseUrlError::Other(plain(&why))
            })?;
        let connect_timeout = match u32::try_from(config.get_hosts().len()).unwrap_or(u32::MAX) {
            0 | 1 => CONNECT_TIMEOUT,
            hosts => CONNECT_TO_ALL_TIMEOUT / hosts,
        };
        config
            .ssl_mode(mode)
            .connect_timeout(connect_timeout)
            .keepalives_idle(KEEPALIVE_IDLE_TIME)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(MAX_KEEPALIVE_PROBES)
            .tcp_user_timeout(UNACKNOWLEDGED_TIMEOUT);
        if config.get_application_name().is_none() {
            config.application_name("bulkhead");
        }
        if config.get_hosts().is_empty() {
            return Err(DatabaseUrlError::Other(String::from("it names no host")));
        }
        Ok(Self { config, verify, roots })
    }
}

/// Says in plain words what the driver does not accept.
fn plain(why: &str) -> String {
    let quoted = |rest: &str| rest.trim_end_matches('`').to_owned();
    if let Some(rest) = why.strip_prefix("unknown option `") {
        format!("there is no parameter '{}'", quoted(rest))
    } else if let Some(rest) = why.strip_prefix("invalid value for option `") {
        format!("its '{}' cannot be used", quoted(rest))
    } else {
        String::from("it is not written as postgres://USER:PASSWORD@HOST:PORT/DATABASE")
    }
}

fn ssl_mode(value: &str) -> Result<(SslMode, Verify), DatabaseUrlError> {
    Ok(match value {
        "disable" => (SslMode::Disable, Verify::Nothing),
        "allow" | "prefer" => (SslMode::Prefer, Verify::Nothing),
        "require" => (SslMode::Require, Verify::Nothing),
        "verify-ca" => (SslMode::Require, Verify::Authority),
        "verify-full" => (SslMode::Require, Verify::Full),
        _ => {
            return Err(DatabaseUrlError::Value {
                name: "sslmode",
                value: value.to_owned(),
                allowed: "disable, prefer, require, verify-ca or verify-full",
            });
        }
    })
}

/// Shows the address alone, without the password and the parameters.
impl std::fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("postgres://")?;
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                #[cfg(unix)]
                Host::Unix(path) => write!(f, "{}", path.display())?,
            }
            let port = self.config.get_ports().get(index).or_else(|| self.config.get_ports().first());
            if let Some(port) = port.filter(|port| **port != DEFAULT_PORT) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.config.get_dbname().or_else(|| self.config.get_user()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::SslMode;

    use super::{DatabaseUrl, Verify};

    #[test]
    fn urls_are_parsed_and_shown_without_the_password() {
        for (url, mode, verify, shown) in [
            ("postgres://ada:secret@db.example/bulk", SslMode::Prefer, Verify::Nothing, "postgres://db.example/bulk"),
            (
                "postgresql://ada:secret@db:5433/bulk?sslmode=verify-full&application_name=a%20b",
                SslMode::Require,
                Verify::Full,
                "postgres://db:5433/bulk",
            ),
            ("postgres://a@h/d?sslmode=disable", SslMode::Disable, Verify::Nothing, "postgres://h/d"),
            ("postgres://a@h/d?sslmode=require", SslMode::Require, Verify::Nothing, "postgres://h/d"),
            (
                "postgres://a@h/d?sslmode=require&sslrootcert=/ca.pem",
                SslMode::Require,
                Verify::Authority,
                "postgres://h/d",
            ),
            ("postgres://a@h/d?sslmode=verify-ca", SslMode::Require, Verify::Authority, "postgres://h/d"),
            ("postgres://a@/d?host=/run/pg", SslMode::Prefer, Verify::Nothing, "postgres:///run/pg/d"),
        ] {
            let read: DatabaseUrl = url.parse().unwrap();
            assert_eq!((read.config.get_ssl_mode(), read.verify), (mode, verify), "{url}");
            assert_eq!(read.to_string(), shown);
        }
    }

    #[test]
    fn unusable_urls_are_refused_in_plain_words_and_without_the_password() {
        for (url, part) in [
            ("mysql://a:secret@h/d", "postgres://USER"),
            ("host=h password=secret", "postgres://USER"),
            ("postgres://a:secret@h/d?sslmode=strict", "'sslmode' cannot be 'strict'"),
            ("postgres://a:secret@h/d?sslcert=c", "'sslcert' is not supported"),
            ("postgres://a:secret@h/d?nonsense=1", "there is no parameter 'nonsense'"),
            ("postgres://a:secret@h/d?connect_timeout=x", "its 'connect_timeout' cannot be used"),
            ("postgres://a:secret@h:port/d", "its 'port' cannot be used"),
            ("postgres://a:secret@[::1/d", "its 'host' cannot be used"),
            ("postgres://", "it names no host"),
        ] {
            let refused = url.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(refused.contains(part) && !refused.contains("secret"), "{url}: {refused}");
        }
    }
}
