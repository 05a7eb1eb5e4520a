//! Which addresses messages may be sent to.
//!
//! A tenant names a URL, and the server connects to it from within the operator's network. So the server connects only to
//! addresses of the public Internet, and to what the operator allows. The address that was checked is the one that is connected
//! to: a name is looked up once, and what another look-up would say does not matter.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{EndpointUrl, EndpointUrlError};

/// Networks of IPv4 that are not the public Internet, or whose addresses mean something within a provider's network.
const REFUSED_V4: [(Ipv4Addr, u8); 16] = [
    // This network.
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    // Private.
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Shared by customers of a provider; 100.100.100.200 has the metadata of Alibaba Cloud.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    // Loopback.
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local; 169.254.169.254 has the metadata of most clouds.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    // Protocol assignments; 192.0.0.192 has the metadata of Oracle Cloud.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // Documentation.
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Relays from IPv6.
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    // Measurements between networks.
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // Azure's metadata.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    // Multicast; reserved, and broadcast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The addresses of IPv6 that are given to networks of the Internet. Everything outside is refused: loopback, private, link-local,
/// multicast, and addresses of IPv4 in the forms of IPv6 that translators take.
const PUBLIC_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Networks within [`PUBLIC_V6`] that are refused.
const REFUSED_V6: [(Ipv6Addr, u8); 4] = [
    // Protocol assignments, with Teredo, which has addresses of IPv4 in it.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    // 6to4, which has addresses of IPv4 in it.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

static REFUSED: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    let v4 = REFUSED_V4.into_iter().filter_map(|(address, length)| Ipv4Net::new(address, length).ok()).map(IpNet::V4);
    let v6 = REFUSED_V6.into_iter().filter_map(|(address, length)| Ipv6Net::new(address, length).ok()).map(IpNet::V6);
    v4.chain(v6).collect()
});

/// The networks besides the public Internet that an operator allows messages to be sent to.
#[derive(Debug, Clone, Default)]
pub struct WebhookNetworks(Arc<[IpNet]>);

impl WebhookNetworks {
    /// Allows these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    /// Checks the URL of an endpoint before it is stored. Where a name leads is seen only when a message is sent.
    ///
    /// # Errors
    /// If no message would ever be sent to it.
    pub fn check(&self, url: EndpointUrl) -> Result<EndpointUrl, EndpointUrlError> {
        match url.address() {
            Some(address) if !self.allow(address, true) => Err(EndpointUrlError::Address(address.to_canonical())),
            Some(address) if !self.allow(address, url.is_tls()) => Err(EndpointUrlError::NoTls),
            None if !url.is_tls() && self.0.is_empty() => Err(EndpointUrlError::NoTls),
            _ => Ok(url),
        }
    }

    /// Returns whether messages may be sent to an address. Without TLS, only to networks that the operator allows.
    pub fn allow(&self, address: IpAddr, is_tls: bool) -> bool {
        // An address of IPv4 in the form of IPv6 is reached as what it is.
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address)) || (is_tls && is_public(address))
    }
}

/// Returns whether an address is one of the public Internet.
fn is_public(address: IpAddr) -> bool {
    let is_given = match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => Ipv6Net::new(PUBLIC_V6.0, PUBLIC_V6.1).is_ok_and(|public| public.contains(&address)),
    };
    is_given && !REFUSED.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::{REFUSED, REFUSED_V4, REFUSED_V6, WebhookNetworks};
    use crate::webhooks::{EndpointUrl, EndpointUrlError};

    #[test]
    fn only_addresses_of_the_public_internet_are_allowed() {
        let none = WebhookNetworks::default();
        assert_eq!(REFUSED.len(), REFUSED_V4.len() + REFUSED_V6.len());
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.1.2.3",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "192.168.255.255",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::2",
            "::7f00:1",
            "::10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::1",
            "2002:c0a8:1::",
            "3fff::1",
            "3fff:fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ] {
            assert!(!none.allow(address.parse().unwrap(), true), "{address}");
        }
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "168.63.129.15",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2000::1",
            "2001:200::1",
            "2001:db7::1",
            "2001:db9::1",
            "2003::1",
            "2606:4700:4700::1111",
            "2a00:1450::1",
            "3ffe::1",
            "::ffff:1.1.1.1",
        ] {
            let address = address.parse().unwrap();
            assert!(none.allow(address, true), "{address}");
            assert!(!none.allow(address, false), "{address} without TLS");
        }
    }

    #[test]
    fn an_operator_can_allow_networks_also_without_tls() {
        let own = WebhookNetworks::new(vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()]);
        for (address, expected) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("fd00:1::7", true),
            ("10.2.0.1", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("fd00:2::1", false),
        ] {
            for is_tls in [true, false] {
                assert_eq!(own.allow(address.parse().unwrap(), is_tls), expected, "{address} {is_tls}");
            }
        }
        assert!(own.allow("1.1.1.1".parse().unwrap(), true) && !own.allow("1.1.1.1".parse().unwrap(), false));
    }
    #[test]
    fn a_url_that_can_never_be_called_is_refused() {
        use EndpointUrlError::{Address, NoTls};
        let none = WebhookNetworks::default();
        let own = WebhookNetworks::new(vec!["10.1.0.0/16".parse().unwrap()]);
        let address = |text: &str| Err(Address(text.parse().unwrap()));
        for (url, without, with) in [
            ("https://hooks.example/", Ok(()), Ok(())),
            ("https://1.1.1.1/", Ok(()), Ok(())),
            ("https://10.1.2.3/", address("10.1.2.3"), Ok(())),
            ("https://0x0a.0x01.2.3/", address("10.1.2.3"), Ok(())),
            ("https://[::ffff:10.1.2.3]/", address("10.1.2.3"), Ok(())),
            ("https://10.2.0.1/", address("10.2.0.1"), address("10.2.0.1")),
            ("https://[::1]/", address("::1"), address("::1")),
            // Where a name leads is not known, but that it can lead to an allowed network is.
            ("http://hooks.example/", Err(NoTls), Ok(())),
            ("http://10.1.2.3/", address("10.1.2.3"), Ok(())),
            ("http://1.1.1.1/", Err(NoTls), Err(NoTls)),
        ] {
            for (networks, expected) in [(&none, without), (&own, with)] {
                assert_eq!(networks.check(EndpointUrl::parse(url).unwrap()).map(drop), expected, "{url} {networks:?}");
            }
        }
    }
}
