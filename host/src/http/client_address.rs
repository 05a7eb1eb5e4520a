//! Whose connection or request it is, as far as limits per client go.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::{FORWARDED, HeaderName};
use ipnet::{IpNet, Ipv4Net};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A client as limits count it: an IPv4 address, or the /64 network of an IPv6 address, since one client has all of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ClientAddress(IpAddr);

impl ClientAddress {
    /// Returns the client that has an address.
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
            address => address,
        })
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(formatter, "{address}"),
            IpAddr::V6(address) => write!(formatter, "{address}/64"),
        }
    }
}

/// The networks of the proxies whose headers about their clients are believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts the proxies of these networks. A network of IPv4 addresses in IPv6 form (`::ffff:10.0.0.0/104`) means the IPv4
    /// network.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into_iter().map(canonical).collect())
    }

    /// Returns whether a proxy on another machine is trusted.
    pub fn has_remote(&self) -> bool {
        self.0.iter().any(|network| !network.addr().is_loopback())
    }

    /// Returns whether the program at an address is a trusted proxy.
    pub(super) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the client for whom the proxy at `peer` sent a request; `None` if `peer` is no trusted proxy or does not say.
    /// A proxy that hides its clients does not say. Clients whose proxy says something unreadable are counted as that proxy.
    ///
    /// Each proxy adds the address that it saw at the end, so what stands left of the last untrusted address is only what
    /// that client claims.
    pub(super) fn forwarded_client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<ClientAddress> {
        if !self.contain(peer) {
            return None;
        }
        let mut named = values(headers, &X_FORWARDED_FOR).peekable();
        let hops: Vec<&str> = if named.peek().is_some() {
            named.collect()
        } else {
            values(headers, &FORWARDED).filter_map(|element| parameter(element, "for")).collect()
        };
        if hops.last().is_some_and(|hop| is_hidden(hop)) {
            return None;
        }
        let mut client = (!hops.is_empty()).then(|| ClientAddress::of(peer));
        for hop in hops.into_iter().rev() {
            let Some(address) = parse_node(hop) else { break };
            client = Some(ClientAddress::of(address));
            if !self.contain(address) {
                break;
            }
        }
        client
    }

    /// Returns whether the client sent a request over TLS, as the trusted proxy at `peer` says.
    pub(super) fn is_secure(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let is_https = |scheme: &str| scheme.trim_matches('"').eq_ignore_ascii_case("https");
        if !self.contain(peer) {
            return false;
        }
        match values(headers, &X_FORWARDED_PROTO).last() {
            Some(scheme) => is_https(scheme),
            None => values(headers, &FORWARDED).last().and_then(|last| parameter(last, "proto")).is_some_and(is_https),
        }
    }
}

/// Returns a network of IPv4 addresses in IPv6 form as the IPv4 network, and any other as it is.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let ipv4 = mapped.addr().to_ipv4_mapped().zip(mapped.prefix_len().checked_sub(96));
    let ipv4 = ipv4.and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    ipv4.map_or(network, IpNet::V4)
}

/// Returns the elements of a header that is a list, over all its lines; `?` for one that is no text. A proxy adds its element
/// to a line that its client may have begun, so each element is read for itself.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> + use<'a> {
    let elements = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    elements.map(|element| str::from_utf8(element).unwrap_or("?").trim())
}

/// Returns a parameter of an element of `Forwarded`.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(found, value)| found.trim().eq_ignore_ascii_case(name).then_some(value.trim()))
}

/// Returns whether a proxy says that it hides its client, or has none with an address (RFC 7239, section 6; `unix:` is nginx's).
fn is_hidden(text: &str) -> bool {
    let text = text.trim_matches('"');
    text.eq_ignore_ascii_case("unknown") || text.starts_with('_') || text.starts_with("unix:")
}

/// Parses an address, with or without a port, quotes, brackets and a zone.
fn parse_node(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use hyper::HeaderMap;
    use hyper::header::{HeaderName, HeaderValue};

    use super::{ClientAddress, TrustedProxies};

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn trusted() -> TrustedProxies {
        let networks = ["10.0.0.0/8", "fd00::/8", "::ffff:172.16.0.0/108"];
        TrustedProxies::new(networks.map(|network| network.parse().unwrap()).to_vec())
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        for (text, shown) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(ClientAddress::of(address(text)).to_string(), shown);
        }
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_trusted_proxy() {
        for (peer, lines, client) in [
            // A stranger's headers count for nothing.
            ("192.0.2.1", &[("x-forwarded-for", "198.51.100.1")][..], None),
            ("10.0.0.1", &[], None),
            ("10.0.0.1", &[("x-forwarded-for", "198.51.100.1")], Some("198.51.100.1")),
            ("::ffff:10.0.0.1", &[("x-forwarded-for", "198.51.100.1")], Some("198.51.100.1")),
            ("fd00::1", &[("x-forwarded-for", "2001:db8::5")], Some("2001:db8::/64")),
            ("10.0.0.1", &[("x-forwarded-for", "203.0.113.9, 198.51.100.1, 10.0.0.2")], Some("198.51.100.1")),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.1:4711")],
                Some("198.51.100.1"),
            ),
            ("172.16.0.1", &[("x-forwarded-for", "198.51.100.1")], Some("198.51.100.1")),
            ("10.0.0.1", &[("x-forwarded-for", "203.0.113.9, nonsense")], Some("10.0.0.1")),
            ("10.0.0.1", &[("x-forwarded-for", "")], Some("10.0.0.1")),
            ("10.0.0.1", &[("x-forwarded-for", "unknown")], None),
            ("10.0.0.1", &[("x-forwarded-for", "unix:")], None),
            ("10.0.0.1", &[("forwarded", "for=\"_hidden\"")], None),
            ("10.0.0.1", &[("x-forwarded-for", "unknown, 198.51.100.1")], Some("198.51.100.1")),
            ("10.0.0.1", &[("x-forwarded-for", "fe80::1%eth0")], Some("fe80::/64")),
            ("10.0.0.1", &[("x-forwarded-for", "\u{ff}, 198.51.100.1")], Some("198.51.100.1")),
            ("10.0.0.1", &[("x-forwarded-for", "203.0.113.9, nonsense, 10.0.0.2")], Some("10.0.0.2")),
            (
                "10.0.0.1",
                &[("forwarded", "for=203.0.113.9;proto=https, For=\"[2001:db8::5]:80\"")],
                Some("2001:db8::/64"),
            ),
            (
                "10.0.0.1",
                &[("forwarded", "for=203.0.113.9"), ("x-forwarded-for", "198.51.100.1")],
                Some("198.51.100.1"),
            ),
        ] {
            let found = trusted().forwarded_client(address(peer), &headers(lines)).map(|client| client.to_string());
            assert_eq!(found.as_deref(), client, "{peer} {lines:?}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_says_that_a_request_came_over_tls() {
        for (peer, lines, secure) in [
            ("192.0.2.1", &[("x-forwarded-proto", "https")][..], false),
            ("10.0.0.1", &[("x-forwarded-proto", "https")], true),
            ("10.0.0.1", &[("x-forwarded-proto", "https, http")], false),
            ("10.0.0.1", &[("forwarded", "for=203.0.113.9;proto=HTTPS")], true),
            ("10.0.0.1", &[], false),
        ] {
            assert_eq!(trusted().is_secure(address(peer), &headers(lines)), secure, "{peer} {lines:?}");
        }
    }
}
