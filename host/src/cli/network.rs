//! Networks, as options name them.

use std::net::IpAddr;

use ipnet::IpNet;

/// Parses a network, or an address as a network of its own.
///
/// # Errors
/// If the text is neither.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    network.ok_or_else(|| String::from("an address, or a network such as 10.0.0.0/8 or fd00::/8, is expected"))
}
