//! Typed ids. Each is a UUID of its own type, so that one cannot stand for another.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::{Builder, Uuid};

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// Names one event for ever (UUIDv7, RFC 9562 §5.7).
    EventId
);
uuid_id!(
    /// Names one command; a repeat under the same id is answered as the first was.
    CommandId
);
uuid_id!(
    /// Shared by everything that one outside request sets off.
    CorrelationId
);
uuid_id!(
    /// Names a node; kept in its data directory.
    NodeId
);

/// Where new ids come from. Real nodes draw them from time and randomness, tests from a seed.
pub trait IdSource: Send + Sync {
    /// A fresh id that sorts by time (UUIDv7).
    fn next_id(&self) -> Uuid;
}

/// Derives an id from what it stands for: UUIDv8 (RFC 9562 §5.8) over SHA-256 of the length-prefixed `parts`. The same
/// parts always give the same id; no two different lists of parts share an input to the hash.
#[must_use]
pub fn derive_uuid(parts: &[&str]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_depend_on_where_parts_end() {
        assert_eq!(derive_uuid(&["a", "bc"]), derive_uuid(&["a", "bc"]));
        assert_ne!(derive_uuid(&["a", "bc"]), derive_uuid(&["ab", "c"]));
        assert_eq!(derive_uuid(&[]).get_version_num(), 8);
    }
}
