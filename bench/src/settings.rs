//! What the environment says about a measurement. An empty variable is as good as none.

use std::env;
use std::time::Duration;

use crate::Outcome;
use crate::deployment::Store;

/// Returns the text of a variable.
pub(crate) fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.is_empty())
}

/// Returns the number of a variable, or `default` without one.
pub(crate) fn number(name: &str, default: usize) -> Outcome<usize> {
    let Some(text) = text(name) else { return Ok(default) };
    Ok(text.parse().map_err(|_| format!("{name} must be a whole number, not '{text}'"))?)
}

/// Returns the time of `SECONDS`, or `default` without it.
pub(crate) fn time(default: Duration) -> Outcome<Duration> {
    let Some(text) = text("SECONDS") else { return Ok(default) };
    let time = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(time.ok_or_else(|| format!("SECONDS must be a number of seconds, not '{text}'"))?)
}

/// Returns the store of `STORE`, or all stores without it.
pub(crate) fn stores() -> Outcome<Vec<Store>> {
    match text("STORE").as_deref() {
        None => Ok(vec![Store::Sqlite, Store::Postgres]),
        Some("sqlite") => Ok(vec![Store::Sqlite]),
        Some("postgres") => Ok(vec![Store::Postgres]),
        Some(other) => Err(format!("STORE must be sqlite or postgres, not '{other}'").into()),
    }
}
