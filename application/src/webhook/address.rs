//! Where deliveries may go: what every address of the Internet is, and which of them are public.
//!
//! The guard judges addresses and not names: a name is resolved, and every address it resolves to is judged, when an
//! endpoint is saved and again at every connect, on the very address that is connected to. An operator may allow
//! networks of their own ([`AllowList`]); what the Internet routes is allowed to all.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use interflow_domain::InvalidValue;

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It is routed on the Internet.
    Public,
    /// "This network", and unspecified addresses.
    Unspecified,
    /// This machine.
    Loopback,
    /// Networks of somebody's own (RFC 1918, RFC 4193, and site-local before it).
    Private,
    /// Carrier-grade NAT (RFC 6598).
    SharedNat,
    /// This link.
    LinkLocal,
    /// Where clouds tell their machines secrets.
    Metadata,
    /// Examples in documents.
    Documentation,
    /// Benchmarks of devices.
    Benchmarking,
    /// To many at once.
    Multicast,
    /// To all at once.
    Broadcast,
    /// Addresses in which another one is hidden that the network on the way takes out: deprecated or local transition.
    Translation,
    /// Assigned to protocols, or to nobody yet.
    Reserved,
}

/// A network: the first bits that its addresses have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    bits: u8,
}

impl Cidr {
    const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Self {
        Self { network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits }
    }

    const fn v6(a: u16, b: u16, c: u16, bits: u8) -> Self {
        Self { network: IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)), bits }
    }

    /// Whether an address is in it. An IPv4 address is in no IPv6 network.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                (network.to_bits() ^ address.to_bits()) & mask == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                (network.to_bits() ^ address.to_bits()) & mask == 0
            }
            _ => false,
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.bits)
    }
}

impl FromStr for Cidr {
    type Err = InvalidValue;

    /// `10.0.0.0/8`, `fd00::/8`, or one address.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        const RULE: InvalidValue =
            InvalidValue("must be an address or a network whose other bits are zero, for example 10.0.0.0/8");
        let (network, bits) = match text.split_once('/') {
            Some((network, bits)) => (network, Some(bits)),
            None => (text, None),
        };
        let network: IpAddr = network.parse().map_err(|_| RULE)?;
        let most = if network.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| RULE)?;
        let rest_is_zero = match network {
            IpAddr::V4(network) => u128::from(network.to_bits()) & low(32, bits) == 0,
            IpAddr::V6(network) => network.to_bits() & low(128, bits) == 0,
        };
        if bits <= most && rest_is_zero { Ok(Self { network, bits }) } else { Err(RULE) }
    }
}

/// The bits of an address of this width beyond the first `bits`.
const fn low(width: u32, bits: u8) -> u128 {
    match 1_u128.checked_shl(width.saturating_sub(bits as u32)) {
        Some(beyond) => beyond - 1,
        None => u128::MAX,
    }
}

/// From IANA's registries of special-purpose addresses, and what clouds use; the first that contains an address says
/// what it is.
const V4: [(Cidr, Class); 22] = [
    (Cidr::v4(169, 254, 169, 254, 32), Class::Metadata),
    (Cidr::v4(169, 254, 170, 2, 32), Class::Metadata),
    (Cidr::v4(100, 100, 100, 200, 32), Class::Metadata),
    (Cidr::v4(168, 63, 129, 16, 32), Class::Metadata),
    (Cidr::v4(192, 0, 0, 192, 32), Class::Metadata),
    (Cidr::v4(0, 0, 0, 0, 8), Class::Unspecified),
    (Cidr::v4(10, 0, 0, 0, 8), Class::Private),
    (Cidr::v4(100, 64, 0, 0, 10), Class::SharedNat),
    (Cidr::v4(127, 0, 0, 0, 8), Class::Loopback),
    (Cidr::v4(169, 254, 0, 0, 16), Class::LinkLocal),
    (Cidr::v4(172, 16, 0, 0, 12), Class::Private),
    (Cidr::v4(192, 0, 0, 0, 24), Class::Reserved),
    (Cidr::v4(192, 0, 2, 0, 24), Class::Documentation),
    (Cidr::v4(192, 88, 99, 0, 24), Class::Translation),
    (Cidr::v4(192, 168, 0, 0, 16), Class::Private),
    (Cidr::v4(198, 18, 0, 0, 15), Class::Benchmarking),
    (Cidr::v4(198, 51, 100, 0, 24), Class::Documentation),
    (Cidr::v4(203, 0, 113, 0, 24), Class::Documentation),
    (Cidr::v4(224, 0, 0, 0, 4), Class::Multicast),
    (Cidr::v4(255, 255, 255, 255, 32), Class::Broadcast),
    (Cidr::v4(240, 0, 0, 0, 4), Class::Reserved),
    (Cidr::v4(0, 0, 0, 0, 0), Class::Public),
];

