//! Where the database is and how it is to be reached: an operator's URL.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection may be silent before the system asks whether the other end is there.
const IDLE: Duration = Duration::from_secs(10);
/// Between two such questions.
const INTERVAL: Duration = Duration::from_secs(3);
/// How many of them may go unanswered.
const RETRIES: u32 = 3;
/// How long what was sent may go unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// A PostgreSQL database as an operator names it: `postgres://user:password@host:5432/database?sslmode=verify-full`.
#[derive(Debug, Clone)]
pub struct DatabaseUrl {
    pub(super) config: Config,
    pub(super) verify: Verify,
    /// Root certificates in place of the system's.
    pub(super) roots: Option<PathBuf>,
}

/// What is asked of the certificate of a server that speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verify {
    /// Nothing: the connection cannot be overheard, but may be somebody else's.
    Nothing,
    /// That a known authority issued it.
    Authority,
    /// That a known authority issued it for this host.
    Full,
}

/// A URL that cannot be used. The texts leave out the URL, which holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Something else than a PostgreSQL database.
    #[error("a database is given as postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Scheme,
    /// A parameter with a value it cannot have.
    #[error("'{name}' cannot be '{value}'; it can be {allowed}")]
    Value {
        /// Which parameter.
        name: &'static str,
        /// What was given.
        value: String,
        /// What can be given.
        allowed: &'static str,
    },
    /// The driver does not accept the rest of it.
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
                // As libpq has it, for those that the system trusts.
                "sslrootcert" => roots = (value != "system").then(|| PathBuf::from(value.as_ref())),
                "sslcert" | "sslkey" | "sslcrl" => {
                    return Err(DatabaseUrlError::Other(format!("'{name}' is not supported")));
                }
                _ => rest.push((name, value)),
            }
        }
        // As libpq has it: whoever names authorities wants them asked.
        if roots.is_some() && mode == SslMode::Require && verify == Verify::Nothing {
            verify = Verify::Authority;
        }
        let rest = form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish().replace('+', "%20");
        let mut config: Config =
            format!("{base}?{rest}").trim_end_matches('?').parse().map_err(|error: tokio_postgres::Error| {
                let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                DatabaseUrlError::Other(why)
            })?;
        config
            .ssl_mode(mode)
            .connect_timeout(CONNECT)
            .keepalives_idle(IDLE)
            .keepalives_interval(INTERVAL)
            .keepalives_retries(RETRIES)
            .tcp_user_timeout(UNACKNOWLEDGED);
        if config.get_application_name().is_none() {
            config.application_name("bulkhead");
        }
        if config.get_hosts().is_empty() {
            return Err(DatabaseUrlError::Other(String::from("it names no host")));
        }
        Ok(Self { config, verify, roots })
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

/// Without the password and whatever else is no address.
/// PostgreSQL's, unless another one is named.
const PORT: u16 = 5432;

impl std::fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("postgres://")?;
        for (place, host) in self.config.get_hosts().iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                #[cfg(unix)]
                Host::Unix(path) => write!(f, "{}", path.display())?,
            }
            let port = self.config.get_ports().get(place).or_else(|| self.config.get_ports().first());
            if let Some(port) = port.filter(|port| **port != PORT) {
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
    fn urls_are_read_and_passwords_kept_back() {
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
    fn what_cannot_be_used_is_refused_without_the_password() {
        for url in [
            "mysql://a:secret@h/d",
            "host=h password=secret",
            "postgres://a:secret@h/d?sslmode=strict",
            "postgres://a:secret@h/d?sslcert=c",
            "postgres://a:secret@h/d?nonsense=1",
            "postgres://a:secret@h:port/d",
            "postgres://",
        ] {
            let refused = url.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
