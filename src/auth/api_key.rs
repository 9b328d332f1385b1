//! Long-lived keys of machines: `ivk_<id>_<secret>`. The server knows only the SHA-256 of the whole key, which is enough
//! because the secret has 256 random bits: there is nothing to guess, so nothing to slow down.

use crate::auth::Refused;
use crate::config::ApiKey;
use ionveil_kernel::Caller;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use subtle::ConstantTimeEq;

/// What every key begins with, so that scanners for leaked secrets can find it.
const PREFIX: &str = "ivk_";
/// What the id of a key looks like. It has no underscore, which ends it in the key.
pub const KEY_ID_PATTERN: &str = "[a-z0-9][a-z0-9-]{0,62}";

/// Whether `text` matches [`KEY_ID_PATTERN`].
#[must_use]
pub fn is_key_id(text: &str) -> bool {
    let lower = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() <= 63 && bytes.first().is_some_and(lower) && bytes.iter().all(|b| lower(b) || *b == b'-')
}

/// Reads 64 hexadecimal digits.
#[must_use]
pub fn hash_from_hex(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).ok().map(|()| hash)
}

/// A key that was just made.
pub struct NewApiKey {
    /// The key: shown once, kept nowhere.
    pub key: String,
    /// What the server needs to know of it, in hexadecimal.
    pub sha256: String,
}

/// Makes a key from 256 bits that nobody can guess.
#[must_use]
pub fn new_api_key(id: &str, random: &[u8; 32]) -> NewApiKey {
    let key = format!("{PREFIX}{id}_{}", hex::encode(random));
    let sha256 = hex::encode(Sha256::digest(key.as_bytes()));
    NewApiKey { key, sha256 }
}

/// The keys that are known, by id.
pub(super) struct ApiKeys(BTreeMap<String, ApiKey>);

impl ApiKeys {
    pub(super) fn new(keys: &[ApiKey]) -> Self {
        Self(keys.iter().map(|key| (key.id.clone(), key.clone())).collect())
    }

    pub(super) fn verify(&self, text: &str) -> Result<Caller, Refused> {
        let (id, _) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(Refused::Malformed("no API key"))?;
        let key = self.0.get(id).ok_or(Refused::UnknownKey)?;
        let genuine = Sha256::digest(text.as_bytes()).as_slice().ct_eq(&key.sha256);
        if !bool::from(genuine) {
            return Err(Refused::NotGenuine);
        }
        Ok(Caller { org: key.org.clone(), subject: format!("key:{}", key.subject).into(), role: key.role })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ionveil_kernel::{Org, Role};

    fn known(id: &str, key: &NewApiKey) -> ApiKeys {
        let sha256 = hash_from_hex(&key.sha256).unwrap();
        let org = Org::new("acme").unwrap();
        ApiKeys::new(&[ApiKey { id: id.to_owned(), subject: "bridge".to_owned(), org, role: Role::Dispatcher, sha256 }])
    }

    #[test]
    fn a_made_key_is_let_in_and_nothing_near_it() {
        let key = new_api_key("cad-1", &[7; 32]);
        let keys = known("cad-1", &key);
        let caller = keys.verify(&key.key).unwrap();
        assert_eq!((caller.org.as_str(), &*caller.subject, caller.role), ("acme", "key:bridge", Role::Dispatcher));
        let other = new_api_key("cad-1", &[8; 32]).key;
        let stranger = new_api_key("cad-2", &[7; 32]).key;
        for (text, why) in [
            (other.as_str(), Refused::NotGenuine),
            (stranger.as_str(), Refused::UnknownKey),
            (&key.key[..key.key.len() - 1], Refused::NotGenuine),
            (&key.key.to_uppercase(), Refused::Malformed("no API key")),
            ("ivk_cad-1_", Refused::NotGenuine),
            ("ivk_cad-1", Refused::Malformed("no API key")),
            ("ivk__x", Refused::UnknownKey),
            ("", Refused::Malformed("no API key")),
        ] {
            assert_eq!(keys.verify(text), Err(why), "{text}");
        }
    }

    #[test]
    fn hashes_are_read_whole_or_not_at_all() {
        assert_eq!(hash_from_hex(&hex::encode([0xab; 32])), Some([0xab; 32]));
        for text in ["", "ab", &"g".repeat(64), &"é".repeat(32), &"a".repeat(65), &format!("+{}", "a".repeat(63))] {
            assert_eq!(hash_from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn ids_have_no_underscore() {
        for (id, lawful) in [("a", true), ("cad-bridge-2", true), ("a_b", false), ("", false), ("-a", false), ("A", false)] {
            assert_eq!(is_key_id(id), lawful, "{id}");
        }
    }
}