/// Only `2000::/3` is handed out at all; exceptions stand before it. Addresses with an IPv4 address in them that is
/// reached as such (mapped, and NAT64's well-known prefix) are judged by that one, before this table.
const V6: [(Cidr, Class); 13] = [
    (
        Cidr { network: IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), bits: 128 },
        Class::Metadata,
    ),
    (Cidr { network: IpAddr::V6(Ipv6Addr::LOCALHOST), bits: 128 }, Class::Loopback),
    (Cidr { network: IpAddr::V6(Ipv6Addr::UNSPECIFIED), bits: 128 }, Class::Unspecified),
    // IPv4-compatible, NAT64 for local use, Teredo and 6to4.
    (Cidr::v6(0, 0, 0, 96), Class::Translation),
    (Cidr::v6(0x64, 0xff9b, 1, 48), Class::Translation),
    (Cidr::v6(0x2001, 0, 0, 32), Class::Translation),
    (Cidr::v6(0x2002, 0, 0, 16), Class::Translation),
    (Cidr::v6(0x2001, 0xdb8, 0, 32), Class::Documentation),
    (Cidr::v6(0x3fff, 0, 0, 20), Class::Documentation),
    (Cidr::v6(0x2001, 0, 0, 23), Class::Reserved),
    (Cidr::v6(0x2000, 0, 0, 3), Class::Public),
    (Cidr::v6(0xff00, 0, 0, 8), Class::Multicast),
    (Cidr::v6(0, 0, 0, 0), Class::Reserved),
];

/// The rest of IPv6's local ranges, which need more than the table's zeros to be told apart.
const V6_LOCAL: [(Cidr, Class); 5] = [
    (Cidr::v6(0x2001, 2, 0, 48), Class::Benchmarking),
    (Cidr::v6(0xfc00, 0, 0, 7), Class::Private),
    (Cidr::v6(0xfe80, 0, 0, 10), Class::LinkLocal),
    (Cidr::v6(0xfec0, 0, 0, 10), Class::Private),
    (Cidr::v6(0x100, 0, 0, 64), Class::Reserved),
];

/// The prefix by which networks without IPv4 reach all of it (RFC 6052).
const NAT64: Cidr = Cidr::v6(0x64, 0xff9b, 0, 96);

/// What an address is for. An address that stands for an IPv4 address is what that one is.
#[must_use]
pub fn class(address: IpAddr) -> Class {
    let address = plain(address);
    let all = V4.iter().chain(&V6[..3]).chain(&V6_LOCAL).chain(&V6[3..]);
    let mut of = all.filter(|(network, _)| network.contains(address)).map(|(_, class)| *class);
    of.next().unwrap_or(Class::Reserved)
}

/// The IPv4 address that is reached through an address, where one is.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let embedded = NAT64.contains(address).then(|| {
        let [.., a, b, c, d] = v6.octets();
        Ipv4Addr::new(a, b, c, d)
    });
    v6.to_ipv4_mapped().or(embedded).map_or(address, IpAddr::V4)
}

/// Networks that are allowed though they are not public.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowList(Vec<Cidr>);

impl AllowList {
    /// These networks.
    #[must_use]
    pub const fn new(networks: Vec<Cidr>) -> Self {
        Self(networks)
    }

    /// Every address there is: for the endpoint that the operator set.
    #[must_use]
    pub fn everything() -> Self {
        Self(vec![Cidr::v4(0, 0, 0, 0, 0), Cidr::v6(0, 0, 0, 0)])
    }

    /// Whether deliveries may go to an address, and if not, what it is.
    pub fn check(&self, address: IpAddr) -> Result<(), Blocked> {
        let class = class(address);
        let plain = plain(address);
        let allowed = class == Class::Public
            || self.0.iter().any(|network| network.contains(plain) || network.contains(address));
        if allowed { Ok(()) } else { Err(Blocked { address, class }) }
    }
}

/// An address to which deliveries must not go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is not a public address")]
pub struct Blocked {
    /// The address.
    pub address: IpAddr,
    /// What it is.
    pub class: Class,
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
