//! The IANA registries of special-purpose addresses (RFC 6890 and its updates), as far as they say "not globally reachable",
//! with multicast, what is reserved, and IPv4 inside IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block, and what it is; none: globally reachable within a larger block that is not.
type Block<A> = (A, u8, Option<&'static str>);

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8, what: &'static str) -> Block<Ipv4Addr> {
    (Ipv4Addr::new(a, b, c, d), length, Some(what))
}

/// <https://www.iana.org/assignments/iana-ipv4-special-registry>. The longest block that holds an address counts.
const V4: [Block<Ipv4Addr>; 20] = [
    v4(0, 0, 0, 0, 8, "this network"),
    v4(10, 0, 0, 0, 8, "private"),
    v4(100, 64, 0, 0, 10, "shared address space"),
    v4(127, 0, 0, 0, 8, "loopback"),
    v4(169, 254, 0, 0, 16, "link-local"),
    v4(172, 16, 0, 0, 12, "private"),
    v4(192, 0, 0, 0, 24, "IETF protocol assignment"),
    (Ipv4Addr::new(192, 0, 0, 9), 32, None),
    (Ipv4Addr::new(192, 0, 0, 10), 32, None),
    v4(192, 0, 2, 0, 24, "documentation"),
    v4(192, 88, 99, 0, 24, "deprecated 6to4 relay"),
    v4(192, 168, 0, 0, 16, "private"),
    v4(198, 18, 0, 0, 15, "benchmarking"),
    v4(198, 51, 100, 0, 24, "documentation"),
    v4(203, 0, 113, 0, 24, "documentation"),
    v4(224, 0, 0, 0, 4, "multicast"),
    v4(240, 0, 0, 0, 4, "reserved"),
    v4(255, 255, 255, 255, 32, "broadcast"),
    // Reachable, though registered: AS112 and AMT.
    (Ipv4Addr::new(192, 31, 196, 0), 24, None),
    (Ipv4Addr::new(192, 52, 193, 0), 24, None),
];

const fn v6(a: u16, b: u16, c: u16, length: u8, what: Option<&'static str>) -> Block<Ipv6Addr> {
    (Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length, what)
}

/// <https://www.iana.org/assignments/iana-ipv6-special-registry>, within 2000::/3; all else is not global unicast (RFC 4291).
const V6: [Block<Ipv6Addr>; 14] = [
    v6(0x2001, 0, 0, 23, Some("IETF protocol assignment")),
    v6(0x2001, 0, 0, 32, Some("Teredo")),
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 1), 128, None),
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 2), 128, None),
    (Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 3), 128, None),
    v6(0x2001, 2, 0, 48, Some("benchmarking")),
    v6(0x2001, 3, 0, 32, None),
    v6(0x2001, 4, 0x112, 48, None),
    v6(0x2001, 0x10, 0, 28, Some("deprecated ORCHID")),
    v6(0x2001, 0x20, 0, 28, None),
    v6(0x2001, 0x30, 0, 28, None),
    v6(0x2001, 0xdb8, 0, 32, Some("documentation")),
    v6(0x2002, 0, 0, 16, Some("6to4")),
    v6(0x3fff, 0, 0, 20, Some("documentation")),
];

/// What an address is, unless it is globally routable.
pub(super) fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = u32::from(address);
    let holds = |(base, length, _): &&Block<Ipv4Addr>| (bits ^ u32::from(*base)).leading_zeros() >= u32::from(*length);
    V4.iter().filter(holds).max_by_key(|(_, length, _)| *length).and_then(|(_, _, what)| *what)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [a, b, c, d, e, f, ..] = address.segments();
    match (a, b, c, d, e, f) {
        // An IPv4-mapped address is connected to over IPv4; NAT64's well-known prefix leads there.
        (0, 0, 0, 0, 0, 0xffff) => special_v4(embedded(address)),
        (0x64, 0xff9b, 0, 0, 0, 0) => special_v4(embedded(address)).map(|_| "NAT64 of an address that is not global"),
        (0x64, 0xff9b, 1, ..) => Some("NAT64 of local use"),
        (0, 0, 0, 0, 0, 0) if address == Ipv6Addr::LOCALHOST => Some("loopback"),
        (0, 0, 0, 0, 0, 0) => Some("unspecified or IPv4-compatible"),
        (0x2000..=0x3fff, ..) => special_unicast(address),
        (0xfc00..=0xfdff, ..) => Some("unique local"),
        (0xfe80..=0xfebf, ..) => Some("link-local"),
        (0xfec0..=0xfeff, ..) => Some("deprecated site-local"),
        (0xff00..=0xffff, ..) => Some("multicast"),
        _ => Some("not global unicast"),
    }
}

fn special_unicast(address: Ipv6Addr) -> Option<&'static str> {
    let bits = u128::from(address);
    let holds = |(base, length, _): &&Block<Ipv6Addr>| (bits ^ u128::from(*base)).leading_zeros() >= u32::from(*length);
    V6.iter().filter(holds).max_by_key(|(_, length, _)| *length).and_then(|(_, _, what)| *what)
}

/// The last 32 bits.
fn embedded(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}
