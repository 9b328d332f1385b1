//! Which addresses may be called: those that are globally routable, and those that the configuration names. Whatever a
//! request says, the machines around the server (loopback, private networks, the metadata service of a cloud) are nobody's
//! business. Pure: it resolves no name; who connects asks for each address that it is about to connect to.

mod registry;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} is not globally routable ({what}); if it may be called, name it in channels.allow")]
pub struct NotAllowed {
    /// The address.
    pub address: IpAddr,
    /// What it is.
    pub what: &'static str,
}

/// What else may be called: hosts and networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    hosts: Vec<String>,
    networks: Vec<Network>,
}

/// A network in CIDR notation, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    base: u128,
    length: u8,
    is_v4: bool,
}

/// An entry of the list that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a host name, an address or a network such as 10.0.0.0/8, not {0:?}")]
pub struct InvalidEntry(pub String);

impl Allow {
    /// Reads a list of host names, addresses and networks.
    ///
    /// # Errors
    /// [`InvalidEntry`], the first one.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidEntry> {
        let mut allow = Self::default();
        for entry in entries {
            match Network::parse(entry) {
                Some(network) => allow.networks.push(network),
                None => allow.hosts.push(host_name(entry).ok_or_else(|| InvalidEntry(entry.to_owned()))?),
            }
        }
        Ok(allow)
    }

    /// Whether `host`, as a URL has it, is named: whatever it resolves to may then be called.
    #[must_use]
    pub fn names(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    /// Whether `address` may be connected to, for a URL with this `host`.
    ///
    /// # Errors
    /// [`NotAllowed`].
    pub fn check(&self, host: &str, address: IpAddr) -> Result<(), NotAllowed> {
        let Some(what) = registry::special(address) else { return Ok(()) };
        let inner = address.to_canonical();
        let named = self.names(host) || self.networks.iter().any(|network| network.contains(inner) || network.contains(address));
        if named { Ok(()) } else { Err(NotAllowed { address, what }) }
    }

    /// Checks a host that is an address already, in whatever spelling: `127.1`, `0x7f000001`, `[::1]`. Names are left to who
    /// resolves them.
    ///
    /// # Errors
    /// [`NotAllowed`].
    pub fn check_literal(&self, host: &str) -> Result<(), NotAllowed> {
        literal(host).map_or(Ok(()), |address| self.check(host, address))
    }
}

/// The address that a host of a URL is, in whatever spelling browsers and C libraries take (WHATWG URL §3.5, `inet_aton`):
/// decimal, octal and hexadecimal, one to four parts. None of a name.
#[must_use]
pub fn literal(host: &str) -> Option<IpAddr> {
    let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    // A scope such as `%eth0` names an interface of this machine: the address before it counts.
    let v6 = host.split('%').next().unwrap_or(host);
    v6.parse::<Ipv6Addr>().map(IpAddr::V6).ok().or_else(|| v4_literal(host).map(IpAddr::V4))
}

fn v4_literal(host: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = host.strip_suffix('.').unwrap_or(host).split('.').collect();
    let (last, head) = parts.split_last()?;
    if head.len() > 3 {
        return None;
    }
    let mut bits: u64 = 0;
    for part in head {
        bits = bits << 8 | number(part).filter(|byte| *byte < 256)?;
    }
    let left = 8 * (4 - u32::try_from(head.len()).ok()?);
    let tail = number(last).filter(|tail| *tail < 1_u64 << left)?;
    u32::try_from(bits << left | tail).ok().map(Ipv4Addr::from)
}

fn number(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.strip_prefix("0x") {
        Some("") => ("0", 16),
        Some(hex) => (hex, 16),
        None if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        None => (lower.as_str(), 10),
    };
    digits.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| u64::from_str_radix(digits, radix).ok()).flatten()
}

fn host_name(entry: &str) -> Option<String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let lawful = entry.len() <= 253 && entry.split('.').all(label) && literal(entry).is_none();
    lawful.then(|| entry.to_ascii_lowercase())
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().ok()?;
        let (bits, is_v4) = bits(address);
        let width = if is_v4 { 32 } else { 128 };
        let length = length.map_or(Some(width), |length| length.parse::<u8>().ok()).filter(|length| *length <= width)?;
        let base = bits & mask(length, width);
        (base == bits).then_some(Self { base, length, is_v4 })
    }

    fn contains(&self, address: IpAddr) -> bool {
        let (bits, is_v4) = bits(address);
        is_v4 == self.is_v4 && bits & mask(self.length, if is_v4 { 32 } else { 128 }) == self.base
    }
}

fn bits(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), true),
        IpAddr::V6(v6) => (u128::from(v6), false),
    }
}

const fn mask(length: u8, width: u8) -> u128 {
    let all = u128::MAX >> (128 - width as u32);
    let host = if length == 0 { all } else { (all >> (length - 1)) >> 1 };
    all & !host
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = match u32::try_from(self.base) {
            Ok(v4) if self.is_v4 => IpAddr::V4(Ipv4Addr::from(v4)),
            _ => IpAddr::V6(Ipv6Addr::from(self.base)),
        };
        write!(f, "{address}/{}", self.length)
    }
}
