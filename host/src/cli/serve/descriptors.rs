//! File descriptors: each connection takes one, and the store and files must always get theirs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::args::{MAX_ADMIN_CONNECTIONS, MAX_HEALTH_CONNECTIONS};

/// Descriptors for everything but the public listener's connections: the store, compiled code, other listeners, and
/// connections that are being closed.
const RESERVED_DESCRIPTORS: u64 = 256 + (MAX_ADMIN_CONNECTIONS + MAX_HEALTH_CONNECTIONS) as u64;

/// Takes as many descriptors as the system gives. Returns how many connections the public listener can have: `wanted`, or
/// fewer if the descriptors do not suffice.
pub(super) fn provide(wanted: usize) -> usize {
    let given = raise();
    let possible = connections(wanted, given);
    if possible < wanted {
        tracing::warn!(
            event = "descriptors_short",
            descriptors = given,
            wanted,
            connections = possible,
            "the system gives too few file descriptors for --max-connections, so there are fewer connections; raise the hard limit (`ulimit -Hn`, LimitNOFILE in systemd)"
        );
    }
    possible
}

/// Raises the limit of descriptors as far as the system allows. Returns the limit; `None` if there is none.
fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Some systems name no maximum and still refuse more than they have.
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(_) => current,
    }
}

fn connections(wanted: usize, descriptors: Option<u64>) -> usize {
    let Some(descriptors) = descriptors else { return wanted };
    let left = descriptors.saturating_sub(RESERVED_DESCRIPTORS).max(descriptors / 4).max(1);
    wanted.min(usize::try_from(left).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::{RESERVED_DESCRIPTORS, connections};

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        for (wanted, descriptors, possible) in [
            (1_024, None, 1_024),
            (1_024, Some(1_024 + RESERVED_DESCRIPTORS), 1_024),
            (1_024, Some(1_024), 1_024 - usize::try_from(RESERVED_DESCRIPTORS).unwrap()),
            (10, Some(1_024), 10),
            (1_024, Some(320), 80),
            (1_024, Some(2), 1),
        ] {
            assert_eq!(connections(wanted, descriptors), possible, "{wanted} {descriptors:?}");
        }
    }
}
