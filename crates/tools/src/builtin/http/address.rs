//! Which addresses `http.request` may connect to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The operator's exceptions from the rule that only public addresses are reached.
#[derive(Debug, Clone, Default)]
pub(super) struct Exceptions {
    hosts: Vec<String>,
    networks: Vec<Network>,
}

#[derive(Debug, Clone, Copy)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Exceptions {
    /// Reads `[http] allow_private`; the error is the entry that is neither a host name, an address nor a network.
    pub(super) fn parse(entries: &[String]) -> Result<Self, String> {
        let mut exceptions = Self::default();
        for entry in entries {
            match Network::parse(entry) {
                Some(network) => exceptions.networks.push(network),
                None if is_host_name(entry) => exceptions.hosts.push(normal(entry)),
                None => return Err(entry.clone()),
            }
        }
        Ok(exceptions)
    }

    /// Whether this host is allowed whatever its address.
    pub(super) fn host(&self, host: &str) -> bool {
        let host = normal(host);
        self.hosts.contains(&host)
    }

    /// Whether this address may be reached.
    pub(super) fn address(&self, address: IpAddr) -> bool {
        is_public(address)
            || self
                .networks
                .iter()
                .any(|network| network.contains(address))
    }
}

impl Network {
    fn parse(entry: &str) -> Option<Self> {
        let (address, prefix) = match entry.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
            None => (entry, None),
        };
        let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(widest);
        (prefix <= widest).then_some(Self { address, prefix })
    }

    fn contains(self, other: IpAddr) -> bool {
        match (self.address, embedded_v4(other).map_or(other, IpAddr::V4)) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.prefix);
                own.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.prefix);
                own.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

fn is_host_name(entry: &str) -> bool {
    let permitted = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    !entry.is_empty() && entry.chars().all(permitted)
}

fn normal(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether the address belongs to the public internet: not to this machine, a private network, a cloud's metadata
/// service, or a range with another purpose.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded_v4(IpAddr::V6(address)) {
            Some(embedded) => is_public_v4(embedded),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_unspecified()
        || address.is_loopback()
        || address.is_private()
        // Also the metadata services of clouds, 169.254.169.254.
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        // Shared by carriers; also metadata services (100.100.100.200).
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240;
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let global_unicast = (first & 0xe000) == 0x2000;
    let teredo_or_reserved = first == 0x2001 && second < 0x0200;
    let documentation =
        (first == 0x2001 && second == 0x0db8) || (first == 0x3fff && second < 0x1000);
    global_unicast && !teredo_or_reserved && !documentation
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64 or 6to4. Such an address reaches what
/// the IPv4 address reaches.
fn embedded_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    let [a, b, c, d, e, f, g, h] = address.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x0064, 0xff9b, 0, 0, 0, 0) => Some(join(g, h)),
        (0, 0, 0, 0, 0, 0) if !address.is_loopback() && !address.is_unspecified() => {
            Some(join(g, h))
        }
        (0x2002, ..) => Some(join(b, c)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Exceptions, is_public};

    fn public(address: &str) -> bool {
        is_public(address.parse().unwrap())
    }

    #[test]
    fn private_addresses_in_every_dress_are_not_public() {
        for address in [
            "127.0.0.1",
            "127.8.9.1",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.2.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
        ] {
            assert!(!public(address), "{address} is taken for public");
        }
    }

    #[test]
    fn public_addresses_are_public() {
        for address in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "169.253.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2001:4860:4860::8888",
        ] {
            assert!(public(address), "{address} is not taken for public");
        }
    }

    #[test]
    fn exceptions_name_hosts_addresses_and_networks() {
        let entries = [
            "Intra.example.",
            "10.1.0.0/16",
            "192.168.7.7",
            "fd00::/8",
            "0.0.0.0/32",
        ]
        .map(str::to_owned);
        let exceptions = Exceptions::parse(&entries).unwrap();
        let address = |text: &str| exceptions.address(text.parse().unwrap());
        assert!(exceptions.host("intra.EXAMPLE") && !exceptions.host("x.intra.example"));
        assert!(address("10.1.255.1") && !address("10.2.0.1"));
        assert!(address("::ffff:10.1.0.1"));
        assert!(address("192.168.7.7") && !address("192.168.7.8"));
        assert!(address("fdff::1") && !address("fe80::1"));
        assert!(!address("127.0.0.1"));
        let all = Exceptions::parse(&["0.0.0.0/0".to_owned()]).unwrap();
        assert!(all.address("127.0.0.1".parse().unwrap()) && !all.address("::1".parse().unwrap()));
        for bad in ["10.0.0.0/33", "http://x", "", "a b", "::1/129"] {
            assert!(
                Exceptions::parse(&[bad.to_owned()]).is_err(),
                "{bad} is taken"
            );
        }
    }
}
