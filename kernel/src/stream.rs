//! Names of organisations, kinds, entities and streams.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} must match {pattern}")]
pub struct NameError {
    /// What was to be named.
    pub what: &'static str,
    /// The pattern it has to match.
    pub pattern: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $pattern:literal, $max:literal, $first:expr, $rest:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The pattern that every such name matches.
            pub const PATTERN: &'static str = $pattern;

            /// Checks and takes a name.
            ///
            /// # Errors
            /// [`NameError`] if `text` does not match [`Self::PATTERN`].
            pub fn new(text: &str) -> Result<Self, NameError> {
                let first: fn(u8) -> bool = $first;
                let rest: fn(u8) -> bool = $rest;
                let bytes = text.as_bytes();
                let lawful = bytes.len() <= $max && bytes.first().is_some_and(|b| first(*b)) && bytes[1..].iter().all(|b| rest(*b));
                if lawful { Ok(Self(text.into())) } else { Err(NameError { what: $what, pattern: $pattern }) }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }
    };
}

fn lower(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

name!(
    /// An organisation: the boundary that tenants cannot see across.
    Org, "organisation", "[a-z0-9][a-z0-9_-]{0,62}", 63, lower, |b| lower(b) || b == b'_' || b == b'-'
);
name!(
    /// A kind of entity, such as `workflow`.
    Kind, "kind", "[a-z0-9][a-z0-9_-]{0,62}", 63, lower, |b| lower(b) || b == b'_' || b == b'-'
);
name!(
    /// The id of an entity inside its organisation and kind.
    EntityId, "id", "[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}", 128, |b| b.is_ascii_alphanumeric(),
    |b| b.is_ascii_alphanumeric() || b"_:@.-".contains(&b)
);

/// A stream, and the entity whose main stream it is: `<kind>:<org>:<id>`. The same id in two organisations is two
/// entities.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// The organisation that owns it.
    pub org: Org,
    /// The kind of entity.
    pub kind: Kind,
    /// The id inside organisation and kind.
    pub id: EntityId,
}

impl StreamId {
    /// Names a stream.
    #[must_use]
    pub const fn new(org: Org, kind: Kind, id: EntityId) -> Self {
        Self { org, kind, id }
    }

    /// The partition of the entity among `partitions`: FNV-1a over `org`, `kind` and `id`, separated by a zero byte
    /// (<https://www.rfc-editor.org/rfc/rfc9923>). It is stored, so it may never change.
    #[must_use]
    pub fn partition(&self, partitions: u16) -> u16 {
        let parts = [self.org.as_str(), "\0", self.kind.as_str(), "\0", self.id.as_str()];
        let hash = parts
            .iter()
            .flat_map(|part| part.bytes())
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        u16::try_from((hash ^ (hash >> 32)) % u64::from(partitions.max(1))).unwrap_or(0)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.kind, self.org, self.id)
    }
}

impl FromStr for StreamId {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut parts = text.splitn(3, ':');
        let (Some(kind), Some(org), Some(id)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NameError { what: "stream", pattern: "<kind>:<org>:<id>" });
        };
        Ok(Self { org: Org::new(org)?, kind: Kind::new(kind)?, id: EntityId::new(id)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_at_the_door() {
        for (text, lawful) in [("a", true), ("A:b@c.d-e_f", true), ("", false), ("-a", false), ("a b", false), ("é", false), ("a\n", false)]
        {
            assert_eq!(EntityId::new(text).is_ok(), lawful, "{text:?}");
        }
        assert!(EntityId::new(&"x".repeat(128)).is_ok());
        assert!(EntityId::new(&"x".repeat(129)).is_err());
        assert!(Org::new("Default").is_err());
        assert!(Org::new(&"o".repeat(64)).is_err());
    }

    #[test]
    fn streams_parse_back_also_with_colons_in_the_id() {
        let stream: StreamId = "workflow:default:a:b".parse().unwrap();
        assert_eq!(stream.id.as_str(), "a:b");
        assert_eq!(stream.to_string(), "workflow:default:a:b");
        assert!("workflow:default".parse::<StreamId>().is_err());
    }

    #[test]
    fn partitions_are_stable_and_spread() {
        let stream: StreamId = "workflow:default:163664036-AM30".parse().unwrap();
        assert_eq!(stream.partition(16), stream.partition(16));
        let mut count = [0_u32; 16];
        for n in 0..16_000 {
            let id = StreamId { id: EntityId::new(&format!("e{n}")).unwrap(), ..stream.clone() };
            count[usize::from(id.partition(16))] += 1;
        }
        assert!(count.iter().all(|n| (700..1300).contains(n)), "{count:?}");
    }
}
