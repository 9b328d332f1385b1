//! Links with which a recipient acknowledges an alert without signing in: what they say is signed, and ends. Whoever has one may do
//! nothing but that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ionveil_kernel::{EntityId, Org, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The most characters of a token.
const TOKEN_CHARS_MAX: usize = 2_048;

/// What a link says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Whose.
    pub org: Org,
    /// Which alert.
    pub alert: EntityId,
    /// Who acknowledges it.
    pub recipient: EntityId,
    /// Until when.
    pub until: Timestamp,
}

impl Link {
    /// The token that says it.
    #[must_use]
    pub fn seal(&self, key: &[u8]) -> String {
        let said = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default());
        let signature = URL_SAFE_NO_PAD.encode(signature(key, &said).finalize().into_bytes());
        format!("{said}.{signature}")
    }

    /// What a token says, if it was made with this key and is not over at `now`.
    #[must_use]
    pub fn open(token: &str, key: &[u8], now: Timestamp) -> Option<Self> {
        let (said, signed) = token.split_once('.').filter(|_| token.len() <= TOKEN_CHARS_MAX)?;
        let signed = URL_SAFE_NO_PAD.decode(signed).ok()?;
        signature(key, said).verify_slice(&signed).ok()?;
        let link: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(said).ok()?).ok()?;
        (now < link.until).then_some(link)
    }
}

fn signature(key: &[u8], said: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("a key of HMAC may have any length"));
    mac.update(said.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_with_its_key_and_until_its_end_only() {
        let at = Timestamp::from_micros;
        let names = (Org::new("default").unwrap(), EntityId::new("a").unwrap(), EntityId::new("desk").unwrap());
        let link = Link { org: names.0, alert: names.1, recipient: names.2, until: at(100) };
        let token = link.seal(b"key");
        assert_eq!(Link::open(&token, b"key", at(99)), Some(link));
        assert_eq!(Link::open(&token, b"key", at(100)), None, "at its end it is over");
        assert_eq!(Link::open(&token, b"another", at(0)), None);
        let (said, signed) = token.split_once('.').unwrap();
        let mut forged = URL_SAFE_NO_PAD.decode(said).unwrap();
        forged[9] ^= 1;
        for token in [format!("{}.{signed}", URL_SAFE_NO_PAD.encode(forged)), said.to_owned(), String::new(), format!("{said}.")] {
            assert_eq!(Link::open(&token, b"key", at(0)), None, "{token}");
        }
    }
}
